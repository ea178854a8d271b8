/* observed.c: what some queries look at, on the device: logits of all heads of a layer, their softmax by
 * positions, and the means over the queries, or what of one head's goes to some keys. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "cuda/device_scores.h"
#include "cuda/product.h"
#include "cuda/scores.h"

static_assert(sizeof(rkv_kept_task) <= 4096, "a kernel's task has 4 KB at most");

/* Queries at a time, and the memory for their rows: one query's of every head are always tried. */
#define MOST_QUERIES ((size_t)512)
#define MOST_BYTES   ((size_t)256 << 20)

/* Up to so many rows, one kernel that reads the keys of all heads once takes less time than as many small
 * products are begun in. */
#define FEW_ROWS ((size_t)16)

static size_t queries_at_a_time(size_t m, size_t row_floats) {
    size_t most = m < MOST_QUERIES ? m : MOST_QUERIES, fitting = MOST_BYTES / sizeof(float) / row_floats;
    return fitting > most ? most : fitting ? fitting : 1;
}

/* Of one query's rows in all heads. */
static size_t row_floats(const rkv_observed_task *t) {
    return t->each * t->keys.rows;
}

/* ---- rows of some queries ---- */

static rkv_status multiply_head(rkv_cuda *cuda, const rkv_observed_task *t, size_t head) {
    const rkv_batch_head *h = &t->keys.head[head];
    bool all = t->queries == t->m; /* then the rows of its query heads lie side by side */
    rkv_cuda_product product = {
        .m = all ? t->each * t->m : t->queries,
        .n = h->n,
        .k = t->head_dim,
        .batch = all ? 1 : t->each,
        .a = {t->q + (head * t->each * t->m + t->first) * t->head_dim, t->head_dim, t->m * t->head_dim},
        .b = {h->rows, t->head_dim, 0},
        .turned = true,
        .y = t->p + h->first * t->each * t->queries,
        .y_ld = h->n,
        .y_stride = t->queries * h->n};
    return rkv_cuda_multiply(cuda, &product);
}

static rkv_status logits(rkv_cuda *cuda, const rkv_observed_task *t) {
    rkv_status status = RKV_OK;
    if (t->each * t->queries <= FEW_ROWS)
        return RKV_CUDA_QUEUE(cuda, rkv_launch_few_logits(t, cuda->stream), "logits");
    for (size_t h = 0; !status && h < t->keys.n_heads; h++)
        status = multiply_head(cuda, t, h);
    return status;
}

static rkv_status attend(rkv_cuda *cuda, const rkv_observed_task *t) {
    rkv_status status = logits(cuda, t);
    if (status) return status;
    return RKV_CUDA_QUEUE(cuda, rkv_launch_observed_softmax(t, cuda->stream), "softmax");
}

/* ---- means ---- */

typedef struct work {
    rkv_cuda *cuda;
    const rkv_attention_means *task;
    float *q;           /* [H, m, D] */
    int32_t *positions; /* [m], then those of all keys */
    float *means;       /* of all heads, one after the other */
} work;

/* Positions of the queries and of all keys in one copy. */
static rkv_status send_positions(work *w, size_t n_keys) {
    const rkv_attention_means *task = w->task;
    size_t at = task->m;
    int32_t *host = NULL;
    rkv_status status = rkv_alloc_raw(&host, task->m + n_keys, sizeof *host);
    if (status) return status;
    memcpy(host, task->query_position, task->m * sizeof *host);
    for (size_t g = 0; g < task->n_kv_heads; at += task->keys[g++].n)
        memcpy(host + at, task->positions[g], task->keys[g].n * sizeof *host);
    status = rkv_cuda_take(w->cuda, &w->positions, at, sizeof *w->positions);
    if (!status) status = rkv_cuda_to_device(w->cuda, w->positions, host, at * sizeof *host);
    free(host);
    return status;
}

