/* cpu_cached.c: one KV head's entries as the products of attention see them. */
#include "backend/cpu_cached.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/rows_form.h"
#include "core/memory.h"
#include "core/simd.h"

rkv_status rkv_cpu_rows_new(rkv_backend *backend, const rkv_row_format *format, size_t width,
                            rkv_rows **out) {
    (void)backend;
    return rkv_rows_new(out, format, width);
}

rkv_status rkv_cpu_attend_cached(rkv_backend *backend, const rkv_cached_attention *task) {
    (void)backend;
    return task->shape.n_tokens == 1 ? rkv_attend_cached_one(task) : rkv_attend_cached_many(task);
}

static size_t whole(size_t width, size_t lanes) {
    return (width + lanes - 1) / lanes * lanes;
}

/* The basis in panels: rows in whole ones, zeros between. */
static rkv_status pack_basis(rkv_cached_view *e) {
    size_t rank = rkv_rows_width(e->head->keys), d = e->task->shape.head_dim,
           wide = rkv_whole_panels(e->tile, d);
    rkv_status status = rkv_alloc(&e->panels, rank * wide, sizeof *e->panels);
    for (size_t i = 0; !status && i < rank; i++)
        memcpy(e->panels + i * wide, e->head->key_basis + i * d, d * sizeof *e->panels);
    return status;
}

rkv_status rkv_cached_view_open(rkv_cached_view *e, const rkv_cached_attention *task, size_t head,
                                size_t lanes) {
    const rkv_cached_head *h = &task->heads[head];
    *e = (rkv_cached_view){.task = task, .head = h, .n = rkv_rows_count(h->keys), .tile = rkv_tile_best()};
    e->expand = task->rotation && h->key_basis;
    e->key_width = e->expand ? task->shape.head_dim : rkv_rows_width(h->keys);
    e->value_width = rkv_rows_width(h->values);
    e->key_stride = whole(e->key_width, lanes);
    e->value_stride = whole(e->value_width, lanes);
    assert(e->n >= task->shape.n_tokens && rkv_rows_count(h->values) == e->n);
    assert(h->key_basis || e->key_width == task->shape.head_dim);
    assert(h->value_basis || e->value_width == task->shape.head_dim);
    return e->expand ? pack_basis(e) : RKV_OK;
}

void rkv_cached_view_close(rkv_cached_view *e) {
    free(e->panels);
    e->panels = NULL;
}

size_t rkv_cached_view_widest(const rkv_cached_view *entries, size_t n_heads) {
    size_t widest = 0;
    for (const rkv_cached_view *e = entries; e < entries + n_heads; e++) {
        size_t rank = rkv_rows_width(e->head->keys); /* before it is expanded */
        widest = e->key_stride > widest ? e->key_stride : widest;
        widest = e->value_stride > widest ? e->value_stride : widest;
        widest = rank > widest ? rank : widest;
    }
    return widest;
}

/* ---- rotation ---- */

RKV_CLONES static void turn_halves(float *x, const float *turn, size_t pairs) {
    for (size_t i = 0; i < pairs; i++) {
        float a = x[i], b = x[pairs + i], c = turn[2 * i], s = turn[2 * i + 1];
        x[i] = a * c - b * s;
        x[pairs + i] = a * s + b * c;
    }
}

RKV_CLONES static void turn_adjacent(float *x, const float *turn, size_t pairs) {
    for (size_t i = 0; i < pairs; i++) {
        float a = x[2 * i], b = x[2 * i + 1], c = turn[2 * i], s = turn[2 * i + 1];
        x[2 * i] = a * c - b * s;
        x[2 * i + 1] = a * s + b * c;
    }
}

static void turn(const rkv_cached_attention *task, float *x, size_t place) {
    size_t pairs = task->shape.head_dim / 2;
    (task->pairing == RKV_ROPE_ADJACENT ? turn_adjacent : turn_halves)(x, task->rotation + place * 2 * pairs,
                                                                       pairs);
}

