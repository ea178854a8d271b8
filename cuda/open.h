/* open.h: what the module offers. */
#ifndef RKV_CUDA_OPEN_H
#define RKV_CUDA_OPEN_H

#include "backend/backend.h"

/* How many devices there are; RKV_UNAVAILABLE: none, in the driver's words. */
rkv_status rkv_cuda_count(size_t *n);

/* RKV_UNAVAILABLE: no such device, or one that the module was not compiled for. */
rkv_status rkv_cuda_open(rkv_backend **out, size_t ordinal);

#endif
