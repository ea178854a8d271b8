/* scores.h: the tasks of the kernels that selections score entries with, and the functions that queue them.
 * Pointers are device memory; letters as in backend/backend.h. What lies "head by head" has a head's part
 * behind those of the heads before it in the batch. */
#ifndef RKV_CUDA_SCORES_H
#define RKV_CUDA_SCORES_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#include "core/everywhere.h"
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

/* Cosines between rows and their head's mean direction, in float64. Directions are summed up chunk by chunk,
 * in the order of their rows, and the chunks' sums in theirs: the result depends on the rows alone. */
#define RKV_DIRECTION_ROWS 64 /* of a chunk */
typedef struct rkv_cosines_task {
    rkv_head_batch heads;
    size_t width;
    const double *norms; /* head by head [n] */
    double *sums;        /* [chunks, width] directions of a chunk's rows, summed */
    double *mean;        /* [heads, width + 1] their mean, and behind it the mean's norm */
    float *cosines;      /* head by head [n] */
} rkv_cosines_task;

/* The chunks of head h begin at this one; of h = n_heads: how many there are room for. */
RKV_EVERYWHERE size_t rkv_direction_chunk(const rkv_head_batch *heads, size_t h) {
    return (h < heads->n_heads ? heads->head[h].first : heads->rows) / RKV_DIRECTION_ROWS + h;
}

/* All of them, in this order. */
cudaError_t rkv_launch_direction_sums(const rkv_cosines_task *task, cudaStream_t stream);
cudaError_t rkv_launch_mean_directions(const rkv_cosines_task *task, cudaStream_t stream);
cudaError_t rkv_launch_mean_cosines(const rkv_cosines_task *task, cudaStream_t stream);

/* Keys [first, first + count) of every head, or as many of them as it has: their logits before the softmax,
 * k (mean + products). */
typedef struct rkv_expected_task {
    rkv_head_batch keys;
    const float *mean;     /* [H, D] of the batch's H query heads */
    const float *products; /* [heads, count, H/G, D] of each key with a query head's squares; NULL: zeros */
    size_t each, head_dim; /* each: H/G */
    size_t first, count;
    float *logits; /* head by head [H/G, n] */
} rkv_expected_task;
cudaError_t rkv_launch_expected_logits(const rkv_expected_task *task, cudaStream_t stream);

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

/* Of one KV head's rows of the queries at hand, what they give to keys that are kept for them: of the
 * `visible` keys that a query sees, those that `kept` names, and the last `window`. */
typedef struct rkv_kept_task {
    rkv_observed_task observed;
    const int32_t *visible, *kept; /* [m], [n]: not 0 */
    size_t window;
    double *sums; /* [H/G, m] */
} rkv_kept_task;
cudaError_t rkv_launch_kept_sums(const rkv_kept_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