/* ---- keys and values ---- */

/* Rows as float32: where they lie, when that is already so; else in room, with zeros up to the stride. What
 * is multiplied is the same either way, so a result does not show where rows lie. */
static const float *rows_at(const rkv_rows *rows, size_t first, size_t n, size_t stride, bool in_place,
                            float *room, size_t *ld) {
    size_t width = rkv_rows_width(rows);
    const float *data = in_place && stride == width ? rkv_rows_in_place(rows, first, n) : NULL;
    *ld = stride;
    if (data) return data;
    rkv_rows_read_apart(rows, first, n, room, stride);
    for (size_t i = 0; stride > width && i < n; i++)
        memset(room + i * stride + width, 0, (stride - width) * sizeof *room);
    return room;
}

const float *rkv_cached_view_values(const rkv_cached_view *e, size_t first, size_t n, float *room,
                                    size_t *ld) {
    return rows_at(e->head->values, first, n, e->value_stride, true, room, ld);
}

/* Keys through their basis: room [n, stride], by way of `ranks` [n, rank]. */
static void expand(const rkv_cached_view *e, size_t first, size_t n, float *room, float *ranks) {
    size_t rank = rkv_rows_width(e->head->keys), d = e->key_width;
    rkv_panels basis = {e->panels, e->tile->panel, rkv_whole_panels(e->tile, d)};
    rkv_rows_read(e->head->keys, first, n, ranks);
    rkv_gemm(e->tile, ranks, rank, n, basis, d, rank, room, e->key_stride, false);
    for (size_t i = 0; e->key_stride > d && i < n; i++)
        memset(room + i * e->key_stride + d, 0, (e->key_stride - d) * sizeof *room);
}

const float *rkv_cached_view_keys(const rkv_cached_view *e, size_t first, size_t n, float *room, size_t *ld) {
    bool turned = e->task->rotation != NULL;
    size_t stride = e->key_stride, rank = rkv_rows_width(e->head->keys);
    assert(n <= RKV_CACHED_TILE);
    if (!e->expand && !turned) return rows_at(e->head->keys, first, n, stride, true, room, ld);
    if (e->expand)
        expand(e, first, n, room, room + RKV_CACHED_TILE * (stride > rank ? stride : rank));
    else
        rows_at(e->head->keys, first, n, stride, false, room, ld);
    *ld = stride;
    for (size_t i = 0; i < n; i++)
        turn(e->task, room + i * stride, first + i);
    return room;
}

size_t rkv_cached_view_n_coded_keys(const rkv_cached_view *e) {
    return e->expand || e->task->rotation ? 0 : rkv_rows_n_coded(e->head->keys);
}

/* ---- queries and outputs ---- */

RKV_CLONES static float dot(const float *a, const float *b, size_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void rkv_cached_view_query(const rkv_cached_view *e, const float *q, size_t place, float *to) {
    size_t d = e->task->shape.head_dim;
    memset(to + e->key_width, 0, (e->key_stride - e->key_width) * sizeof *to);
    if (e->head->key_basis && !e->expand) {
        for (size_t i = 0; i < e->key_width; i++)
            to[i] = dot(e->head->key_basis + i * d, q, d);
        return;
    }
    memcpy(to, q, d * sizeof *q);
    if (e->task->rotation) turn(e->task, to, place);
}

RKV_CLONES static void project(const float *x, const float *basis, size_t rank, size_t d, float *y) {
    memset(y, 0, d * sizeof *y);
    for (size_t i = 0; i < rank; i++)
        for (size_t j = 0; j < d; j++)
            y[j] += x[i] * basis[i * d + j];
}

void rkv_cached_view_output(const rkv_cached_view *e, const float *mixture, float *to) {
    size_t d = e->task->shape.head_dim;
    if (e->head->value_basis)
        project(mixture, e->head->value_basis, e->value_width, d, to);
    else
        memcpy(to, mixture, d * sizeof *to);
}
