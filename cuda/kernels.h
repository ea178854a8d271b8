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

/* y [rows, width] = x / sqrt(mean(x^2) + eps) * weight [width], row by row. */
typedef struct rkv_rms_norm_task {
    const float *x, *weight;
    size_t rows, width;
    float eps;
    float *y;
} rkv_rms_norm_task;
cudaError_t rkv_launch_rms_norm(const rkv_rms_norm_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
