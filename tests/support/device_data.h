/* device_data.h: random numbers, and host arrays in a backend's device memory and back. */
#ifndef RKV_TESTS_DEVICE_DATA_H
#define RKV_TESTS_DEVICE_DATA_H

#include "backend/backend.h"
#include "core/random.h"

extern rkv_random dice;

/* [n], uniform in [-1, 1); the caller frees them. */
float *random_floats(size_t n);

/* [n, n]: causal rows that add up to 1: sharp, flat and with exact zeros. */
float *random_attention(size_t n);

/* A copy of host [n] in device memory; n floats of it; both are released by the backend. */
float *on_device(rkv_backend *b, const float *host, size_t n);
float *empty_device(rkv_backend *b, size_t n);

#endif
