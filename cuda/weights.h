/* weights.h: the tasks of the kernels that read weights as a model file holds them (backend/weight_block.h),
 * and the functions that queue them. Pointers are device memory. */
#ifndef RKV_CUDA_WEIGHTS_H
#define RKV_CUDA_WEIGHTS_H

#include <cuda_runtime_api.h>

#include "backend/weight_block.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The forms that there are kernels for: all that the backend holds but float32. */
#define RKV_WEIGHT_KERNELS(FORM)                                                                             \
    FORM(f16, RKV_WEIGHT_F16)                                                                                \
    FORM(bf16, RKV_WEIGHT_BF16)                                                                              \
    FORM(q4_0, RKV_WEIGHT_Q4_0)                                                                              \
    FORM(q4_1, RKV_WEIGHT_Q4_1)                                                                              \
    FORM(q8_0, RKV_WEIGHT_Q8_0)

/* What the backend holds: weight_forms of backend.h. */
#define RKV_FORM_BIT(name, form) | 1u << (form)
#define RKV_CUDA_WEIGHT_FORMS    (1u << RKV_WEIGHT_F32 RKV_WEIGHT_KERNELS(RKV_FORM_BIT))

/* numbers [n] = what weights, whole blocks, decode to; n > 0. */
typedef struct rkv_decode_task {
    rkv_weight_form form;
    const void *weights;
    size_t n;
    float *numbers;
} rkv_decode_task;
cudaError_t rkv_launch_decode(const rkv_decode_task *task, cudaStream_t stream);

#define RKV_FEW_TOKENS  4
#define RKV_FEW_STEP    8
#define RKV_FEW_COLUMNS ((size_t)1 << 24) /* offsets within a few rows are of 32 bits */

/* y [m, rows] = x [m, k] w^T + (accumulate ? y : 0), w the weights [rows, k]; m at most RKV_FEW_TOKENS, k at
 * most RKV_FEW_COLUMNS and a multiple of RKV_FEW_STEP, none 0; x begins at a multiple of 16 bytes, and so
 * does the matrix that the rows are of. Sums are float32's whatever the backend's precision. */
typedef struct rkv_few_task {
    rkv_weight_form form;
    const void *weights;
    const float *x;
    size_t m, rows, k;
    int accumulate;
    float *y;
} rkv_few_task;
cudaError_t rkv_launch_few(const rkv_few_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
