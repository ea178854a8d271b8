/* rows_host.c: rows in host memory: whole records of some form, and by channel their groups and a tail.
 *
 *     records  | row 0 | row 1 | ... | row n_encoded - 1 |      codes, or all of a row
 *     groups   | first row, scale [width], zero [width] | ...   axis channel only, n_groups of them
 *     tail     | row n_encoded | ...                            axis channel only, float32, less than a group
 */
#include "backend/rows_form.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/rows_list.h"
#include "backend/rows_ops.h"
#include "core/memory.h"

typedef struct host_rows {
    rkv_rows base;
    const rkv_row_codec *codec;
    size_t n_encoded, n_groups, n_tail;
    rkv_row_list records, groups, tail;
} host_rows;

static host_rows *host_of(rkv_rows *rows) {
    return (host_rows *)rows;
}
static const host_rows *const_host_of(const rkv_rows *rows) {
    return (const host_rows *)rows;
}

/* ---- making and freeing ---- */

static const rkv_rows_ops host_ops;

static const rkv_row_codec *const codecs[RKV_ROW_FORM_COUNT][2] = {
    /* by axis */
    [RKV_ROWS_F32] = {&rkv_rows_f32, &rkv_rows_f32},
    [RKV_ROWS_F16] = {&rkv_rows_f16, &rkv_rows_f16},
    [RKV_ROWS_BF16] = {&rkv_rows_bf16, &rkv_rows_bf16},
    [RKV_ROWS_INT8] = {&rkv_rows_token, &rkv_rows_channel},
    [RKV_ROWS_INT4] = {&rkv_rows_token, &rkv_rows_channel},
};

static void set_lists(host_rows *rows) {
    const rkv_row_layout *layout = &rows->base.layout;
    rows->records = rkv_row_list_of(layout->record_bytes, RKV_ROWS_SLACK, UINT32_MAX);
    if (!rows->base.layout.by_channel) return;
    size_t group_bytes = sizeof(uint32_t) + rkv_channel_group_bytes(layout);
    size_t group_slack = (RKV_ROWS_SLACK + layout->group - 1) / layout->group;
    rows->groups = rkv_row_list_of(group_bytes, group_slack, UINT32_MAX);
    rows->tail = rkv_row_list_of(layout->width * sizeof(float), RKV_ROWS_SLACK, layout->group);
}

static void host_free(rkv_rows *base) {
    host_rows *rows = host_of(base);
    free(rows->records.data);
    free(rows->groups.data);
    free(rows->tail.data);
    free(rows);
}

static rkv_status copy_list(rkv_row_list *to, const rkv_row_list *from, size_t count) {
    rkv_status status = rkv_row_list_reserve(to, 0, count);
    for (size_t i = 0, run; !status && i < count; i += run) {
        run = rkv_row_list_run(from, i, count - i);
        memcpy(rkv_row_list_at(to, i), rkv_row_list_at(from, i), run * from->item_bytes);
    }
    return status;
}

static rkv_status host_new(host_rows **out, const rkv_row_format *format, size_t width) {
    host_rows *rows = NULL;
    rkv_row_layout layout;
    *out = NULL;
    rkv_status status = rkv_row_layout_of(format, width, &layout);
    if (!status) status = rkv_alloc(&rows, 1, sizeof *rows);
    if (status) return status;
    rows->base = (rkv_rows){&host_ops, *format, layout};
    rows->codec = codecs[format->form][layout.by_channel];
    set_lists(rows);
    *out = rows;
    return RKV_OK;
}

rkv_status rkv_rows_new(rkv_rows **out, const rkv_row_format *format, size_t width) {
    host_rows *rows;
    rkv_status status = host_new(&rows, format, width);
    *out = status ? NULL : &rows->base;
    return status;
}

static rkv_status host_copy(rkv_rows **out, const rkv_rows *base) {
    const host_rows *rows = const_host_of(base);
    host_rows *copy;
    *out = NULL;
    rkv_status status = host_new(&copy, &base->format, base->layout.width);
    if (status) return status;
    status = copy_list(&copy->records, &rows->records, rows->n_encoded);
    if (!status) status = copy_list(&copy->groups, &rows->groups, rows->n_groups);
    if (!status) status = copy_list(&copy->tail, &rows->tail, rows->n_tail);
    copy->n_encoded = rows->n_encoded;
    copy->n_groups = rows->n_groups;
    copy->n_tail = rows->n_tail;
    if (status)
        host_free(&copy->base);
    else
        *out = &copy->base;
    return status;
}

