/* host_copy.c: what a device made, in ordinary memory. */
#include "model/host_copy.h"

#include "core/memory.h"

rkv_status rkv_host_copy_take(rkv_host_copy *copy, rkv_backend *backend, const float **array, size_t n) {
    if (backend->host_memory || !*array) return RKV_OK;
    if (n > copy->n) {
        rkv_host_copy_clear(copy);
        rkv_status status = rkv_alloc_raw(&copy->at, n, sizeof *copy->at);
        if (status) return status;
        copy->n = n;
    }
    const float *device = *array;
    *array = copy->at;
    return backend->ops->download(backend, copy->at, device, n);
}

void rkv_host_copy_clear(rkv_host_copy *copy) {
    free(copy->at);
    *copy = (rkv_host_copy){0};
}

rkv_status rkv_device_copy_new(float **device, rkv_backend *backend, const float *host, size_t n) {
    *device = NULL;
    rkv_status status = backend->ops->alloc(backend, device, n);
    if (!status) status = backend->ops->upload(backend, *device, host, n);
    if (!status) return RKV_OK;
    backend->ops->release(backend, *device);
    *device = NULL;
    return status;
}
