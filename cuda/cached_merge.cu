/* cached_merge.cu: the chunks of a row put together, one block per row; and what each entry received, one
 * thread per query head and entry. */
#include <math.h>

#include "cuda/cached.h"
#include "cuda/elementwise.h"
#include "cuda/reduce.h"
#include "cuda/warp_rows.h"

#define WARPS (RKV_REDUCE_THREADS / RKV_WARP)
#define LANES (RKV_ATTEND_WIDEST / RKV_WARP) /* numbers of a mixture that a lane has, at most */

/* The largest logit of the row's first `chunks`. */
RKV_DEVICE float largest_of(const rkv_attend_head *h, unsigned row, size_t chunks) {
    float largest = -INFINITY;
    for (size_t c = threadIdx.x; c < chunks; c += RKV_REDUCE_THREADS)
        largest = fmaxf(largest, rkv_attend_part(h, row, c)[RKV_PART_MAXIMUM]);
    return rkv_block_max(largest);
}

/* Every WARPS-th chunk from `first` on, at the weights that the largest logit gives them: their mixtures to
 * mixture [width], the sum of their sums is returned. */
RKV_DEVICE float gather(const rkv_attend_head *h, unsigned row, size_t first, size_t chunks, float largest,
                        float *mixture) {
    size_t width = h->values.layout.width;
    float numbers[LANES] = {0}, total = 0;
    for (size_t c = first; c < chunks; c += WARPS) {
        const float *part = rkv_attend_part(h, row, c);
        float weight = expf(part[RKV_PART_MAXIMUM] - largest);
        total += weight * part[RKV_PART_SUM];
        for (int k = 0; k < LANES; k++)
            if (rkv_lane() + k * RKV_WARP < width)
                numbers[k] += weight * part[RKV_PART_MIXTURE + rkv_lane() + k * RKV_WARP];
    }
    for (int k = 0; k < LANES; k++)
        mixture[rkv_lane() + k * RKV_WARP] = numbers[k];
    return total;
}

/* out [D] = mixture [width] through the basis; NULL: as it is. */
RKV_DEVICE void write_output(const float *mixture, const float *basis, size_t width, size_t d, float *out) {
    for (size_t j = threadIdx.x; j < d; j += RKV_REDUCE_THREADS) {
        float sum = basis ? 0 : mixture[j];
        for (size_t i = 0; basis && i < width; i++)
            sum += mixture[i] * basis[i * d + j];
        out[j] = sum;
    }
}

RKV_KERNEL(attend_merge, rkv_attend_task) {
    __shared__ float mixtures[WARPS][RKV_ATTEND_WIDEST], totals[WARPS];
    const rkv_attend_head *h = &t.heads[blockIdx.y];
    unsigned row = blockIdx.x, warp = threadIdx.x / RKV_WARP;
    size_t width = h->values.layout.width;
    size_t chunks = rkv_attend_chunks(rkv_attend_place(&t, h, row) + 1);
    float largest = largest_of(h, row, chunks), total = gather(h, row, warp, chunks, largest, mixtures[warp]);
    if (rkv_lane() == 0) totals[warp] = total;
    __syncthreads();
    total = 0;
    for (size_t w = 0; w < WARPS; w++)
        total += totals[w];
    for (size_t i = threadIdx.x; i < width; i += RKV_REDUCE_THREADS) {
        float sum = 0;
        for (size_t w = 0; w < WARPS; w++)
            sum += mixtures[w][i];
        mixtures[0][i] = sum / total;
    }
    __syncthreads();
    size_t head = (t.first_kv_head + blockIdx.y) * t.each + row % t.each, query = t.first + row / t.each;
    write_output(mixtures[0], h->value_basis, width, t.head_dim,
                 t.out + (query * t.n_heads + head) * t.head_dim);
    if (threadIdx.x || !h->totals) return;
    h->totals[2 * row] = largest;
    h->totals[2 * row + 1] = total;
}

cudaError_t rkv_launch_attend_merge(const rkv_attend_task *task, cudaStream_t stream) {
    dim3 blocks = {(unsigned)(task->queries * task->each), (unsigned)task->n_kv_heads, 1};
    return RKV_LAUNCH(attend_merge, *task, blocks, RKV_REDUCE_THREADS, stream);
}

/* In the order of the queries. */
RKV_KERNEL(attend_sums, rkv_attend_task) {
    const rkv_attend_head *h = &t.heads[blockIdx.z];
    size_t entry = rkv_element(), n = h->keys.n;
    if (!h->sums || entry >= n) return;
    for (unsigned r = blockIdx.y; r < t.each; r += gridDim.y) {
        float *sum = &h->sums[(size_t)r * n + entry], received = t.first ? *sum : 0;
        for (unsigned row = r; row < t.queries * t.each; row += t.each)
            if (entry <= rkv_attend_place(&t, h, row))
                received += expf(h->logits[row * n + entry] - h->totals[2 * row]) / h->totals[2 * row + 1];
        *sum = received;
    }
}

cudaError_t rkv_launch_attend_sums(const rkv_attend_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for(task->longest), (unsigned)(task->each < 1024 ? task->each : 1024),
                   (unsigned)task->n_kv_heads};
    return RKV_LAUNCH(attend_sums, *task, blocks, RKV_ELEMENT_THREADS, stream);
}
