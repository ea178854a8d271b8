/* query_moments.cu: queries turned back and summed up, one block per head and chunk of queries; their means,
 * one thread per number; and the queries without their mean, one thread per number. */
#include "cuda/elementwise.h"
#include "cuda/moments.h"
#include "cuda/rotation.h"

#define CHUNK   RKV_MOMENTS_CHUNK
#define THREADS 128 /* a thread has a column */

/* One thread per position and pair. */
RKV_KERNEL(fill_turns, rkv_turns_task) {
    size_t i = rkv_element();
    if (i >= t.n * t.pairs) return;
    rkv_turn_of(t.first + (int64_t)(i / t.pairs), t.frequency[i % t.pairs], t.turns + 2 * i);
}

cudaError_t rkv_launch_turns(const rkv_turns_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(fill_turns, *task, rkv_blocks_for(task->n * task->pairs), RKV_ELEMENT_THREADS, stream);
}

/* Number `column` of query q [D] turned back by turn [D/2, 2]. */
RKV_DEVICE float turned_back(const float *q, const float *turn, size_t column, size_t d, int adjacent) {
    size_t pairs = d / 2, pair = adjacent ? column / 2 : column % pairs;
    size_t a = rkv_pair_first(pair, adjacent), b = a + rkv_pair_step(d, adjacent);
    float cosine = turn[2 * pair], sine = turn[2 * pair + 1];
    return column == a ? q[a] * cosine + q[b] * sine : q[b] * cosine - q[a] * sine;
}

RKV_KERNEL(turn_and_sum, rkv_moments_task) {
    size_t n = t.m - t.skip, d = t.head_dim, chunks = gridDim.x, head = blockIdx.y;
    size_t first = (size_t)blockIdx.x * CHUNK, end = first + CHUNK < n ? first + CHUNK : n;
    const float *q = t.q + (head * t.m + t.skip) * d;
    for (size_t column = threadIdx.x; column < d; column += blockDim.x) {
        double sum = 0;
        for (size_t i = first; i < end; i++) {
            float x =
                t.turns ? turned_back(q + i * d, t.turns + i * d, column, d, t.adjacent) : q[i * d + column];
            t.x[(head * n + i) * d + column] = x;
            sum += (double)x;
        }
        t.sums[(head * chunks + blockIdx.x) * d + column] = sum;
    }
}

static unsigned chunks_of(const rkv_moments_task *task) {
    return (unsigned)((task->m - task->skip + CHUNK - 1) / CHUNK);
}

cudaError_t rkv_launch_turn_and_sum(const rkv_moments_task *task, cudaStream_t stream) {
    dim3 blocks = {chunks_of(task), (unsigned)task->n_heads, 1};
    return RKV_LAUNCH(turn_and_sum, *task, blocks, THREADS, stream);
}

/* In the order of the chunks. */
RKV_KERNEL(query_means, rkv_moments_task) {
    size_t i = rkv_element(), d = t.head_dim, n = t.m - t.skip, chunks = (n + CHUNK - 1) / CHUNK;
    double sum = 0;
    if (i >= t.n_heads * d) return;
    for (size_t chunk = 0; chunk < chunks; chunk++)
        sum += t.sums[(i / d * chunks + chunk) * d + i % d];
    t.mean[i] = (float)(sum / (double)n);
}

cudaError_t rkv_launch_query_means(const rkv_moments_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(query_means, *task, rkv_blocks_for(task->n_heads * task->head_dim), RKV_ELEMENT_THREADS,
                      stream);
}

RKV_KERNEL(centre, rkv_moments_task) {
    size_t i = rkv_element(), d = t.head_dim, n = t.m - t.skip;
    if (i < t.n_heads * n * d) t.x[i] -= t.mean[i / (n * d) * d + i % d];
}

cudaError_t rkv_launch_centre(const rkv_moments_task *task, cudaStream_t stream) {
    size_t n = task->n_heads * (task->m - task->skip) * task->head_dim;
    return RKV_LAUNCH(centre, *task, rkv_blocks_for(n), RKV_ELEMENT_THREADS, stream);
}
