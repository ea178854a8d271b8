/* rows_counted.c: the bytes of lists in host memory, without the memory.
 *
 * Room is taken and given back as rows_host.c has it; what needs numbers is left out. */
#include "backend/rows_counted.h"

#include <string.h>

#include "backend/noise.h"
#include "backend/rows_form.h"
#include "backend/rows_list.h"
#include "backend/rows_ops.h"
#include "core/memory.h"

/* Room for items of one size. */
typedef struct room {
    size_t capacity, item_bytes, slack, most;
} room;

typedef struct counted_rows {
    rkv_rows base;
    const rkv_rows_counter *counter;
    rkv_rows *empty; /* a list of the host's, for its own few bytes */
    size_t n_encoded, n_groups, n_tail;
    room records, groups, tail;
    uint32_t *starts; /* [groups] their first rows */
    size_t starts_room;
} counted_rows;

static counted_rows *counted_of(rkv_rows *rows) {
    return (counted_rows *)rows;
}
static const counted_rows *const_counted_of(const rkv_rows *rows) {
    return (const counted_rows *)rows;
}

/* ---- room ---- */

static size_t bytes_of(const room *r) {
    return r->capacity * r->item_bytes;
}

/* Room for `count` items and what may lie idle beside them. */
static size_t idle_room(const room *r, size_t count) {
    rkv_row_list list = rkv_row_list_of(r->item_bytes, r->slack, r->most);
    return rkv_row_list_room(&list, count);
}

/* Items move: for a moment there are both. */
static void resize(const counted_rows *rows, room *r, size_t capacity) {
    size_t before = bytes_of(r);
    r->capacity = capacity;
    rows->counter->take(rows->counter->user, bytes_of(r));
    rows->counter->give(rows->counter->user, before);
}

static void reserve(const counted_rows *rows, room *r, size_t count, size_t needed) {
    if (needed <= r->capacity) return;
    size_t wanted = count ? idle_room(r, count) : 0;
    resize(rows, r, wanted > needed ? wanted : needed);
}

static void trim(const counted_rows *rows, room *r, size_t count) {
    if (r->capacity > idle_room(r, count)) resize(rows, r, count);
}

/* ---- making and freeing ---- */

static const rkv_rows_ops counted_ops;

static void set_rooms(counted_rows *rows) {
    const rkv_row_layout *layout = &rows->base.layout;
    rows->records = (room){0, layout->record_bytes, RKV_ROWS_SLACK, UINT32_MAX};
    if (!layout->by_channel) return;
    size_t slack = (RKV_ROWS_SLACK + layout->group - 1) / layout->group;
    rows->groups = (room){0, sizeof(uint32_t) + rkv_channel_group_bytes(layout), slack, UINT32_MAX};
    rows->tail = (room){0, layout->width * sizeof(float), RKV_ROWS_SLACK, layout->group};
}

static void free_rows(rkv_rows *base) {
    counted_rows *rows = counted_of(base);
    const rkv_rows_counter *counter = rows->counter;
    if (rows->empty) counter->give(counter->user, rkv_rows_allocated_bytes(base));
    rkv_rows_free(rows->empty);
    free(rows->starts);
    free(rows);
}

rkv_status rkv_rows_counted_new(rkv_rows **out, const rkv_row_format *format, size_t width,
                                const rkv_rows_counter *counter) {
    counted_rows *rows = NULL;
    rkv_row_layout layout;
    *out = NULL;
    rkv_status status = rkv_row_layout_of(format, width, &layout);
    if (!status) status = rkv_alloc(&rows, 1, sizeof *rows);
    if (status) return status;
    rows->base = (rkv_rows){&counted_ops, *format, layout};
    rows->counter = counter;
    set_rooms(rows);
    status = rkv_rows_new(&rows->empty, format, width);
    if (status) {
        free_rows(&rows->base);
        return status;
    }
    counter->take(counter->user, rkv_rows_allocated_bytes(&rows->base));
    *out = &rows->base;
    return RKV_OK;
}

