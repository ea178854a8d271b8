/* elementwise.h: kernels in which a thread makes one number and needs no other thread. */
#ifndef RKV_CUDA_ELEMENTWISE_H
#define RKV_CUDA_ELEMENTWISE_H

#include "cuda/kernel.h"

#define RKV_ELEMENT_THREADS 256

/* Blocks that n > 0 elements take. */
static inline unsigned rkv_blocks_for(size_t n) {
    return (unsigned)((n + RKV_ELEMENT_THREADS - 1) / RKV_ELEMENT_THREADS);
}

/* The element of this thread; the last block's may be past the last. */
RKV_DEVICE size_t rkv_element(void) {
    return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

#endif