static size_t host_count(const rkv_rows *base) {
    const host_rows *rows = const_host_of(base);
    return rows->n_encoded + rows->n_tail;
}

static size_t host_allocated_bytes(const rkv_rows *base) {
    const host_rows *rows = const_host_of(base);
    return sizeof *rows + rkv_row_list_bytes(&rows->records) + rkv_row_list_bytes(&rows->groups) +
           rkv_row_list_bytes(&rows->tail);
}

static size_t host_used_bytes(const rkv_rows *base) {
    const host_rows *rows = const_host_of(base);
    return sizeof *rows + rows->n_encoded * rows->records.item_bytes +
           rows->n_groups * rows->groups.item_bytes + rows->n_tail * rows->tail.item_bytes;
}

/* ---- groups of channels ---- */

static uint32_t group_start(const host_rows *rows, size_t group) {
    uint32_t start;
    memcpy(&start, rkv_row_list_at(&rows->groups, group), sizeof start);
    return start;
}

static size_t group_end(const host_rows *rows, size_t group) {
    return group + 1 < rows->n_groups ? group_start(rows, group + 1) : rows->n_encoded;
}

static void set_group_start(host_rows *rows, size_t group, size_t row) {
    uint32_t start = (uint32_t)row;
    memcpy(rkv_row_list_at(&rows->groups, group), &start, sizeof start);
}

/* The group that holds an encoded row. None has more rows than `group`: it is not before the row's share. */
static size_t group_of(const host_rows *rows, size_t row) {
    size_t low = row / rows->base.layout.group, high = rows->n_groups;
    if (group_end(rows, low) > row) return low;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(group_start(rows, middle) <= row ? &low : &high) = middle;
    }
    return low;
}

/* Encodes the rows x [group, width] as one more group; there is room. */
static void add_group(host_rows *rows, const float *x, size_t stride) {
    size_t group = rows->n_groups++;
    set_group_start(rows, group, rows->n_encoded);
    rkv_channel_encode(&rows->base.layout, x, stride,
                       rkv_row_list_at(&rows->groups, group) + sizeof(uint32_t),
                       rkv_row_list_at(&rows->records, rows->n_encoded));
    rows->n_encoded += rows->base.layout.group;
}

static void add_to_tail(host_rows *rows, const float *x, size_t n, size_t stride) {
    for (size_t i = 0; i < n; i++)
        memcpy(rkv_row_list_at(&rows->tail, rows->n_tail++), x + i * stride, rows->tail.item_bytes);
}

/* Room for everything first, so that nothing can fail half-way. The tail is filled up and encoded, whole
 * groups are encoded from where they lie, and the rest becomes the new tail. */
static rkv_status append_by_channel(host_rows *rows, const float *x, size_t n, size_t stride) {
    size_t size = rows->base.layout.group, total = rows->n_tail + n, whole = total / size,
           rest = total % size;
    size_t fill = whole && rows->n_tail ? size - rows->n_tail : 0;
    rkv_status status = rkv_row_list_reserve(&rows->records, rows->n_encoded, rows->n_encoded + whole * size);
    if (!status) status = rkv_row_list_reserve(&rows->groups, rows->n_groups, rows->n_groups + whole);
    if (!status) status = rkv_row_list_reserve(&rows->tail, rows->n_tail, fill ? size : rest);
    if (status) return status;
    if (fill) {
        add_to_tail(rows, x, fill, stride);
        rkv_row_list_close(&rows->tail, size);
        add_group(rows, (const float *)(const void *)rkv_row_list_at(&rows->tail, 0),
                  rows->base.layout.width);
        rows->n_tail = 0;
        x += fill * stride;
    }
    for (n -= fill; n >= size; n -= size, x += size * stride)
        add_group(rows, x, stride);
    add_to_tail(rows, x, n, stride);
    rkv_row_list_trim(&rows->tail, rows->n_tail);
    return RKV_OK;
}

/* ---- appending, keeping, reading ---- */

static rkv_status host_append(rkv_rows *base, const float *x, size_t n, size_t stride) {
    host_rows *rows = host_of(base);
    rkv_status status = rkv_rows_check_finite(base, x, n, stride);
    if (status) return status;
    if (base->layout.by_channel) return append_by_channel(rows, x, n, stride);
    size_t count = rows->n_encoded;
    status = rkv_row_list_reserve(&rows->records, count, count + n);
    if (status) return status;
    rows->codec->encode(&base->layout, x, n, stride, rkv_row_list_at(&rows->records, count));
    rows->n_encoded += n;
    return RKV_OK;
}

