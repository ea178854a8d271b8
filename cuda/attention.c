/* attention.c: causal attention on the device: logits by cuBLAS, softmax in place, output by cuBLAS, for some
 * queries of every head at a time, so that keys after the last of them are not multiplied in vain. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/sizes.h"
#include "cuda/kernels.h"
#include "cuda/product.h"

/* Rows that one processor of the device is given at a time: a tile of the products of cuBLAS. */
#define ROWS_EACH ((size_t)128)

/* Memory for the rows where nobody asked to keep them. */
#define MOST_BYTES ((size_t)256 << 20)

typedef struct work {
    rkv_cuda *cuda;
    const rkv_attention_shape *shape;
    const float *q, *k, *v;
    float *out;
    float *attention;  /* [H,T,T] or NULL */
    float *rows;       /* [H, queries, T] where attention is NULL */
    size_t queries;    /* at a time */
    double *all, *far; /* [H,T] sums or NULL */
    size_t distance;
} work;

/* The queries [first, first + m) of every head and the keys [0, first + m) that they see. */
typedef struct block {
    size_t first, m, keys;
    float *x; /* their rows: head h's begin at x + h * head_stride, ld numbers apart */
    size_t ld, head_stride;
} block;

/* As many blocks as all heads' rows fill the device with, so that little is multiplied that no query sees. */
static size_t queries_at_a_time(const rkv_cuda *cuda, const rkv_attention_shape *s, bool kept) {
    size_t n = s->n_tokens, blocks = rkv_larger(n * s->n_heads / (cuda->processors * ROWS_EACH), 1);
    size_t most = (n + blocks - 1) / blocks;
    size_t fitting = rkv_larger(MOST_BYTES / sizeof(float) / (s->n_heads * n), 1);
    return kept ? most : rkv_smaller(most, fitting);
}

static block block_at(const work *w, size_t first) {
    const rkv_attention_shape *s = w->shape;
    size_t n = s->n_tokens, m = n - first < w->queries ? n - first : w->queries;
    block b = {.first = first, .m = m, .keys = first + m, .ld = n};
    b.x = w->attention ? w->attention + first * n : w->rows;
    b.head_stride = (w->attention ? n : w->queries) * n;
    return b;
}

/* Query heads that share keys and values are neighbours. */
static rkv_status logits(const work *w, const block *b) {
    const rkv_attention_shape *s = w->shape;
    size_t n = s->n_tokens, d = s->head_dim;
    rkv_cuda_product p = {.m = b->m,
                          .n = b->keys,
                          .k = d,
                          .batch = s->n_heads,
                          .shared = s->n_heads / s->n_kv_heads,
                          .a = {w->q + b->first * d, d, n * d},
                          .b = {w->k, d, n * d},
                          .turned = true,
                          .y = b->x,
                          .y_ld = b->ld,
                          .y_stride = b->head_stride};
    return rkv_cuda_multiply(w->cuda, &p);
}

static rkv_status outputs(const work *w, const block *b) {
    const rkv_attention_shape *s = w->shape;
    size_t n = s->n_tokens, d = s->head_dim;
    rkv_cuda_product p = {.m = b->m,
                          .n = d,
                          .k = b->keys,
                          .batch = s->n_heads,
                          .shared = s->n_heads / s->n_kv_heads,
                          .a = {b->x, b->ld, b->head_stride},
                          .b = {w->v, d, n * d},
                          .y = w->out + b->first * s->n_heads * d,
                          .y_ld = s->n_heads * d,
                          .y_stride = d};
    return rkv_cuda_multiply(w->cuda, &p);
}

static rkv_status add_sums(const work *w, const block *b, size_t distance, double *sums) {
    rkv_column_sums_task task = {.x = b->x,
                                 .n_heads = w->shape->n_heads,
                                 .n_tokens = w->shape->n_tokens,
                                 .first = b->first,
                                 .rows = b->m,
                                 .ld = b->ld,
                                 .head_stride = b->head_stride,
                                 .distance = distance,
                                 .sums = sums};
    return sums ? RKV_CUDA_QUEUE(w->cuda, rkv_launch_column_sums(&task, w->cuda->stream), "column sums")
                : RKV_OK;
}

static rkv_status attend(const work *w, size_t first) {
    block b = block_at(w, first);
    rkv_softmax_task softmax = {.x = b.x,
                                .n_heads = w->shape->n_heads,
                                .first = first,
                                .rows = b.m,
                                .width = w->attention ? w->shape->n_tokens : b.keys,
                                .ld = b.ld,
                                .head_stride = b.head_stride,
                                .scale = 1.0f / sqrtf((float)w->shape->head_dim)};
    rkv_status status = logits(w, &b);
    if (!status) status = RKV_CUDA_QUEUE(w->cuda, rkv_launch_softmax(&softmax, w->cuda->stream), "softmax");
    if (!status) status = add_sums(w, &b, 0, w->all);
    if (!status) status = add_sums(w, &b, w->distance, w->far);
    if (!status) status = outputs(w, &b);
    return status;
}

/* ---- sums ---- */

/* *sums = zeros [H,T] where `wanted` is not NULL. */
static rkv_status new_sums(rkv_cuda *cuda, const float *wanted, size_t n, double **sums) {
    if (!wanted) return RKV_OK;
    rkv_status status = rkv_cuda_take(cuda, sums, n, sizeof **sums);
    if (status) return status;
    return RKV_CUDA_QUEUE(cuda, cudaMemsetAsync(*sums, 0, n * sizeof **sums, cuda->stream), "clearing sums");
}

static rkv_status fetch_sums(rkv_cuda *cuda, const double *sums, size_t n, float *to) {
    double *host = NULL;
    if (!sums) return RKV_OK;
    rkv_status status = rkv_alloc_raw(&host, n, sizeof *host);
    if (!status) status = rkv_cuda_to_host(cuda, host, sums, n * sizeof *host);
    for (size_t i = 0; !status && i < n; i++)
        to[i] = (float)host[i];
    free(host);
    return status;
}

rkv_status rkv_cuda_attention(rkv_backend *backend, const float *q, const float *k, const float *v,
                              const rkv_attention_shape *shape, float *attention,
                              const rkv_attention_sums *sums, float *out) {
    static const rkv_attention_sums none = {0};
    size_t n = shape->n_tokens, n_sums = shape->n_heads * n;
    if (!n) return RKV_OK;
    if (!sums) sums = &none;
    work w = {.cuda = rkv_cuda_enter(backend), .shape = shape, .q = q, .k = k, .v = v, .out = out};
    w.attention = attention;
    w.queries = queries_at_a_time(w.cuda, shape, attention != NULL);
    w.distance = sums->distance;
    rkv_status status = RKV_OK;
    if (!attention) status = rkv_cuda_take(w.cuda, &w.rows, n_sums, w.queries * sizeof *w.rows);
    if (!status) status = new_sums(w.cuda, sums->all, n_sums, &w.all);
    if (!status) status = new_sums(w.cuda, sums->far, n_sums, &w.far);
    for (size_t first = 0; !status && first < n; first += w.queries)
        status = attend(&w, first);
    if (!status) status = fetch_sums(w.cuda, w.all, n_sums, sums->all);
    if (!status) status = fetch_sums(w.cuda, w.far, n_sums, sums->far);
    rkv_cuda_give(w.cuda, w.far);
    rkv_cuda_give(w.cuda, w.all);
    rkv_cuda_give(w.cuda, w.rows);
    return status;
}
