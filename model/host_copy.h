/* host_copy.h: what a device made, in ordinary memory, for those who look at numbers there.
 *
 * Where device memory is ordinary memory nothing is copied, and nothing is allocated. */
#ifndef RKV_MODEL_HOST_COPY_H
#define RKV_MODEL_HOST_COPY_H

#include "backend/backend.h"

/* Room for one array, kept to be used again. Start from {0}. */
typedef struct rkv_host_copy {
    float *at;
    size_t n;
} rkv_host_copy;

/* *array [n], device memory or NULL, becomes the same in ordinary memory: valid until the next call. */
rkv_status rkv_host_copy_take(rkv_host_copy *copy, rkv_backend *backend, const float **array, size_t n);
void rkv_host_copy_clear(rkv_host_copy *copy);

/* The other way: *device = host [n], which the caller releases; NULL on failure. A copy everywhere. */
rkv_status rkv_device_copy_new(float **device, rkv_backend *backend, const float *host, size_t n);

#endif
