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

rkv_status device_check_one(const char *device) {
    if (!strchr(device, ',')) return RKV_OK;
    return complain(RKV_USAGE, "--device %s: one device computes here; analyze and probe take several",
                    device);
}

rkv_status device_check(const char *device) {
    char text[512];
    return said(rkv_device_describe(device, text, sizeof text));
}
