/* swiglu.cu: one thread per number of y. */
#include <math.h>

#include "cuda/elementwise.h"
#include "cuda/kernels.h"

RKV_KERNEL(swiglu, rkv_swiglu_task) {
    size_t i = rkv_element();
    if (i >= t.n_tokens * t.width) return;
    const float *x = t.x + i / t.width * 2 * t.width + i % t.width;
    t.y[i] = x[0] / (1.0f + expf(-x[0])) * x[t.width];
}

cudaError_t rkv_launch_swiglu(const rkv_swiglu_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(swiglu, *task, rkv_blocks_for(task->n_tokens * task->width), RKV_ELEMENT_THREADS,
                      stream);
}
