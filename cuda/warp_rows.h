/* warp_rows.h: kernels in which a warp has a row of a matrix. */
#ifndef RKV_CUDA_WARP_ROWS_H
#define RKV_CUDA_WARP_ROWS_H

#include "cuda/kernel.h"

#define RKV_ROW_WARPS   4 /* rows of a block */
#define RKV_ROW_THREADS (RKV_ROW_WARPS * RKV_WARP)

/* Blocks that n > 0 rows take. */
static inline unsigned rkv_blocks_for_rows(size_t n) {
    return (unsigned)((n + RKV_ROW_WARPS - 1) / RKV_ROW_WARPS);
}

/* The row of this thread's warp; those of the last block may be past the last. */
RKV_DEVICE size_t rkv_warp_row(void) {
    return (size_t)blockIdx.x * RKV_ROW_WARPS + threadIdx.x / RKV_WARP;
}

RKV_DEVICE size_t rkv_lane(void) {
    return threadIdx.x % RKV_WARP;
}

#endif
