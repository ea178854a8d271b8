/* backend.c: which device a name means. */
#include "backend/backend.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <rankkv/device.h>

#include "backend/devices.h"
#include "backend/module.h"
#include "core/fail.h"

static rkv_status open_cuda(rkv_backend **out, const char *device) {
    const rkv_module *module = NULL;
    rkv_device_list devices;
    rkv_status status = rkv_devices_read(device, &devices);
    if (!status) status = rkv_module_open("cuda", &module);
    if (!status) status = rkv_devices_open(out, module->open, &devices);
    if (!status || status == RKV_USAGE) return status;
    return rkv_fail_within(status, "device %s", device);
}

/* Whether there is a device of CUDA's; else why not. Where there is no driver the module is not even opened:
 * its libraries are large. */
static rkv_status find_cuda(void) {
    const rkv_module *module = NULL;
    size_t n;
    void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!driver) return rkv_fail(RKV_UNAVAILABLE, "no NVIDIA driver: %s", dlerror());
    dlclose(driver);
    rkv_status status = rkv_module_open("cuda", &module);
    return status ? status : module->count(&n);
}

static bool is_auto(const char *device) {
    return !device || strcmp(device, "auto") == 0;
}

/* Whether "auto" would find a GPU that can really be opened: one may be too old, or full. */
static rkv_status try_cuda(void) {
    rkv_backend *backend = NULL;
    rkv_status status = find_cuda();
    if (!status) status = open_cuda(&backend, "cuda:0");
    rkv_backend_close(backend);
    return status;
}

rkv_status rkv_device_choose(const char *device, char *name, size_t size, char *reason, size_t reason_size) {
    bool found = is_auto(device) && try_cuda() == RKV_OK;
    const char *chosen = found ? "cuda:0" : is_auto(device) ? "cpu" : device;
    if ((size_t)snprintf(name, size, "%s", chosen) >= size)
        return rkv_fail(RKV_USAGE, "device '%s' is unknown: auto, cpu, cuda, cuda:N or cuda:N,N", device);
    snprintf(reason, reason_size, "%s", is_auto(device) && !found ? rkv_message() : "");
    return RKV_OK;
}

rkv_status rkv_backend_open(rkv_backend **out, const char *device) {
    *out = NULL;
    if (is_auto(device)) {
        rkv_status status = find_cuda();
        if (!status) status = open_cuda(out, "cuda:0");
        return status ? rkv_cpu_open(out) : RKV_OK;
    }
    if (strcmp(device, "cpu") == 0) return rkv_cpu_open(out);
    if (strncmp(device, "cuda", 4) == 0 && (device[4] == '\0' || device[4] == ':'))
        return open_cuda(out, device);
    return rkv_fail(RKV_USAGE, "device '%s' is unknown: auto, cpu, cuda, cuda:N or cuda:N,N", device);
}

rkv_status rkv_device_describe(const char *device, char *text, size_t size) {
    rkv_backend *backend;
    rkv_status status = rkv_backend_open(&backend, device);
    if (status) return status;
    snprintf(text, size, "%s%s%s", backend->description, backend->n_helpers ? "; with it cuda:" : "",
             backend->n_helpers ? backend->others + 1 : "");
    rkv_backend_close(backend);
    return RKV_OK;
}

/* ---- precisions ---- */

static const struct {
    const char *name, *summary;
} precisions[] = {
#define ROW(symbol, name, summary) [symbol] = {name, summary},
    RKV_PRECISION_LIST(ROW)
#undef ROW
};

const char *rkv_precision_name(rkv_precision precision) {
    return (unsigned)precision < RKV_PRECISION_COUNT ? precisions[precision].name : NULL;
}

const char *rkv_precision_summary(rkv_precision precision) {
    return (unsigned)precision < RKV_PRECISION_COUNT ? precisions[precision].summary : NULL;
}
