/* host_copy.h: what a device made, in ordinary memory, for those who look at numbers there.
 *
 * Where device memory is ordinary memory nothing is copied, and nothing is allocated. */
#ifndef RKV_MODEL_HOST_COPY_H
#define RKV_MODEL_HOST_COPY_H

#include "model/forward.h"

/* Room for one array, kept to be used again. Start from {0}. */
typedef struct rkv_host_copy {
    float *at;
    size_t n;
} rkv_host_copy;

/* *array [n], device memory or NULL, becomes the same in ordinary memory: valid until the next call. */
rkv_status rkv_host_copy_take(rkv_host_copy *copy, rkv_backend *backend, const float **array, size_t n);
void rkv_host_copy_clear(rkv_host_copy *copy);

/* Room for the arrays of a projection. Start from {0}. */
typedef struct rkv_host_copies {
    rkv_host_copy queries, keys, values;
} rkv_host_copies;

/* The same for those arrays of a projection that are not NULL. */
rkv_status rkv_host_copies_of_projection(rkv_host_copies *copies, rkv_backend *backend, rkv_projection *p);
void rkv_host_copies_clear(rkv_host_copies *copies);

/* The other way: *device = host [n], which the caller releases; NULL on failure. A copy everywhere. */
rkv_status rkv_device_copy_new(float **device, rkv_backend *backend, const float *host, size_t n);

#endif
