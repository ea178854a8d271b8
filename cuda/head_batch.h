/* head_batch.h: rows of several heads, as one launch of a kernel takes them. */
#ifndef RKV_CUDA_HEAD_BATCH_H
#define RKV_CUDA_HEAD_BATCH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RKV_BATCH_HEADS 64 /* of a launch: a kernel's task has 4 KB at most */

typedef struct rkv_batch_head {
    const float *rows; /* [n, width] device memory */
    size_t n;
    size_t first; /* rows of the heads before it: where its results begin */
} rkv_batch_head;

typedef struct rkv_head_batch {
    size_t n_heads; /* 1 .. RKV_BATCH_HEADS */
    size_t longest; /* n of any of them; 0: there is nothing to launch */
    size_t rows;    /* of all of them */
    rkv_batch_head head[RKV_BATCH_HEADS];
} rkv_head_batch;

#ifdef __cplusplus
}
#endif
#endif
