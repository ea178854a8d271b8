/* cached.c: attention over cached keys and values on the device: some KV heads and some queries at a time. */
#include "cuda/cached.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/sizes.h"
#include "cuda/device.h"

static_assert(sizeof(rkv_attend_task) <= 4096, "a kernel's task has 4 KB at most");

/* Memory for what lies between the kernels, and rows of queries, at a time: one query's are always tried. */
#define MOST_BYTES ((size_t)256 << 20)
#define MOST_ROWS  ((size_t)2048)

typedef struct work {
    rkv_cuda *cuda;
    const rkv_cached_attention *task;
    size_t each;   /* H/G */
    size_t n_sums; /* numbers of all heads' sums */
    float *sums;   /* of one head after the other; NULL: nobody wants any */
} work;

/* ---- sizes ---- */

/* The longest row of numbers of any head. */
static size_t widest(const rkv_cached_attention *task) {
    size_t width = task->shape.head_dim;
    for (size_t g = 0; g < task->shape.n_kv_heads; g++) {
        width = rkv_larger(width, rkv_cuda_rows_view(task->heads[g].keys).layout.width);
        width = rkv_larger(width, rkv_cuda_rows_view(task->heads[g].values).layout.width);
    }
    return width;
}

static size_t part_floats(const rkv_attend_head *h) {
    return rkv_attend_chunks(h->keys.n) * (RKV_PART_MIXTURE + h->values.layout.width);
}

/* Between the kernels, for each row of queries. */
static size_t row_floats(const rkv_attend_head *h, bool sums) {
    return part_floats(h) + (sums ? h->keys.n + 2 : 0);
}

/* ---- some heads ---- */

static bool wants_sums(const work *w, const rkv_attend_task *t, size_t head) {
    return w->task->heads[t->first_kv_head + head].sums != NULL;
}

/* The head's memory out of what is left at *scratch, for `rows` rows; *sums advances by its sums. */
static void share(rkv_attend_head *h, bool wanted, size_t rows, size_t each, float **scratch, float **sums) {
    h->parts = *scratch;
    *scratch += rows * part_floats(h);
    if (!wanted) return;
    h->logits = *scratch;
    *scratch += rows * h->keys.n;
    h->totals = *scratch;
    *scratch += rows * 2;
    h->sums = *sums;
    *sums += each * h->keys.n;
}

static rkv_attend_head view_of(const work *w, const rkv_cached_head *head) {
    rkv_attend_head h = {.keys = rkv_cuda_rows_view(head->keys),
                         .values = rkv_cuda_rows_view(head->values),
                         .key_basis = head->key_basis,
                         .value_basis = head->value_basis};
    assert(h.keys.n >= w->task->shape.n_tokens && h.values.n == h.keys.n);
    assert(head->key_basis || h.keys.layout.width == w->task->shape.head_dim);
    assert(head->value_basis || h.values.layout.width == w->task->shape.head_dim);
    (void)w;
    return h;
}

static rkv_attend_task task_of(const work *w, size_t first_head, size_t n_heads) {
    const rkv_attention_shape *s = &w->task->shape;
    rkv_attend_task t = {.q = w->task->q,
                         .rotation = w->task->rotation,
                         .out = w->task->out,
                         .n_tokens = s->n_tokens,
                         .n_heads = s->n_heads,
                         .head_dim = s->head_dim,
                         .each = (unsigned)w->each,
                         .first_kv_head = first_head,
                         .n_kv_heads = n_heads,
                         .rows =
                             widest(w->task) > RKV_ATTEND_WIDE_ABOVE ? RKV_ATTEND_ROWS_WIDE : RKV_ATTEND_ROWS,
                         .adjacent = w->task->pairing == RKV_ROPE_ADJACENT,
                         .scale = 1.0f / sqrtf((float)s->head_dim)};
    for (size_t i = 0; i < n_heads; i++) {
        t.heads[i] = view_of(w, &w->task->heads[first_head + i]);
        t.longest = rkv_larger(t.longest, t.heads[i].keys.n);
    }
    return t;
}

