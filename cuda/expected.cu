/* expected.cu: what expected queries make of keys, one warp per key and query head. */
#include "cuda/reduce.h"
#include "cuda/scores.h"
#include "cuda/warp_rows.h"

RKV_KERNEL(expected_logits, rkv_expected_task) {
    const rkv_batch_head *h = &t.keys.head[blockIdx.y];
    size_t item = rkv_warp_row(), key = t.first + item / t.each, head = item % t.each, d = t.head_dim;
    if (item / t.each >= t.count || key >= h->n) return;
    const float *k = h->rows + key * d, *mean = t.mean + (blockIdx.y * t.each + head) * d,
                *product = t.products ? t.products + (blockIdx.y * t.count * t.each + item) * d : NULL;
    float sum = 0;
    for (size_t i = rkv_lane(); i < d; i += RKV_WARP)
        sum += k[i] * (product ? mean[i] + product[i] : mean[i]);
    sum = rkv_warp_sum(sum);
    if (rkv_lane() == 0) t.logits[h->first * t.each + head * h->n + key] = sum;
}

cudaError_t rkv_launch_expected_logits(const rkv_expected_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for_rows(task->count * task->each), (unsigned)task->keys.n_heads, 1};
    return RKV_LAUNCH(expected_logits, *task, blocks, RKV_ROW_THREADS, stream);
}
