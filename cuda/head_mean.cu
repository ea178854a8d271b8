/* head_mean.cu: one thread per number of the mean. */
#include "cuda/elementwise.h"
#include "cuda/kernels.h"

RKV_KERNEL(head_mean, rkv_head_mean_task) {
    size_t i = rkv_element();
    double sum = 0;
    if (i >= t.n) return;
    for (size_t h = 0; h < t.n_heads; h++)
        sum += (double)t.x[h * t.n + i];
    t.mean[i] = (float)(sum / (double)t.n_heads);
}

cudaError_t rkv_launch_head_mean(const rkv_head_mean_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(head_mean, *task, rkv_blocks_for(task->n), RKV_ELEMENT_THREADS, stream);
}
