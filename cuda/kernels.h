/* kernels.h: the tasks of the kernels, and the functions that queue them on a stream. Pointers are device
 * memory; letters as in backend/backend.h. */
#ifndef RKV_CUDA_KERNELS_H
#define RKV_CUDA_KERNELS_H

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y [rows, width] = x / sqrt(mean(x^2) + eps) * weight [width], row by row; rows > 0. */
typedef struct rkv_rms_norm_task {
    const float *x, *weight;
    size_t rows, width;
    float eps;
    float *y;
} rkv_rms_norm_task;
cudaError_t rkv_launch_rms_norm(const rkv_rms_norm_task *task, cudaStream_t stream);

/* qkv [T, (H+2G) D] to q [H,T,D], k [G,T,D], v [G,T,D], q and k rotated by rotation [T, D/2, 2]; T > 0. */
typedef struct rkv_split_rotate_task {
    const float *qkv, *bias, *rotation; /* bias [(H+2G) D] or NULL */
    size_t n_tokens, n_heads, n_kv_heads, head_dim;
    int adjacent; /* pairs are (0,1),(2,3)..; else (0,D/2),(1,D/2+1).. */
    float *q, *k, *v;
} rkv_split_rotate_task;
cudaError_t rkv_launch_split_rotate(const rkv_split_rotate_task *task, cudaStream_t stream);

/* y [T,F] = silu(x[:, 0..F)) * x[:, F..2F); T, F > 0. */
typedef struct rkv_swiglu_task {
    const float *x;
    size_t n_tokens, width;
    float *y;
} rkv_swiglu_task;
cudaError_t rkv_launch_swiglu(const rkv_swiglu_task *task, cudaStream_t stream);

/* Softmax of queries [first, first + rows) of each head over the keys that each may see: query i sees 0 .. i.
 * x: logits, then probabilities, of head h and query i at x[h * head_stride + (i - first) * ld]; what lies
 * after the visible keys, up to `width`, becomes 0. rows > 0. */
typedef struct rkv_softmax_task {
    float *x;
    size_t n_heads, first, rows, width, ld, head_stride;
    float scale; /* of the logits */
} rkv_softmax_task;
cudaError_t rkv_launch_softmax(const rkv_softmax_task *task, cudaStream_t stream);

/* Adds what those queries give each key to sums [H, T]: all of it, or of the queries that are at least
 * `distance` tokens after the key. */
typedef struct rkv_column_sums_task {
    const float *x;
    size_t n_heads, n_tokens, first, rows, ld, head_stride, distance;
    double *sums;
} rkv_column_sums_task;
cudaError_t rkv_launch_column_sums(const rkv_column_sums_task *task, cudaStream_t stream);

/* Folds logits [T, n] of the vocabulary [first, first + n) into maximum and sum [T]; takes the target's
 * logit. T, n > 0. */
typedef struct rkv_fold_logits_task {
    const float *logits;
    size_t n_tokens, n, first;
    const int32_t *target;
    double *maximum, *sum, *target_logit;
} rkv_fold_logits_task;
cudaError_t rkv_launch_fold_logits(const rkv_fold_logits_task *task, cudaStream_t stream);

/* places [3, batch]: where matrix i of three kinds begins: a + i a_stride, b + i / shared b_stride, y + i
 * y_stride; batch, shared > 0. */
typedef struct rkv_batch_places_task {
    const float *a, *b;
    float *y;
    size_t a_stride, b_stride, y_stride, shared, batch;
    float **places;
} rkv_batch_places_task;
cudaError_t rkv_launch_batch_places(const rkv_batch_places_task *task, cudaStream_t stream);

/* mean [n] of x [H, n] over heads; n > 0. */
typedef struct rkv_head_mean_task {
    const float *x;
    size_t n_heads, n;
    float *mean;
} rkv_head_mean_task;
cudaError_t rkv_launch_head_mean(const rkv_head_mean_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
