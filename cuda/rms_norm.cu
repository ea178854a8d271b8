/* rms_norm.cu: one block per row. */
#include <math.h>

#include "cuda/kernels.h"
#include "cuda/reduce.h"

RKV_KERNEL(rms_norm, rkv_rms_norm_task) {
    const float *x = t.x + blockIdx.x * t.width;
    float *y = t.y + blockIdx.x * t.width, sum = 0;
    for (size_t i = threadIdx.x; i < t.width; i += blockDim.x)
        sum += x[i] * x[i];
    float scale = 1.0f / sqrtf(rkv_block_sum(sum) / (float)t.width + t.eps);
    for (size_t i = threadIdx.x; i < t.width; i += blockDim.x)
        y[i] = x[i] * scale * t.weight[i];
}

cudaError_t rkv_launch_rms_norm(const rkv_rms_norm_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(rms_norm, *task, (unsigned)task->rows, RKV_REDUCE_THREADS, stream);
}
