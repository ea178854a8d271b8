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

/* numbers [n] = what weights, whole blocks, decode to; n > 0. */
typedef struct rkv_decode_task {
    rkv_weight_form form;
    const void *weights;
    size_t n;
    float *numbers;
} rkv_decode_task;
cudaError_t rkv_launch_decode(const rkv_decode_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
