/* cosines.cu: cosines between rows and the mean of their directions: sums of a chunk's directions, one block
 * per chunk; their mean, one block per head; the cosines, one thread per row. */
#include <math.h>

#include "cuda/elementwise.h"
#include "cuda/reduce.h"
#include "cuda/scores.h"

#define CHUNK        RKV_DIRECTION_ROWS
#define SUMS_THREADS 128 /* a thread has a column */

/* Rows without a direction, zeros among them, are left out, as in backend/cpu_scores.c. */
RKV_KERNEL(direction_sums, rkv_cosines_task) {
    const rkv_batch_head *h = &t.heads.head[blockIdx.y];
    size_t first = (size_t)blockIdx.x * CHUNK, end = first + CHUNK < h->n ? first + CHUNK : h->n;
    if (first >= h->n) return;
    double *sums = t.sums + (rkv_direction_chunk(&t.heads, blockIdx.y) + blockIdx.x) * t.width;
    const double *norms = t.norms + h->first;
    for (size_t column = threadIdx.x; column < t.width; column += blockDim.x) {
        double sum = 0;
        for (size_t i = first; i < end; i++)
            if (norms[i] > 0) sum += (double)h->rows[i * t.width + column] / norms[i];
        sums[column] = sum;
    }
}

cudaError_t rkv_launch_direction_sums(const rkv_cosines_task *task, cudaStream_t stream) {
    dim3 blocks = {(unsigned)((task->heads.longest + CHUNK - 1) / CHUNK), (unsigned)task->heads.n_heads, 1};
    return RKV_LAUNCH(direction_sums, *task, blocks, SUMS_THREADS, stream);
}

RKV_KERNEL(mean_directions, rkv_cosines_task) {
    const rkv_batch_head *h = &t.heads.head[blockIdx.x];
    const double *sums = t.sums + rkv_direction_chunk(&t.heads, blockIdx.x) * t.width;
    double *mean = t.mean + blockIdx.x * (t.width + 1), squares = 0;
    for (size_t column = threadIdx.x; column < t.width; column += blockDim.x) {
        double sum = 0;
        for (size_t chunk = 0; chunk * CHUNK < h->n; chunk++)
            sum += sums[chunk * t.width + column];
        mean[column] = sum /= (double)h->n;
        squares += sum * sum;
    }
    squares = rkv_block_sum_double(squares);
    if (threadIdx.x == 0) mean[t.width] = sqrt(squares);
}

cudaError_t rkv_launch_mean_directions(const rkv_cosines_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(mean_directions, *task, (unsigned)task->heads.n_heads, RKV_REDUCE_THREADS, stream);
}

RKV_KERNEL(mean_cosines, rkv_cosines_task) {
    const rkv_batch_head *h = &t.heads.head[blockIdx.y];
    const double *mean = t.mean + blockIdx.y * (t.width + 1);
    size_t i = rkv_element();
    double product = 0;
    if (i >= h->n) return;
    for (size_t column = 0; column < t.width; column++)
        product += (double)h->rows[i * t.width + column] * mean[column];
    double norms = t.norms[h->first + i] * mean[t.width];
    t.cosines[h->first + i] = norms > 0 ? (float)(product / norms) : 0;
}

cudaError_t rkv_launch_mean_cosines(const rkv_cosines_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for(task->heads.longest), (unsigned)task->heads.n_heads, 1};
    return RKV_LAUNCH(mean_cosines, *task, blocks, RKV_ELEMENT_THREADS, stream);
}