/* Groups that keep a row move up; index [n] are encoded rows. */
static void keep_groups(host_rows *rows, const uint32_t *index, size_t n) {
    size_t kept = 0, at = 0;
    for (size_t g = 0; g < rows->n_groups; g++) {
        size_t end = group_end(rows, g), first = at;
        at += rkv_index_below(index + at, n - at, end);
        if (at == first) continue;
        if (kept != g)
            memcpy(rkv_row_list_at(&rows->groups, kept), rkv_row_list_at(&rows->groups, g),
                   rows->groups.item_bytes);
        set_group_start(rows, kept++, first);
    }
    rows->n_groups = kept;
}

static rkv_status host_keep(rkv_rows *base, const uint32_t *index, size_t n) {
    host_rows *rows = host_of(base);
    size_t encoded = rkv_index_below(index, n, rows->n_encoded);
    rkv_row_list_pick(&rows->records, rows->n_encoded, index, encoded, 0);
    rkv_row_list_pick(&rows->tail, rows->n_tail, index + encoded, n - encoded, rows->n_encoded);
    keep_groups(rows, index, encoded);
    rows->n_encoded = encoded;
    rows->n_tail = n - encoded;
    rkv_row_list_trim(&rows->records, rows->n_encoded);
    rkv_row_list_trim(&rows->groups, rows->n_groups);
    rkv_row_list_trim(&rows->tail, rows->n_tail);
    return RKV_OK;
}

static rkv_rows_stretch stretch_at(const host_rows *rows, size_t first, size_t n) {
    rkv_rows_stretch out = {&rows->base.layout, rkv_row_list_at(&rows->records, first), NULL,
                            rkv_row_list_run(&rows->records, first, n), n};
    if (!rows->base.layout.by_channel) return out;
    size_t group = group_of(rows, first);
    out.group = rkv_row_list_at(&rows->groups, group) + sizeof(uint32_t);
    out.left = group_end(rows, group) - first;
    out.n = out.n < out.left ? out.n : out.left;
    return out;
}

static void decode(const host_rows *rows, size_t first, size_t n, float *x, size_t stride) {
    while (n) {
        rkv_rows_stretch part = stretch_at(rows, first, n);
        if (part.group)
            rkv_channel_decode(part.layout, part.group, part.records, part.n, x, stride);
        else
            rows->codec->decode(part.layout, part.records, part.n, x, stride);
        first += part.n;
        n -= part.n;
        x += part.n * stride;
    }
}

static rkv_status host_read(const rkv_rows *base, size_t first, size_t n, float *x, size_t stride) {
    const host_rows *rows = const_host_of(base);
    size_t left = first < rows->n_encoded ? rows->n_encoded - first : 0, encoded = n < left ? n : left;
    decode(rows, first, encoded, x, stride);
    for (size_t i = encoded; i < n; i++)
        memcpy(x + i * stride, rkv_row_list_at(&rows->tail, first + i - rows->n_encoded),
               base->layout.width * sizeof *x);
    return RKV_OK;
}

static rkv_status host_read_there(const rkv_rows *rows, size_t first, size_t n, float *x) {
    return host_read(rows, first, n, x, rows->layout.width);
}

static const rkv_rows_ops host_ops = {
    .free = host_free,
    .copy = host_copy,
    .count = host_count,
    .append = host_append,
    .append_there = host_append,
    .keep = host_keep,
    .read = host_read,
    .read_there = host_read_there,
    .allocated_bytes = host_allocated_bytes,
    .used_bytes = host_used_bytes,
};

/* ---- as the CPU's attention reads them ---- */

size_t rkv_rows_n_coded(const rkv_rows *base) {
    return base->layout.bits <= 8 ? const_host_of(base)->n_encoded : 0;
}

const float *rkv_rows_in_place(const rkv_rows *base, size_t first, size_t n) {
    const host_rows *rows = const_host_of(base);
    bool lie_so = rows->codec == &rkv_rows_f32 && rkv_row_list_run(&rows->records, first, n) == n;
    return lie_so ? (const float *)(const void *)rkv_row_list_at(&rows->records, first) : NULL;
}

const unsigned char *rkv_rows_record(const rkv_rows *base, size_t row, size_t *bytes) {
    const host_rows *rows = const_host_of(base);
    *bytes = rows->records.item_bytes;
    return row < rows->n_encoded ? rkv_row_list_at(&rows->records, row) : NULL;
}

rkv_rows_stretch rkv_rows_stretch_at(const rkv_rows *base, size_t first, size_t n) {
    return stretch_at(const_host_of(base), first, n);
}