static rkv_status launch(const work *w, const rkv_attend_task *t, bool sums) {
    rkv_cuda *cuda = w->cuda;
    rkv_status status =
        RKV_CUDA_QUEUE(cuda, rkv_launch_attend_chunks(t, cuda->stream), "attention over a cache");
    if (!status)
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_attend_merge(t, cuda->stream), "attention over a cache");
    if (!status && sums)
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_attend_sums(t, cuda->stream), "sums of attention");
    return status;
}

/* Heads [first, first + n), whose sums lie from *sums on. */
static rkv_status attend_heads(const work *w, size_t first, size_t n, float **sums) {
    rkv_attend_task t = task_of(w, first, n);
    float *scratch = NULL;
    size_t floats = 0, m = w->task->shape.n_tokens;
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        any |= wants_sums(w, &t, i);
        floats += w->each * row_floats(&t.heads[i], wants_sums(w, &t, i));
    }
    size_t queries = rkv_smaller(MOST_BYTES / sizeof *scratch / floats, MOST_ROWS / w->each);
    queries = rkv_smaller(rkv_larger(queries, 1), m);
    rkv_status status = rkv_cuda_take(w->cuda, &scratch, queries, floats * sizeof *scratch);
    float *left = scratch;
    for (size_t i = 0; !status && i < n; i++)
        share(&t.heads[i], wants_sums(w, &t, i), queries * w->each, w->each, &left, sums);
    for (; !status && t.first < m; t.first += queries) {
        t.queries = rkv_smaller(queries, m - t.first);
        status = launch(w, &t, any);
    }
    rkv_cuda_give(w->cuda, scratch);
    return status;
}

static rkv_status attend(const work *w) {
    size_t groups = w->task->shape.n_kv_heads;
    float *sums = w->sums;
    rkv_status status = RKV_OK;
    for (size_t g = 0; !status && g < groups; g += RKV_ATTEND_HEADS)
        status = attend_heads(w, g, rkv_smaller(groups - g, RKV_ATTEND_HEADS), &sums);
    return status;
}

/* ---- sums ---- */

static size_t n_sums(const work *w, const rkv_cached_head *head) {
    return head->sums ? w->each * rkv_cuda_rows_view(head->keys).n : 0;
}

static void add_sums(const work *w, const float *received) {
    const rkv_cached_head *heads = w->task->heads;
    for (size_t g = 0; g < w->task->shape.n_kv_heads; g++) {
        size_t n = n_sums(w, &heads[g]);
        for (size_t i = 0; i < n; i++)
            heads[g].sums[i] += received[i];
        received += n;
    }
}

/* What can fail before the work is queued does so before. */
static rkv_status attend_with_sums(work *w) {
    float *received = NULL;
    rkv_status status = rkv_alloc_raw(&received, w->n_sums, sizeof *received);
    if (!status) status = rkv_cuda_take(w->cuda, &w->sums, w->n_sums, sizeof *w->sums);
    if (!status) status = attend(w);
    if (!status) status = rkv_cuda_to_host(w->cuda, received, w->sums, w->n_sums * sizeof *received);
    if (!status) add_sums(w, received);
    rkv_cuda_give(w->cuda, w->sums);
    free(received);
    return status;
}

rkv_status rkv_cuda_attend_cached(rkv_backend *backend, const rkv_cached_attention *task) {
    const rkv_attention_shape *s = &task->shape;
    size_t width = widest(task);
    if (width > RKV_ATTEND_WIDEST)
        return rkv_fail(RKV_UNAVAILABLE, "rows of %zu numbers: attention over a cache on %s takes up to %d",
                        width, backend->device, RKV_ATTEND_WIDEST);
    if (!s->n_tokens || !s->n_kv_heads) return RKV_OK;
    work w = {.cuda = rkv_cuda_enter(backend), .task = task, .each = s->n_heads / s->n_kv_heads};
    for (size_t g = 0; g < s->n_kv_heads; g++)
        w.n_sums += n_sums(&w, &task->heads[g]);
    return w.n_sums ? attend_with_sums(&w) : attend(&w);
}
