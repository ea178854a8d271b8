/* softmax.cu: causal softmax, one block per row; and the sums of its columns, one thread per column. */
#include <math.h>

#include "cuda/elementwise.h"
#include "cuda/kernels.h"
#include "cuda/reduce.h"

/* Numbers of a row that a thread has between one step and the next: longer rows are read anew at each. The
 * tests play devices with less. */
#ifndef RKV_SOFTMAX_KEPT
#define RKV_SOFTMAX_KEPT 16
#endif

/* The row's maximum goes to exp(0), so that no exponential overflows. */
RKV_DEVICE void softmax_read(float *x, size_t visible, size_t width, float scale) {
    float largest = -INFINITY, sum = 0;
    for (size_t j = threadIdx.x; j < visible; j += blockDim.x)
        largest = fmaxf(largest, x[j]);
    largest = rkv_block_max(largest);
    for (size_t j = threadIdx.x; j < visible; j += blockDim.x)
        sum += x[j] = expf((x[j] - largest) * scale);
    float inverse = 1.0f / rkv_block_sum(sum);
    for (size_t j = threadIdx.x; j < width; j += blockDim.x)
        x[j] = j < visible ? x[j] * inverse : 0;
}

/* The same bits; the row is read once and written once. */
RKV_DEVICE void softmax_kept(float *x, unsigned visible, unsigned width, float scale) {
    float own[RKV_SOFTMAX_KEPT] = {0}, largest = -INFINITY, sum = 0;
    for (unsigned k = 0; k < RKV_SOFTMAX_KEPT && k * RKV_REDUCE_THREADS < width; k++) {
        unsigned j = threadIdx.x + k * RKV_REDUCE_THREADS;
        own[k] = j < visible ? x[j] : -INFINITY;
        largest = fmaxf(largest, own[k]);
    }
    largest = rkv_block_max(largest);
    for (unsigned k = 0; k < RKV_SOFTMAX_KEPT && k * RKV_REDUCE_THREADS < width; k++)
        if (threadIdx.x + k * RKV_REDUCE_THREADS < visible) sum += own[k] = expf((own[k] - largest) * scale);
    float inverse = 1.0f / rkv_block_sum(sum);
    for (unsigned k = 0; k < RKV_SOFTMAX_KEPT && k * RKV_REDUCE_THREADS < width; k++) {
        unsigned j = threadIdx.x + k * RKV_REDUCE_THREADS;
        if (j < width) x[j] = j < visible ? own[k] * inverse : 0;
    }
}

RKV_KERNEL(softmax, rkv_softmax_task) {
    size_t head = blockIdx.x / t.rows, row = blockIdx.x % t.rows, visible = t.first + row + 1;
    float *x = t.x + head * t.head_stride + row * t.ld;
    if (t.width <= RKV_SOFTMAX_KEPT * RKV_REDUCE_THREADS)
        softmax_kept(x, (unsigned)visible, (unsigned)t.width, t.scale);
    else
        softmax_read(x, visible, t.width, t.scale);
}

cudaError_t rkv_launch_softmax(const rkv_softmax_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(softmax, *task, (unsigned)(task->n_heads * task->rows), RKV_REDUCE_THREADS, stream);
}

/* In the order of the queries, whatever the size of the device. */
RKV_KERNEL(column_sums, rkv_column_sums_task) {
    size_t key = rkv_element(), head = blockIdx.y, from = key + t.distance;
    if (key >= t.n_tokens) return;
    const float *column = t.x + head * t.head_stride + key;
    double sum = t.sums[head * t.n_tokens + key];
    for (size_t row = from > t.first ? from - t.first : 0; row < t.rows; row++)
        sum += (double)column[row * t.ld];
    t.sums[head * t.n_tokens + key] = sum;
}

cudaError_t rkv_launch_column_sums(const rkv_column_sums_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for(task->n_tokens), (unsigned)task->n_heads, 1};
    return RKV_LAUNCH(column_sums, *task, blocks, RKV_ELEMENT_THREADS, stream);
}
