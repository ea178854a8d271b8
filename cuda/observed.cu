/* observed.cu: what some queries look at, by positions: logits of a few queries, one warp per key; the
 * softmax, one block per row; means over the queries, one thread per query head and key; what goes to some
 * keys, one block per row. */
#include <math.h>

#include "cuda/elementwise.h"
#include "cuda/reduce.h"
#include "cuda/scores.h"
#include "cuda/warp_rows.h"

/* Where the logits of a KV head begin; its rows are its query heads' queries, one head after the other. */
RKV_DEVICE float *rows_of(const rkv_observed_task *t, const rkv_batch_head *h) {
    return t->p + h->first * t->each * t->queries;
}

RKV_DEVICE const float *query_of(const rkv_observed_task *t, size_t kv_head, size_t row) {
    size_t head = kv_head * t->each + row / t->queries;
    return t->q + (head * t->m + t->first + row % t->queries) * t->head_dim;
}

/* ---- logits ---- */

/* Rows that a warp multiplies with a key at a time. */
#define ROWS 4

RKV_KERNEL(few_logits, rkv_observed_task) {
    const rkv_batch_head *h = &t.keys.head[blockIdx.y];
    size_t key = rkv_warp_row(), rows = t.each * t.queries;
    if (key >= h->n) return;
    const float *k = h->rows + key * t.head_dim;
    for (size_t row = 0; row < rows; row += ROWS) {
        const float *q[ROWS];
        float sum[ROWS] = {0};
        for (size_t r = 0; r < ROWS; r++)
            q[r] = query_of(&t, blockIdx.y, row + r < rows ? row + r : rows - 1);
        for (size_t i = rkv_lane(); i < t.head_dim; i += RKV_WARP)
            for (size_t r = 0; r < ROWS; r++)
                sum[r] += q[r][i] * k[i];
        for (size_t r = 0; r < ROWS; r++) {
            float logit = rkv_warp_sum(sum[r]);
            if (rkv_lane() == 0 && row + r < rows) rows_of(&t, h)[(row + r) * h->n + key] = logit;
        }
    }
}

cudaError_t rkv_launch_few_logits(const rkv_observed_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for_rows(task->keys.longest), (unsigned)task->keys.n_heads, 1};
    return RKV_LAUNCH(few_logits, *task, blocks, RKV_ROW_THREADS, stream);
}

/* ---- softmax ---- */

/* As backend/cpu_attention_rows.c: what lies there for keys out of sight is not looked at, and a NaN among
 * the others goes on. */
RKV_KERNEL(observed_softmax, rkv_observed_task) {
    const rkv_batch_head *h = &t.keys.head[blockIdx.y];
    const int32_t *position = t.position + h->first,
                  query = t.query_position[t.first + blockIdx.x % t.queries];
    float *x = rows_of(&t, h) + blockIdx.x * h->n, largest = -INFINITY, sum = 0;
    for (size_t j = threadIdx.x; j < h->n; j += blockDim.x)
        if (position[j] <= query) largest = fmaxf(largest, x[j]);
    largest = rkv_block_max(largest);
    float shift = largest > -INFINITY ? largest : 0;
    for (size_t j = threadIdx.x; j < h->n; j += blockDim.x)
        sum += x[j] = position[j] <= query ? expf((x[j] - shift) * t.scale) : 0;
    sum = rkv_block_sum(sum);
    float inverse = sum > 0 ? 1.0f / sum : sum;
    for (size_t j = threadIdx.x; j < h->n; j += blockDim.x)
        x[j] *= inverse;
}

cudaError_t rkv_launch_observed_softmax(const rkv_observed_task *task, cudaStream_t stream) {
    dim3 blocks = {(unsigned)(task->each * task->queries), (unsigned)task->keys.n_heads, 1};
    return RKV_LAUNCH(observed_softmax, *task, blocks, RKV_REDUCE_THREADS, stream);
}

/* ---- means ---- */

RKV_KERNEL(observed_means, rkv_observed_task) {
    const rkv_batch_head *h = &t.keys.head[blockIdx.y];
    size_t i = rkv_element(), at = h->first * t.each + i;
    if (i >= t.each * h->n) return;
    const float *p = rows_of(&t, h) + i / h->n * t.queries * h->n + i % h->n;
    double sum = t.first ? t.sums[at] : 0;
    for (size_t query = 0; query < t.queries; query++)
        sum += (double)p[query * h->n];
    if (t.first + t.queries == t.m)
        t.means[at] = (float)(sum / (double)t.m);
    else
        t.sums[at] = sum;
}

cudaError_t rkv_launch_observed_means(const rkv_observed_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for(task->each * task->keys.longest), (unsigned)task->keys.n_heads, 1};
    return RKV_LAUNCH(observed_means, *task, blocks, RKV_ELEMENT_THREADS, stream);
}

/* ---- what goes to some keys ---- */

RKV_KERNEL(kept_sums, rkv_kept_task) {
    const rkv_observed_task *o = &t.observed;
    size_t head = blockIdx.x / o->queries, query = o->first + blockIdx.x % o->queries,
           visible = (size_t)t.visible[query];
    const float *p = o->p + blockIdx.x * o->keys.head[0].n;
    double sum = 0;
    for (size_t j = threadIdx.x; j < visible; j += blockDim.x)
        if (t.kept[j] || j + t.window >= visible) sum += (double)p[j];
    sum = rkv_block_sum_double(sum);
    if (threadIdx.x == 0) t.sums[head * o->m + query] = sum;
}

cudaError_t rkv_launch_kept_sums(const rkv_kept_task *task, cudaStream_t stream) {
    unsigned rows = (unsigned)(task->observed.each * task->observed.queries);
    return RKV_LAUNCH(kept_sums, *task, rows, RKV_REDUCE_THREADS, stream);
}
