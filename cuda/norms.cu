/* norms.cu: norms of rows. */
#include <math.h>

#include "cuda/elementwise.h"
#include "cuda/scores.h"

/* By one thread, in the order of the row. The square of a float32 number is exact in float64, so whether it
 * is rounded together with the sum or before makes no difference: these are the bits that a plain loop gives
 * on any machine. */
RKV_DEVICE double norm_of(const float *row, size_t width) {
    double sum = 0;
    for (size_t i = 0; i < width; i++)
        sum += (double)row[i] * (double)row[i];
    return sqrt(sum);
}

RKV_KERNEL(row_norms, rkv_row_norms_task) {
    const rkv_batch_head *h = &t.heads.head[blockIdx.y];
    size_t i = rkv_element();
    if (i < h->n) t.norms[h->first + i] = norm_of(h->rows + i * t.width, t.width);
}

cudaError_t rkv_launch_row_norms(const rkv_row_norms_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for(task->heads.longest), (unsigned)task->heads.n_heads, 1};
    return RKV_LAUNCH(row_norms, *task, blocks, RKV_ELEMENT_THREADS, stream);
}
