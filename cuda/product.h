/* product.h: products of float32 matrices by cuBLAS, at the backend's precision. */
#ifndef RKV_CUDA_PRODUCT_H
#define RKV_CUDA_PRODUCT_H

#include "cuda/device.h"

/* Row-major x of `batch` matrices, each `stride` numbers after the one before, rows `ld` numbers apart. */
typedef struct rkv_cuda_rows {
    const float *x;
    size_t ld, stride;
} rkv_cuda_rows;

/* y [m, n] = a [m, k] b + (accumulate ? y : 0), batch by batch; b is [k, n], or [n, k] when turned, and a [k,
 * m] when a_turned. */
typedef struct rkv_cuda_product {
    size_t m, n, k, batch;
    size_t shared; /* as many neighbours have the same b; 0: each has its own */
    rkv_cuda_rows a, b;
    bool turned, a_turned, accumulate;
    float *y;
    size_t y_ld, y_stride;
} rkv_cuda_product;

rkv_status rkv_cuda_multiply(rkv_cuda *cuda, const rkv_cuda_product *product);

#endif
