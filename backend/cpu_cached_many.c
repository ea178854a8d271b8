/* cpu_cached_many.c: attention of several new tokens over a cache: head by head, all entries into panels, and
 * query block by query block as in cpu_attention.c. Memory is needed for one head at a time. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu_cached.h"
#include "backend/cpu_gemm.h"
#include "backend/cpu_softmax.h"
#include "core/memory.h"
#include "core/sizes.h"

typedef struct work {
    const rkv_cached_attention *task;
    const rkv_tile *tile;
    size_t heads_per_group, n_blocks; /* H/G; of queries */
    rkv_cached_view *entries;         /* [G] */
    size_t longest, widest;
    float *q;       /* [H/G, m, key_width] */
    float *keys;    /* [whole(n) / panel, key_width, panel] */
    float *values;  /* [n, whole(value_width)] */
    float *rows;    /* [threads, RKV_QUERY_BLOCK, whole(n)] scores, then probabilities */
    float *mixture; /* [H/G, m, value_width] outputs before the values' basis */
    float *parts;   /* [H/G, n_blocks, n] sums of each block's columns; NULL: no head wants them */
    float *rooms;   /* [threads, 2, RKV_CACHED_TILE, widest] */
} work;

static rkv_status open_heads(work *w, bool *sums) {
    size_t groups = w->task->shape.n_kv_heads;
    rkv_status status = rkv_alloc(&w->entries, groups, sizeof *w->entries);
    for (size_t g = 0; !status && g < groups; g++) {
        status = rkv_cached_view_open(&w->entries[g], w->task, g, 1);
        w->longest = rkv_larger(w->longest, w->entries[g].n);
        *sums |= w->task->heads[g].sums != NULL;
    }
    if (!status) w->widest = rkv_cached_view_widest(w->entries, groups);
    return status;
}

static rkv_status open_work(work *w, const rkv_cached_attention *task, size_t threads) {
    const rkv_attention_shape *s = &task->shape;
    size_t m = s->n_tokens, each = s->n_heads / s->n_kv_heads, f = sizeof(float);
    bool sums = false;
    *w = (work){.task = task, .tile = rkv_tile_best(), .heads_per_group = each};
    w->n_blocks = (m + RKV_QUERY_BLOCK - 1) / RKV_QUERY_BLOCK;
    rkv_status status = open_heads(w, &sums);
    size_t n = rkv_whole_panels(w->tile, w->longest), wide = rkv_whole_panels(w->tile, w->widest);
    if (!status) status = rkv_alloc_raw(&w->q, each * m, w->widest * f);
    if (!status) status = rkv_alloc(&w->keys, n, w->widest * f);
    if (!status) status = rkv_alloc(&w->values, w->longest, wide * f);
    if (!status) status = rkv_alloc_raw(&w->rows, threads * RKV_QUERY_BLOCK, n * f);
    if (!status) status = rkv_alloc_raw(&w->mixture, each * m, w->widest * f);
    if (!status && sums) status = rkv_alloc_raw(&w->parts, each * w->n_blocks, w->longest * f);
    if (!status) status = rkv_alloc_raw(&w->rooms, threads * 2 * RKV_CACHED_TILE, w->widest * f);
    return status;
}

static void close_work(work *w) {
    for (size_t g = 0; w->entries && g < w->task->shape.n_kv_heads; g++)
        rkv_cached_view_close(&w->entries[g]);
    free(w->rooms);
    free(w->parts);
    free(w->mixture);
    free(w->rows);
    free(w->values);
    free(w->keys);
    free(w->q);
    free(w->entries);
}

/* Entries [first, first + RKV_CACHED_TILE), a whole number of panels, into panels. */
static void pack(const work *w, const rkv_cached_view *e, size_t first, float *room) {
    size_t ld, n = rkv_smaller(e->n - first, RKV_CACHED_TILE);
    size_t wide = rkv_whole_panels(w->tile, e->value_width);
    const float *keys = rkv_cached_view_keys(e, first, n, room, &ld);
    rkv_pack_transposed(w->tile, keys, n, e->key_width, w->keys, first);
    rkv_rows_read_apart(e->head->values, first, n, w->values + first * wide, wide);
}

static void prepare_query(const work *w, const rkv_cached_view *e, size_t g, size_t row) {
    const rkv_attention_shape *s = &w->task->shape;
    const float *q = w->task->q + (g * w->heads_per_group * s->n_tokens + row) * s->head_dim;
    rkv_cached_view_query(e, q, e->n - s->n_tokens + row % s->n_tokens, w->q + row * e->key_width);
}

