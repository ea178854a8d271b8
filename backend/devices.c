/* devices.c: several devices that were asked for together. */
#include "backend/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"

/* Reads the number at *at and steps behind it. */
static bool read_ordinal(const char **at, size_t *ordinal) {
    size_t length = strspn(*at, "0123456789");
    if (length == 0 || length > 4) return false;
    *ordinal = strtoul(*at, NULL, 10);
    *at += length;
    return true;
}

static bool holds(const rkv_device_list *list, size_t ordinal) {
    for (size_t i = 0; i < list->n; i++)
        if (list->ordinal[i] == ordinal) return true;
    return false;
}

rkv_status rkv_devices_read(const char *device, rkv_device_list *out) {
    const char *at = device + strlen("cuda");
    *out = (rkv_device_list){.n = 1};
    if (*at == '\0') return RKV_OK;
    out->n = 0;
    for (char before = ':'; *at; before = ',') {
        size_t ordinal;
        if (*at++ != before || !read_ordinal(&at, &ordinal))
            return rkv_fail(RKV_USAGE,
                            "device '%s': what follows cuda: is a device's number, or several with commas",
                            device);
        if (holds(out, ordinal))
            return rkv_fail(RKV_USAGE, "device '%s': %zu is named twice", device, ordinal);
        if (out->n == RKV_MOST_DEVICES)
            return rkv_fail(RKV_USAGE, "device '%s': more than %d devices", device, RKV_MOST_DEVICES);
        out->ordinal[out->n++] = ordinal;
    }
    return RKV_OK;
}

/* ",1,2" for the first one's name. */
static void name_others(const rkv_device_list *devices, char *text, size_t size) {
    *text = '\0';
    for (size_t i = 1; i < devices->n; i++) {
        size_t length = strlen(text);
        snprintf(text + length, size - length, ",%zu", devices->ordinal[i]);
    }
}

static rkv_status open_helpers(rkv_backend *backend, rkv_status (*open)(rkv_backend **, size_t),
                               const rkv_device_list *devices) {
    rkv_status status = rkv_alloc(&backend->helpers, devices->n, sizeof *backend->helpers);
    for (size_t i = 0; !status && i < devices->n; i++) {
        status = open(&backend->helpers[i], devices->ordinal[i]);
        backend->n_helpers += !status;
    }
    if (status) return status;
    name_others(devices, backend->others, sizeof backend->others);
    return backend->ops->set_precision(backend, RKV_PRECISION_FLOAT32); /* its name says them now */
}

static void close_helpers(rkv_backend *backend) {
    for (size_t i = 0; i < backend->n_helpers; i++)
        rkv_backend_close(backend->helpers[i]);
    free(backend->helpers);
    backend->helpers = NULL, backend->n_helpers = 0;
}

void rkv_devices_dismiss(rkv_backend *backend) {
    if (!backend->n_helpers) return;
    close_helpers(backend);
    *backend->others = '\0';
    backend->ops->set_precision(backend, RKV_PRECISION_FLOAT32); /* its name says them no more */
}

void rkv_backend_close(rkv_backend *backend) {
    if (!backend) return;
    if (!backend->rehearses) close_helpers(backend);
    backend->ops->close(backend);
}

rkv_status rkv_devices_open(rkv_backend **out, rkv_status (*open)(rkv_backend **out, size_t ordinal),
                            const rkv_device_list *devices) {
    rkv_status status = open(out, devices->ordinal[0]);
    if (status || devices->n == 1) return status;
    status = open_helpers(*out, open, devices);
    if (!status) return RKV_OK;
    rkv_backend_close(*out);
    *out = NULL;
    return status;
}