static rkv_status send_queries(work *w) {
    size_t n = w->task->n_heads * w->task->m;
    rkv_status status = rkv_cuda_take(w->cuda, &w->q, n, w->task->head_dim * sizeof *w->q);
    if (status) return status;
    return rkv_cuda_to_device(w->cuda, w->q, w->task->q, n * w->task->head_dim * sizeof *w->q);
}

/* KV heads from `head` on; `before`: keys of the heads before it. */
static rkv_observed_task task_of(const work *w, size_t head, size_t before) {
    const rkv_attention_means *task = w->task;
    size_t each = task->n_heads / task->n_kv_heads;
    return (rkv_observed_task){.keys = rkv_head_batch_of(task->keys, task->n_kv_heads, head),
                               .q = w->q + head * each * task->m * task->head_dim,
                               .query_position = w->positions,
                               .position = w->positions + task->m + before,
                               .m = task->m,
                               .each = each,
                               .head_dim = task->head_dim,
                               .scale = 1.0f / sqrtf((float)task->head_dim),
                               .means = w->means + before * each};
}

/* Block by block of queries. */
static rkv_status observe(rkv_cuda *cuda, rkv_observed_task *t) {
    size_t queries = queries_at_a_time(t->m, row_floats(t));
    rkv_status status = rkv_cuda_take(cuda, &t->p, queries, row_floats(t) * sizeof *t->p);
    if (!status && queries < t->m) status = rkv_cuda_take(cuda, &t->sums, row_floats(t), sizeof *t->sums);
    for (; !status && t->first < t->m; t->first += queries) {
        t->queries = t->m - t->first < queries ? t->m - t->first : queries;
        status = attend(cuda, t);
        if (!status)
            status = RKV_CUDA_QUEUE(cuda, rkv_launch_observed_means(t, cuda->stream), "means of attention");
    }
    rkv_cuda_give(cuda, t->sums);
    rkv_cuda_give(cuda, t->p);
    return status;
}

static rkv_status observe_all(const work *w) {
    rkv_status status = RKV_OK;
    for (size_t head = 0, before = 0; !status && head < w->task->n_kv_heads; head += RKV_BATCH_HEADS) {
        rkv_observed_task t = task_of(w, head, before);
        before += t.keys.rows;
        if (t.keys.rows) status = observe(w->cuda, &t);
    }
    return status;
}

/* No queries give nothing. */
static rkv_status mean_of_none(const rkv_attention_means *task) {
    for (size_t h = 0; h < task->n_heads; h++)
        memset(task->means[h], 0, task->keys[h * task->n_kv_heads / task->n_heads].n * sizeof **task->means);
    return RKV_OK;
}

rkv_status rkv_cuda_attention_means(rkv_backend *backend, const rkv_attention_means *task) {
    work w = {.cuda = rkv_cuda_enter(backend), .task = task};
    size_t n_keys = rkv_head_rows_total(task->keys, task->n_kv_heads);
    rkv_device_results results = {0};
    if (!task->m || !n_keys) return mean_of_none(task);
    rkv_status status = rkv_device_results_new(w.cuda, n_keys * (task->n_heads / task->n_kv_heads),
                                               sizeof *w.means, &results);
    w.means = results.device;
    if (!status) status = send_positions(&w, n_keys);
    if (!status) status = send_queries(&w);
    if (!status) status = observe_all(&w);
    if (!status) status = rkv_device_results_fetch(w.cuda, &results);
    if (!status)
        rkv_query_heads_spread(results.host, task->keys, task->n_heads, task->n_kv_heads, task->means);
    rkv_cuda_give(w.cuda, w.q);
    rkv_cuda_give(w.cuda, w.positions);
    rkv_device_results_free(w.cuda, &results);
    return status;
}

/* ---- what goes to some keys ---- */

/* What the kernels must know of queries and keys. */
typedef struct numbers {
    int32_t *host, *there;
    size_t query_position, position, visible, kept; /* where each begins */
} numbers;

