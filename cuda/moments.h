/* moments.h: the tasks of the kernels that measure how queries are spread, and the functions that queue them.
 * Pointers are device memory; letters as in backend/backend.h. */
#ifndef RKV_CUDA_MOMENTS_H
#define RKV_CUDA_MOMENTS_H

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* turns [n, pairs, 2]: cosines and sines of positions first .. first + n - 1; n, pairs > 0. */
typedef struct rkv_turns_task {
    const double *frequency; /* [pairs] */
    size_t n, pairs;
    int64_t first;
    float *turns;
} rkv_turns_task;
cudaError_t rkv_launch_turns(const rkv_turns_task *task, cudaStream_t stream);

/* Queries [skip, m) of some heads: n = m - skip > 0. */
#define RKV_MOMENTS_CHUNK 64 /* queries that are summed up in one go */
typedef struct rkv_moments_task {
    const float *q;     /* [heads, m, D] */
    const float *turns; /* [n, D/2, 2], D even; NULL: they are not rotated */
    size_t n_heads, m, skip, head_dim;
    int adjacent; /* pairs are (0,1),(2,3)..; else (0,D/2),(1,D/2+1).. */
    float *x;     /* [heads, n, D]: what of them is worked with */
    double *sums; /* [heads, chunks, D] */
    float *mean;  /* [heads, D] */
} rkv_moments_task;
/* In this order: x = q turned back, and the sums of its chunks; mean; x -= mean. */
cudaError_t rkv_launch_turn_and_sum(const rkv_moments_task *task, cudaStream_t stream);
cudaError_t rkv_launch_query_means(const rkv_moments_task *task, cudaStream_t stream);
cudaError_t rkv_launch_centre(const rkv_moments_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
