/* device.c: what --device means on this machine. */
#include "cli/device.h"

#include <stdbool.h>
#include <string.h>

#include <rankkv/device.h>

#include "cli/message.h"

static bool finds_gpu(char *reason, size_t size) {
    char name[32];
    return rkv_device_choose("auto", name, sizeof name, reason, size) == RKV_OK && strcmp(name, "cpu") != 0;
}

const char *device_choose(const char *device) {
    char reason[512];
    if (strcmp(device, "auto") != 0) return device;
    if (finds_gpu(reason, sizeof reason)) return "cuda:0";
    note("computing on the CPU: %s", reason);
    return "cpu";
}

rkv_status device_choose_for_executor(const char *device, const char **chosen) {
    char text[512];
    *chosen = "cpu";
    if (strcmp(device, "cpu") == 0) return RKV_OK;
    if (strcmp(device, "auto") == 0) return RKV_OK; /* without starting a GPU to leave it alone */
    rkv_status status =
        said(rkv_device_describe(device, text, sizeof text)); /* that it is not there comes first */
    return status ? status
                  : complain(RKV_UNAVAILABLE, "--device %s: caches are compressed on the cpu alone", device);
}