static void write_numbers(const rkv_kept_attention *task, const numbers *x) {
    size_t n = task->keys.n;
    memcpy(x->host + x->query_position, task->query_position, task->m * sizeof *x->host);
    memcpy(x->host + x->position, task->position, n * sizeof *x->host);
    for (size_t i = 0, seen = 0; i < task->m; i++) {
        while (seen < n && task->position[seen] <= task->query_position[i])
            seen++;
        x->host[x->visible + i] = (int32_t)seen;
    }
    for (size_t j = 0; j < n; j++)
        x->host[x->kept + j] = task->kept[j];
}

/* In one copy. */
static rkv_status send_numbers(rkv_cuda *cuda, const rkv_kept_attention *task, numbers *out) {
    size_t m = task->m, n = task->keys.n, all = 2 * (m + n);
    *out = (numbers){.position = m, .visible = m + n, .kept = 2 * m + n};
    rkv_status status = rkv_alloc_raw(&out->host, all, sizeof *out->host);
    if (!status) status = rkv_cuda_take(cuda, &out->there, all, sizeof *out->there);
    if (status) return status;
    write_numbers(task, out);
    return rkv_cuda_to_device(cuda, out->there, out->host, all * sizeof *out->host);
}

static rkv_kept_task kept_task_of(const rkv_kept_attention *task, const numbers *x, double *sums) {
    return (rkv_kept_task){.observed = {.keys = rkv_head_batch_of(&task->keys, 1, 0),
                                        .q = task->q,
                                        .query_position = x->there + x->query_position,
                                        .position = x->there + x->position,
                                        .m = task->m,
                                        .each = task->each,
                                        .head_dim = task->head_dim,
                                        .scale = 1.0f / sqrtf((float)task->head_dim)},
                           .visible = x->there + x->visible,
                           .kept = x->there + x->kept,
                           .window = task->window,
                           .sums = sums};
}

/* Block by block of queries, each with as many keys as its last one sees. */
static rkv_status sum_blocks(rkv_cuda *cuda, const rkv_kept_attention *task, const numbers *x, double *sums) {
    rkv_kept_task t = kept_task_of(task, x, sums);
    rkv_observed_task *o = &t.observed;
    rkv_head_batch *keys = &o->keys;
    const int32_t *visible = x->host + x->visible;
    size_t queries = queries_at_a_time(o->m, row_floats(o));
    rkv_status status = rkv_cuda_take(cuda, &o->p, queries, row_floats(o) * sizeof *o->p);
    for (; !status && o->first < o->m; o->first += queries) {
        o->queries = o->m - o->first < queries ? o->m - o->first : queries;
        size_t seen = (size_t)visible[o->first + o->queries - 1];
        keys->head[0].n = keys->longest = keys->rows = seen ? seen : 1;
        status = attend(cuda, o);
        if (!status)
            status = RKV_CUDA_QUEUE(cuda, rkv_launch_kept_sums(&t, cuda->stream), "sums of attention");
    }
    rkv_cuda_give(cuda, o->p);
    return status;
}

rkv_status rkv_cuda_kept_attention(rkv_backend *backend, const rkv_kept_attention *task, double *sum) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    size_t rows = task->each * task->m;
    numbers x = {0};
    rkv_device_results results = {0};
    *sum = 0;
    if (!rows || !task->keys.n) return RKV_OK;
    rkv_status status = rkv_device_results_new(cuda, rows, sizeof *sum, &results);
    if (!status) status = send_numbers(cuda, task, &x);
    if (!status) status = sum_blocks(cuda, task, &x, results.device);
    if (!status) status = rkv_device_results_fetch(cuda, &results);
    for (size_t i = 0; !status && i < rows; i++)
        *sum += ((const double *)results.host)[i];
    rkv_cuda_give(cuda, x.there);
    free(x.host);
    rkv_device_results_free(cuda, &results);
    return status;
}