static rkv_status copy(rkv_rows **out, const rkv_rows *base) {
    const counted_rows *from = const_counted_of(base);
    rkv_status status = rkv_rows_counted_new(out, &base->format, base->layout.width, from->counter);
    if (status) return status;
    counted_rows *to = counted_of(*out);
    status = rkv_grow(&to->starts, &to->starts_room, from->n_groups, sizeof *to->starts);
    if (status) {
        free_rows(*out);
        *out = NULL;
        return status;
    }
    if (from->n_groups) memcpy(to->starts, from->starts, from->n_groups * sizeof *to->starts);
    to->n_encoded = from->n_encoded, to->n_groups = from->n_groups, to->n_tail = from->n_tail;
    reserve(to, &to->records, 0, to->n_encoded);
    reserve(to, &to->groups, 0, to->n_groups);
    reserve(to, &to->tail, 0, to->n_tail);
    return RKV_OK;
}

/* ---- what lists do ---- */

static size_t count(const rkv_rows *base) {
    return const_counted_of(base)->n_encoded + const_counted_of(base)->n_tail;
}

static size_t allocated_bytes(const rkv_rows *base) {
    const counted_rows *rows = const_counted_of(base);
    return rkv_rows_allocated_bytes(rows->empty) + bytes_of(&rows->records) + bytes_of(&rows->groups) +
           bytes_of(&rows->tail);
}

static size_t used_bytes(const rkv_rows *base) {
    const counted_rows *rows = const_counted_of(base);
    return rkv_rows_used_bytes(rows->empty) + rows->n_encoded * rows->records.item_bytes +
           rows->n_groups * rows->groups.item_bytes + rows->n_tail * rows->tail.item_bytes;
}

static rkv_status append_groups(counted_rows *rows, size_t n) {
    size_t size = rows->base.layout.group, total = rows->n_tail + n, whole = total / size,
           rest = total % size;
    bool fills = whole && rows->n_tail;
    rkv_status status =
        rkv_grow(&rows->starts, &rows->starts_room, rows->n_groups + whole, sizeof *rows->starts);
    if (status) return status;
    reserve(rows, &rows->records, rows->n_encoded, rows->n_encoded + whole * size);
    reserve(rows, &rows->groups, rows->n_groups, rows->n_groups + whole);
    reserve(rows, &rows->tail, rows->n_tail, fills ? size : rest);
    for (size_t i = 0; i < whole; i++, rows->n_encoded += size)
        rows->starts[rows->n_groups++] = (uint32_t)rows->n_encoded;
    rows->n_tail = rest;
    trim(rows, &rows->tail, rest);
    return RKV_OK;
}

static rkv_status append(rkv_rows *base, const float *x, size_t n, size_t stride) {
    (void)x, (void)stride;
    counted_rows *rows = counted_of(base);
    if (base->layout.by_channel) return append_groups(rows, n);
    reserve(rows, &rows->records, rows->n_encoded, rows->n_encoded + n);
    rows->n_encoded += n;
    return RKV_OK;
}

/* Groups that keep a row; index [n] are encoded rows. */
static void keep_groups(counted_rows *rows, const uint32_t *index, size_t n) {
    size_t kept = 0, at = 0;
    for (size_t g = 0; g < rows->n_groups; g++) {
        size_t end = g + 1 < rows->n_groups ? rows->starts[g + 1] : rows->n_encoded, first = at;
        at += rkv_index_below(index + at, n - at, end);
        if (at != first) rows->starts[kept++] = (uint32_t)first;
    }
    rows->n_groups = kept;
}

static rkv_status keep(rkv_rows *base, const uint32_t *index, size_t n) {
    counted_rows *rows = counted_of(base);
    size_t encoded = rkv_index_below(index, n, rows->n_encoded);
    keep_groups(rows, index, encoded);
    rows->n_encoded = encoded;
    rows->n_tail = n - encoded;
    trim(rows, &rows->records, rows->n_encoded);
    trim(rows, &rows->groups, rows->n_groups);
    trim(rows, &rows->tail, rows->n_tail);
    return RKV_OK;
}

static rkv_status read(const rkv_rows *base, size_t first, size_t n, float *x, size_t stride) {
    (void)first;
    rkv_noise_fill(x, n, base->layout.width, stride);
    return RKV_OK;
}

static rkv_status read_there(const rkv_rows *base, size_t first, size_t n, float *x) {
    return read(base, first, n, x, base->layout.width);
}

static const rkv_rows_ops counted_ops = {
    .free = free_rows,
    .copy = copy,
    .count = count,
    .append = append,
    .append_there = append,
    .keep = keep,
    .read = read,
    .read_there = read_there,
    .allocated_bytes = allocated_bytes,
    .used_bytes = used_bytes,
};
