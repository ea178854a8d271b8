/* expected.c: what expected queries make of keys, on the device: the squares' products by cuBLAS, for some
 * keys of every head at a time. */
#include <assert.h>

#include "cuda/device_scores.h"
#include "cuda/product.h"
#include "cuda/scores.h"

static_assert(sizeof(rkv_expected_task) <= 4096, "a kernel's task has 4 KB at most");

/* Keys of a head at a time, and the memory for their products: one of every head's is always tried. */
#define MOST_KEYS  ((size_t)4096)
#define MOST_BYTES ((size_t)256 << 20)

typedef struct work {
    rkv_cuda *cuda;
    const rkv_expected_logits *task;
    size_t each;           /* H/G */
    float *mean, *squares; /* [H, D]; [H, D, D] or NULL */
    float *logits;         /* of all heads, one after the other */
} work;

/* A copy in device memory; host NULL: none. */
static rkv_status send(rkv_cuda *cuda, const float *host, size_t n, size_t width, float **out) {
    if (!host) return RKV_OK;
    rkv_status status = rkv_cuda_take(cuda, out, n, width * sizeof **out);
    return status ? status : rkv_cuda_to_device(cuda, *out, host, n * width * sizeof **out);
}

/* Squares are symmetric: their rows are their columns. */
static rkv_status multiply(const work *w, const rkv_expected_task *t, const float *squares, float *products) {
    size_t d = t->head_dim, rows = t->each * d;
    rkv_status status = RKV_OK;
    for (size_t g = 0; !status && g < t->keys.n_heads; g++) {
        const rkv_batch_head *h = &t->keys.head[g];
        size_t left = h->n > t->first ? h->n - t->first : 0;
        rkv_cuda_product product = {.m = left < t->count ? left : t->count,
                                    .n = rows,
                                    .k = d,
                                    .batch = 1,
                                    .a = {h->rows + t->first * d, d, 0},
                                    .b = {squares + g * rows * d, d, 0},
                                    .turned = true,
                                    .y = products + g * t->count * rows,
                                    .y_ld = rows};
        status = rkv_cuda_multiply(w->cuda, &product);
    }
    return status;
}

static size_t keys_at_a_time(size_t n, size_t key_floats) {
    size_t most = n < MOST_KEYS ? n : MOST_KEYS, fitting = MOST_BYTES / sizeof(float) / key_floats;
    return fitting > most ? most : fitting ? fitting : 1;
}

/* Block by block of keys, where they have products. */
static rkv_status expect(const work *w, rkv_expected_task *t, const float *squares) {
    size_t key_floats = t->keys.n_heads * t->each * t->head_dim, n = t->keys.longest;
    size_t count = squares ? keys_at_a_time(n, key_floats) : n;
    float *products = NULL;
    rkv_status status =
        squares ? rkv_cuda_take(w->cuda, &products, count, key_floats * sizeof *products) : RKV_OK;
    t->products = products;
    for (t->count = count; !status && t->first < n; t->first += count) {
        if (squares) status = multiply(w, t, squares, products);
        if (!status)
            status = RKV_CUDA_QUEUE(w->cuda, rkv_launch_expected_logits(t, w->cuda->stream), "logits");
    }
    rkv_cuda_give(w->cuda, products);
    return status;
}

static rkv_status expect_all(const work *w) {
    const rkv_expected_logits *task = w->task;
    size_t d = task->head_dim, before = 0;
    rkv_status status = RKV_OK;
    for (size_t g = 0; !status && g < task->n_kv_heads; g += RKV_BATCH_HEADS) {
        rkv_expected_task t = {.keys = rkv_head_batch_of(task->keys, task->n_kv_heads, g),
                               .mean = w->mean + g * w->each * d,
                               .each = w->each,
                               .head_dim = d,
                               .logits = w->logits + before * w->each};
        before += t.keys.rows;
        if (t.keys.rows) status = expect(w, &t, w->squares ? w->squares + g * w->each * d * d : NULL);
    }
    return status;
}

rkv_status rkv_cuda_expected_logits(rkv_backend *backend, const rkv_expected_logits *task) {
    work w = {.cuda = rkv_cuda_enter(backend), .task = task, .each = task->n_heads / task->n_kv_heads};
    size_t n_keys = rkv_head_rows_total(task->keys, task->n_kv_heads), d = task->head_dim;
    rkv_device_results results = {0};
    if (!n_keys) return RKV_OK;
    rkv_status status = rkv_device_results_new(w.cuda, n_keys * w.each, sizeof *w.logits, &results);
    w.logits = results.device;
    if (!status) status = send(w.cuda, task->mean, task->n_heads, d, &w.mean);
    if (!status) status = send(w.cuda, task->squares, task->n_heads * d, d, &w.squares);
    if (!status) status = expect_all(&w);
    if (!status) status = rkv_device_results_fetch(w.cuda, &results);
    if (!status)
        rkv_query_heads_spread(results.host, task->keys, task->n_heads, task->n_kv_heads, task->logits);
    rkv_cuda_give(w.cuda, w.squares);
    rkv_cuda_give(w.cuda, w.mean);
    rkv_device_results_free(w.cuda, &results);
    return status;
}
