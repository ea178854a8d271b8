/* cpu_attention.c: causal attention on the CPU, query block by query block; the triangle above the diagonal
 * of a block is computed in vain. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/cpu_gemm.h"
#include "backend/cpu_softmax.h"
#include "core/memory.h"

/* Keys and values of every group in panels, so that both products of a block read them straight through. */
typedef struct work {
    const rkv_tile *tile;
    const rkv_attention_shape *shape;
    float *keys;   /* [G, whole(T) / panel, D, panel] */
    float *values; /* [G, T, whole(D)] */
    float *rows;   /* [threads, RKV_QUERY_BLOCK, whole(T)] logits, then probabilities */
    const rkv_attention_sums *sums;
    float *parts, *far; /* [H, part_at(blocks)] sums of each block's columns; NULL: not wanted */
} work;

/* Where a block's column sums begin in a head's: block b has columns up to its own last. */
static size_t part_at(size_t block) {
    return RKV_QUERY_BLOCK * (block * (block + 1) / 2);
}

static size_t n_blocks(const rkv_attention_shape *s) {
    return (s->n_tokens + RKV_QUERY_BLOCK - 1) / RKV_QUERY_BLOCK;
}

static rkv_status allocate(work *w, size_t threads) {
    const rkv_attention_shape *s = w->shape;
    size_t n = rkv_whole_panels(w->tile, s->n_tokens), d = rkv_whole_panels(w->tile, s->head_dim);
    rkv_status status = rkv_alloc(&w->keys, s->n_kv_heads * n, s->head_dim * sizeof *w->keys);
    if (!status) status = rkv_alloc(&w->values, s->n_kv_heads * s->n_tokens, d * sizeof *w->values);
    if (!status) status = rkv_alloc_raw(&w->rows, threads * RKV_QUERY_BLOCK, n * sizeof *w->rows);
    size_t parts = s->n_heads * part_at(n_blocks(s));
    if (!status && w->sums->all) status = rkv_alloc(&w->parts, parts, sizeof *w->parts);
    if (!status && w->sums->far) status = rkv_alloc(&w->far, parts, sizeof *w->far);
    return status;
}

static void pack(const work *w, const float *k, const float *v, size_t group) {
    const rkv_attention_shape *s = w->shape;
    size_t n = s->n_tokens, d = s->head_dim, whole = rkv_whole_panels(w->tile, d);
    rkv_pack_transposed(w->tile, k + group * n * d, n, d, w->keys + group * rkv_whole_panels(w->tile, n) * d,
                        0);
    for (size_t t = 0; t < n; t++)
        memcpy(w->values + (group * n + t) * whole, v + (group * n + t) * d, d * sizeof *v);
}

/* Adds the row of a query, which sees n keys, to its block's column sums; at: where they begin. */
static void add_to_parts(const work *w, const float *row, size_t n, size_t at) {
    size_t distance = w->sums->distance;
    if (w->parts) rkv_add_row(row, n, 1.0f, w->parts + at);
    if (w->far && n > distance) rkv_add_row(row, n - distance, 1.0f, w->far + at);
}

/* Block `block` of query head `head`: out [T, H D], and attention [H,T,T] unless NULL. */
static void attend(const work *w, const float *q, size_t head, size_t block, float *rows, float *attention,
                   float *out) {
    const rkv_attention_shape *s = w->shape;
    size_t n = s->n_tokens, d = s->head_dim, group = head * s->n_kv_heads / s->n_heads;
    size_t whole_n = rkv_whole_panels(w->tile, n), whole_d = rkv_whole_panels(w->tile, d);
    size_t first = block * RKV_QUERY_BLOCK, m = n - first < RKV_QUERY_BLOCK ? n - first : RKV_QUERY_BLOCK,
           keys = first + m;
    rkv_panels k = {w->keys + group * whole_n * d, d * w->tile->panel, w->tile->panel};
    rkv_panels v = {w->values + group * n * whole_d, w->tile->panel, whole_d};
    rkv_gemm(w->tile, q + (head * n + first) * d, d, m, k, keys, d, rows, whole_n, false);
    for (size_t i = 0; i < m; i++) {
        float *row = rows + i * whole_n;
        rkv_softmax_row(row, first + i + 1, 1.0f / sqrtf((float)d), row);
        memset(row + first + i + 1, 0, (keys - first - i - 1) * sizeof *row);
        add_to_parts(w, row, first + i + 1, head * part_at(n_blocks(s)) + part_at(block));
        if (!attention) continue;
        float *p = attention + (head * n + first + i) * n;
        memcpy(p, row, keys * sizeof *p);
        memset(p + keys, 0, (n - keys) * sizeof *p);
    }
    rkv_gemm(w->tile, rows, whole_n, m, v, d, keys, out + (first * s->n_heads + head) * d, s->n_heads * d,
             false);
}

static void attend_all(const work *w, const float *q, const float *k, const float *v, float *attention,
                       float *out) {
    const rkv_attention_shape *s = w->shape;
    size_t blocks = n_blocks(s), whole_n = rkv_whole_panels(w->tile, s->n_tokens);
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (size_t g = 0; g < s->n_kv_heads; g++)
            pack(w, k, v, g);
            /* The last blocks have the most keys: they go first, so that the threads end together. */
#pragma omp for schedule(dynamic) collapse(2)
        for (size_t b = 0; b < blocks; b++)
            for (size_t h = 0; h < s->n_heads; h++)
                attend(w, q, h, blocks - 1 - b,
                       w->rows + (size_t)omp_get_thread_num() * RKV_QUERY_BLOCK * whole_n, attention, out);
    }
}

/* sums [T] of one head: the blocks' parts in their order, whichever thread made them. */
static void sum_parts(const rkv_attention_shape *s, const float *all_parts, size_t head, float *sums) {
    const float *parts = all_parts + head * part_at(n_blocks(s));
    memset(sums, 0, s->n_tokens * sizeof *sums);
    for (size_t b = 0; b < n_blocks(s); b++) {
        size_t end = (b + 1) * RKV_QUERY_BLOCK < s->n_tokens ? (b + 1) * RKV_QUERY_BLOCK : s->n_tokens;
        rkv_add_row(parts + part_at(b), end, 1.0f, sums);
    }
}

rkv_status rkv_cpu_attention(rkv_backend *backend, const float *q, const float *k, const float *v,
                             const rkv_attention_shape *shape, float *attention,
                             const rkv_attention_sums *sums, float *out) {
    (void)backend;
    static const rkv_attention_sums none = {0};
    work w = {.tile = rkv_tile_best(), .shape = shape, .sums = sums ? sums : &none};
    rkv_status status = allocate(&w, (size_t)omp_get_max_threads());
    if (!status) attend_all(&w, q, k, v, attention, out);
    if (!status && sums) {
#pragma omp parallel for schedule(static)
        for (size_t h = 0; h < shape->n_heads; h++) {
            if (w.parts) sum_parts(shape, w.parts, h, sums->all + h * shape->n_tokens);
            if (w.far) sum_parts(shape, w.far, h, sums->far + h * shape->n_tokens);
        }
    }
    free(w.far);
    free(w.parts);
    free(w.rows);
    free(w.values);
    free(w.keys);
    return status;
}
