/* backend.c: which device a name means. */
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

#include <rankkv/device.h>

#include "core/fail.h"

rkv_status rkv_backend_open(rkv_backend **out, const char *device) {
    *out = NULL;
    if (!device || strcmp(device, "auto") == 0 || strcmp(device, "cpu") == 0) return rkv_cpu_open(out);
    if (strncmp(device, "cuda", 4) == 0 && (device[4] == '\0' || device[4] == ':'))
        return rkv_fail(RKV_UNAVAILABLE, "device %s: this build has no CUDA module", device);
    return rkv_fail(RKV_USAGE, "device '%s' is unknown: auto, cpu, cuda or cuda:N", device);
}

void rkv_backend_close(rkv_backend *backend) {
    if (backend) backend->ops->close(backend);
}

rkv_status rkv_device_describe(const char *device, char *text, size_t size) {
    rkv_backend *backend;
    rkv_status status = rkv_backend_open(&backend, device);
    if (status) return status;
    snprintf(text, size, "%s", backend->description);
    rkv_backend_close(backend);
    return RKV_OK;
}