/* Softmax of rows [m, whole(n)], of which the first sees `visible` entries and each other one more; their
 * columns' sums [n] unless NULL. */
static void normalise(const work *w, float *rows, size_t ld, size_t m, size_t visible, size_t n,
                      float *sums) {
    float scale = 1.0f / sqrtf((float)w->task->shape.head_dim);
    if (sums) memset(sums, 0, n * sizeof *sums);
    for (size_t i = 0; i < m; i++, rows += ld, visible++) {
        rkv_softmax_row(rows, visible, scale, rows);
        memset(rows + visible, 0, (n - visible) * sizeof *rows);
        if (sums) rkv_add_row(rows, visible, 1.0f, sums);
    }
}

/* Query block b of the group's query head r. */
static void attend_block(const work *w, size_t g, size_t r, size_t b, float *rows) {
    const rkv_cached_view *e = &w->entries[g];
    const rkv_attention_shape *s = &w->task->shape;
    size_t first = b * RKV_QUERY_BLOCK, m = rkv_smaller(s->n_tokens - first, RKV_QUERY_BLOCK),
           d = s->head_dim;
    size_t visible = e->n - s->n_tokens + first + 1, n = visible + m - 1;
    size_t ld = rkv_whole_panels(w->tile, e->n), wide = rkv_whole_panels(w->tile, e->value_width);
    size_t query = r * s->n_tokens + first;
    rkv_panels keys = {w->keys, e->key_width * w->tile->panel, w->tile->panel};
    rkv_panels values = {w->values, w->tile->panel, wide};
    float *mixture = w->mixture + query * e->value_width,
          *out = w->task->out + (first * s->n_heads + g * w->heads_per_group + r) * d;
    rkv_gemm(w->tile, w->q + query * e->key_width, e->key_width, m, keys, n, e->key_width, rows, ld, false);
    normalise(w, rows, ld, m, visible, n,
              e->head->sums ? w->parts + (r * w->n_blocks + b) * w->longest : NULL);
    rkv_gemm(w->tile, rows, ld, m, values, e->value_width, n, mixture, e->value_width, false);
    for (size_t i = 0; i < m; i++)
        rkv_cached_view_output(e, mixture + i * e->value_width, out + i * s->n_heads * d);
}

/* Adds the blocks' sums of query head r in their order. */
static void add_sums(const work *w, const rkv_cached_view *e, size_t r) {
    size_t m = w->task->shape.n_tokens;
    for (size_t b = 0; b < w->n_blocks; b++)
        rkv_add_row(w->parts + (r * w->n_blocks + b) * w->longest,
                    e->n - m + rkv_smaller((b + 1) * RKV_QUERY_BLOCK, m), 1.0f, e->head->sums + r * e->n);
}

static void attend_head(const work *w, size_t g) {
    const rkv_cached_view *e = &w->entries[g];
    size_t row = RKV_QUERY_BLOCK * rkv_whole_panels(w->tile, w->longest);
#pragma omp parallel
    {
        size_t thread = (size_t)omp_get_thread_num();
#pragma omp for schedule(static) nowait
        for (size_t i = 0; i < w->heads_per_group * w->task->shape.n_tokens; i++)
            prepare_query(w, e, g, i);
#pragma omp for schedule(static)
        for (size_t first = 0; first < e->n; first += RKV_CACHED_TILE)
            pack(w, e, first, w->rooms + thread * 2 * RKV_CACHED_TILE * w->widest);
            /* The last blocks see the most entries: they go first. */
#pragma omp for schedule(dynamic) collapse(2)
        for (size_t b = 0; b < w->n_blocks; b++)
            for (size_t r = 0; r < w->heads_per_group; r++)
                attend_block(w, g, r, w->n_blocks - 1 - b, w->rows + thread * row);
#pragma omp for schedule(static)
        for (size_t r = 0; r < w->heads_per_group; r++)
            if (e->head->sums) add_sums(w, e, r);
    }
}

rkv_status rkv_attend_cached_many(const rkv_cached_attention *task) {
    work w;
    rkv_status status = open_work(&w, task, (size_t)omp_get_max_threads());
    for (size_t g = 0; !status && g < task->shape.n_kv_heads; g++)
        attend_head(&w, g);
    close_work(&w);
    return status;
}
