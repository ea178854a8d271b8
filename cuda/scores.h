/* scores.h: the tasks of the kernels that selections score entries with, and the functions that queue them.
 * Pointers are device memory; letters as in backend/backend.h. What lies "head by head" has a head's part
 * behind those of the heads before it in the batch. */
#ifndef RKV_CUDA_SCORES_H
#define RKV_CUDA_SCORES_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#include "cuda/head_batch.h"

#ifdef __cplusplus
extern "C" {
#endif

/* norms, head by head [n]: the Euclidean norm of each row, its squares summed in float64, in their order. */
typedef struct rkv_row_norms_task {
    rkv_head_batch heads;
    size_t width;
    double *norms;
} rkv_row_norms_task;
cudaError_t rkv_launch_row_norms(const rkv_row_norms_task *task, cudaStream_t stream);

/* Queries [first, first + queries) of every query head over the keys of its KV head. Query i sees the keys
 * whose position is at most query_position[i]. */
typedef struct rkv_observed_task {
    rkv_head_batch keys;
    const float *q;                /* [H, m, D] of the batch's H query heads */
    const int32_t *query_position; /* [m] */
    const int32_t *position;       /* head by head [n] */
    size_t m, each, head_dim;      /* each: H/G */
    size_t first, queries;         /* queries > 0 */
    float scale;                   /* of the logits */
    float *p;                      /* head by head [H/G, queries, n] */
    double *sums;                  /* head by head [H/G, n]; where queries = m: not looked at */
    float *means;                  /* head by head [H/G, n] */
} rkv_observed_task;
/* p = q k^T: for a few rows of queries, each of which would read the keys anew if there were more. */
cudaError_t rkv_launch_few_logits(const rkv_observed_task *task, cudaStream_t stream);
/* p = softmax(scale p) over the keys that each query sees; 0 elsewhere, and everywhere when it sees none. Of
 * a row that sees a NaN, all is NaN. */
cudaError_t rkv_launch_observed_softmax(const rkv_observed_task *task, cudaStream_t stream);
/* sums += p of each query, in their order (=, for the first); the last ones make means of them. */
cudaError_t rkv_launch_observed_means(const rkv_observed_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
