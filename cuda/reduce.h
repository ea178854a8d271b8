/* reduce.h: sums and maxima over the threads of a block, the same on every run. */
#ifndef RKV_CUDA_REDUCE_H
#define RKV_CUDA_REDUCE_H

#include "cuda/kernel.h"

/* Threads of a block that reduces: whole warps, at most a warp of them. */
#define RKV_REDUCE_THREADS 256

RKV_DEVICE float rkv_warp_sum(float x) {
    for (int apart = RKV_WARP / 2; apart > 0; apart /= 2)
        x += __shfl_xor_sync(RKV_ALL, x, apart);
    return x;
}

RKV_DEVICE double rkv_warp_sum_double(double x) {
    for (int apart = RKV_WARP / 2; apart > 0; apart /= 2)
        x += __shfl_xor_sync(RKV_ALL, x, apart);
    return x;
}

RKV_DEVICE float rkv_warp_max(float x) {
    for (int apart = RKV_WARP / 2; apart > 0; apart /= 2)
        x = fmaxf(x, __shfl_xor_sync(RKV_ALL, x, apart));
    return x;
}

RKV_DEVICE double rkv_warp_max_double(double x) {
    for (int apart = RKV_WARP / 2; apart > 0; apart /= 2)
        x = fmax(x, __shfl_xor_sync(RKV_ALL, x, apart));
    return x;
}

/* The block's sum, for every thread of it; all of its RKV_REDUCE_THREADS threads call. */
RKV_DEVICE float rkv_block_sum(float x) {
    __shared__ float part[RKV_WARP];
    x = rkv_warp_sum(x);
    __syncthreads(); /* part may still be read from the last call */
    if (threadIdx.x % RKV_WARP == 0) part[threadIdx.x / RKV_WARP] = x;
    __syncthreads();
    return rkv_warp_sum(threadIdx.x % RKV_WARP < RKV_REDUCE_THREADS / RKV_WARP ? part[threadIdx.x % RKV_WARP]
                                                                               : 0);
}

RKV_DEVICE double rkv_block_sum_double(double x) {
    __shared__ double part[RKV_WARP];
    x = rkv_warp_sum_double(x);
    __syncthreads();
    if (threadIdx.x % RKV_WARP == 0) part[threadIdx.x / RKV_WARP] = x;
    __syncthreads();
    return rkv_warp_sum_double(
        threadIdx.x % RKV_WARP < RKV_REDUCE_THREADS / RKV_WARP ? part[threadIdx.x % RKV_WARP] : 0);
}

RKV_DEVICE float rkv_block_max(float x) {
    __shared__ float part[RKV_WARP];
    x = rkv_warp_max(x);
    __syncthreads();
    if (threadIdx.x % RKV_WARP == 0) part[threadIdx.x / RKV_WARP] = x;
    __syncthreads();
    return rkv_warp_max(part[threadIdx.x % (RKV_REDUCE_THREADS / RKV_WARP)]);
}

RKV_DEVICE double rkv_block_max_double(double x) {
    __shared__ double part[RKV_WARP];
    x = rkv_warp_max_double(x);
    __syncthreads();
    if (threadIdx.x % RKV_WARP == 0) part[threadIdx.x / RKV_WARP] = x;
    __syncthreads();
    return rkv_warp_max_double(part[threadIdx.x % (RKV_REDUCE_THREADS / RKV_WARP)]);
}

#endif
