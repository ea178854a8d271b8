/* rows.c: lists of rows in device memory: made, filled and read. Everything is queued on the stream; only
 * rows that come from the host or go there are waited for. */
#include "cuda/rows.h"

#include <stdlib.h>
#include <string.h>

#include "backend/rows_number.h"
#include "core/fail.h"
#include "core/memory.h"
#include "cuda/device_rows.h"
#include "cuda/rows_kernels.h"

static rkv_device_rows *device_of(rkv_rows *rows) {
    return (rkv_device_rows *)rows;
}
static const rkv_device_rows *const_device_of(const rkv_rows *rows) {
    return (const rkv_device_rows *)rows;
}

/* ---- making and freeing ---- */

static const rkv_rows_ops device_ops;

static void set_lists(rkv_device_rows *rows) {
    const rkv_row_layout *layout = &rows->base.layout;
    rows->records = rkv_row_list_of(layout->record_bytes, RKV_ROWS_SLACK, UINT32_MAX);
    if (!layout->by_channel) return;
    size_t slack = (RKV_ROWS_SLACK + layout->group - 1) / layout->group;
    rows->groups = rkv_row_list_of(sizeof(uint32_t) + layout->width * sizeof(rkv_affine), slack, UINT32_MAX);
    rows->starts = rkv_row_list_of(sizeof(uint32_t), slack, UINT32_MAX);
    rows->tail = rkv_row_list_of(layout->width * sizeof(float), RKV_ROWS_SLACK, layout->group);
}

/* Kernels count the numbers of a row in 32 bits. */
static rkv_status new_rows(rkv_cuda *cuda, const rkv_row_format *format, size_t width,
                           rkv_device_rows **out) {
    rkv_device_rows *rows = NULL;
    rkv_row_layout layout;
    *out = NULL;
    rkv_status status = rkv_row_layout_of(format, width, &layout);
    if (!status && width > INT32_MAX)
        status = rkv_fail(RKV_UNAVAILABLE, "rows of width %zu: %s takes up to %d", width, cuda->base.device,
                          INT32_MAX);
    if (!status) status = rkv_alloc(&rows, 1, sizeof *rows);
    if (status) return status;
    rows->base = (rkv_rows){&device_ops, *format, layout};
    rows->cuda = cuda;
    set_lists(rows);
    *out = rows;
    return RKV_OK;
}

rkv_status rkv_cuda_rows_new(rkv_backend *backend, const rkv_row_format *format, size_t width,
                             rkv_rows **out) {
    rkv_device_rows *rows;
    rkv_status status = new_rows(rkv_cuda_enter(backend), format, width, &rows);
    *out = status ? NULL : &rows->base;
    return status;
}

static void free_rows(rkv_rows *base) {
    rkv_device_rows *rows = device_of(base);
    rkv_cuda *cuda = rkv_cuda_enter(&rows->cuda->base);
    rkv_device_list_free(cuda, &rows->records);
    rkv_device_list_free(cuda, &rows->groups);
    rkv_device_list_free(cuda, &rows->tail);
    free(rows->starts.data);
    free(rows);
}

static rkv_status copy_lists(rkv_device_rows *to, const rkv_device_rows *from) {
    rkv_status status = rkv_device_list_copy(to->cuda, &to->records, &from->records, from->n_encoded);
    if (!status) status = rkv_device_list_copy(to->cuda, &to->groups, &from->groups, from->n_groups);
    if (!status) status = rkv_device_list_copy(to->cuda, &to->tail, &from->tail, from->n_tail);
    if (!status) status = rkv_row_list_reserve(&to->starts, 0, from->n_groups);
    if (!status && from->n_groups)
        memcpy(to->starts.data, from->starts.data, from->n_groups * sizeof(uint32_t));
    return status;
}

static rkv_status copy(rkv_rows **out, const rkv_rows *base) {
    const rkv_device_rows *rows = const_device_of(base);
    rkv_device_rows *made;
    *out = NULL;
    rkv_status status = new_rows(rkv_cuda_enter(&rows->cuda->base), &base->format, base->layout.width, &made);
    if (status) return status;
    status = copy_lists(made, rows);
    made->n_encoded = rows->n_encoded;
    made->n_groups = rows->n_groups;
    made->n_tail = rows->n_tail;
    if (status)
        free_rows(&made->base);
    else
        *out = &made->base;
    return status;
}

static size_t count(const rkv_rows *base) {
    const rkv_device_rows *rows = const_device_of(base);
    return rows->n_encoded + rows->n_tail;
}

static size_t allocated_bytes(const rkv_rows *base) {
    const rkv_device_rows *rows = const_device_of(base);
    return sizeof *rows + rkv_row_list_bytes(&rows->records) + rkv_row_list_bytes(&rows->groups) +
           rkv_row_list_bytes(&rows->tail) + rkv_row_list_bytes(&rows->starts);
}

static size_t used_bytes(const rkv_rows *base) {
    const rkv_device_rows *rows = const_device_of(base);
    return sizeof *rows + rows->n_encoded * rows->records.item_bytes +
           rows->n_groups * rows->groups.item_bytes + rows->n_tail * rows->tail.item_bytes;
}

/* ---- appending ---- */

/* Where the list's next rows go. */
static rkv_encode_list next_rows(const rkv_device_rows *rows, const float *x) {
    return (rkv_encode_list){.x = x,
                             .form = rows->base.format.form,
                             .layout = rows->base.layout,
                             .records = rkv_row_list_at(&rows->records, rows->n_encoded)};
}

static rkv_status encode(rkv_cuda *cuda, const rkv_encode_rows_task *task) {
    return rkv_cuda_check(rkv_launch_encode_rows(task, cuda->stream), "encoding rows");
}

static rkv_status append_rows(rkv_device_rows *rows, const float *x, size_t n, size_t stride) {
    size_t old = rows->n_encoded;
    rkv_encode_rows_task task = {.n = n, .stride = stride, .n_lists = 1};
    rkv_status status = rkv_device_list_reserve(rows->cuda, &rows->records, old, old + n);
    task.list[0] = next_rows(rows, x);
    if (!status) status = encode(rows->cuda, &task);
    if (!status) rows->n_encoded += n;
    return status;
}

/* Rows of the tail are float32 rows like others. */
static rkv_status put_tail(rkv_device_rows *rows, size_t at, const float *x, size_t n, size_t stride) {
    rkv_row_format format = {.form = RKV_ROWS_F32};
    rkv_encode_rows_task task = {.n = n, .stride = stride, .n_lists = 1};
    if (!n) return RKV_OK;
    task.list[0] =
        (rkv_encode_list){.x = x, .form = format.form, .records = rkv_row_list_at(&rows->tail, at)};
    rkv_status status = rkv_row_layout_of(&format, rows->base.layout.width, &task.list[0].layout);
    return status ? status : encode(rows->cuda, &task);
}

static rkv_status encode_groups(rkv_device_rows *rows, size_t n_groups, const float *x, size_t stride) {
    rkv_encode_groups_task task = {.tail = (const float *)(const void *)rows->tail.data,
                                   .x = x,
                                   .n_tail = rows->n_tail,
                                   .stride = stride,
                                   .n_groups = n_groups,
                                   .first_row = rows->n_encoded,
                                   .layout = rows->base.layout,
                                   .groups = rkv_row_list_at(&rows->groups, rows->n_groups),
                                   .records = rkv_row_list_at(&rows->records, rows->n_encoded)};
    if (!n_groups) return RKV_OK;
    return rkv_cuda_check(rkv_launch_encode_groups(&task, rows->cuda->stream), "encoding rows");
}

static rkv_status reserve_groups(rkv_device_rows *rows, size_t n_groups, size_t n_tail) {
    size_t encoded = rows->n_encoded, groups = rows->n_groups;
    rkv_status status = rkv_device_list_reserve(rows->cuda, &rows->records, encoded,
                                                encoded + n_groups * rows->base.layout.group);
    if (!status) status = rkv_device_list_reserve(rows->cuda, &rows->groups, groups, groups + n_groups);
    if (!status) status = rkv_row_list_reserve(&rows->starts, groups, groups + n_groups);
    if (!status) status = rkv_device_list_reserve(rows->cuda, &rows->tail, rows->n_tail, n_tail);
    return status;
}

static void add_groups(rkv_device_rows *rows, size_t n_groups) {
    for (size_t i = 0; i < n_groups; i++) {
        rkv_device_rows_starts(rows)[rows->n_groups++] = (uint32_t)rows->n_encoded;
        rows->n_encoded += rows->base.layout.group;
    }
}

/* Room for everything first, so that nothing can fail half-way. Whole groups are encoded from where their
 * rows lie, in the tail and after it in x; the rest becomes the new tail. */
static rkv_status append_groups(rkv_device_rows *rows, const float *x, size_t n, size_t stride) {
    size_t size = rows->base.layout.group, total = rows->n_tail + n, whole = total / size,
           rest = total % size, added = whole ? rest : n;
    rkv_status status = reserve_groups(rows, whole, rest);
    if (!status) status = encode_groups(rows, whole, x, stride);
    if (!status) status = put_tail(rows, rest - added, x + (n - added) * stride, added, stride);
    if (status) return status;
    add_groups(rows, whole);
    rows->n_tail = rest;
    rkv_device_list_trim(rows->cuda, &rows->tail, rest);
    return RKV_OK;
}

static rkv_status append_there(rkv_rows *base, const float *x, size_t n, size_t stride) {
    rkv_device_rows *rows = device_of(base);
    rkv_cuda_enter(&rows->cuda->base);
    return base->layout.by_channel ? append_groups(rows, x, n, stride) : append_rows(rows, x, n, stride);
}

/* The lists that the task holds, in one launch. */
static rkv_status flush(rkv_encode_rows_task *task, rkv_device_rows *const *lists) {
    rkv_status status = task->n_lists ? encode(lists[0]->cuda, task) : RKV_OK;
    for (size_t i = 0; !status && i < task->n_lists; i++)
        lists[i]->n_encoded += task->n;
    task->n_lists = 0;
    return status;
}

/* Of lists by channel, each has launches of its own. */
static rkv_status append_all_there(rkv_rows *const *base, const float *const *x, size_t n_lists, size_t n,
                                   size_t stride) {
    rkv_device_rows *lists[RKV_ENCODE_LISTS];
    rkv_encode_rows_task task = {.n = n, .stride = stride};
    rkv_status status = RKV_OK;
    rkv_cuda_enter(&device_of(base[0])->cuda->base);
    for (size_t i = 0; !status && i < n_lists; i++) {
        rkv_device_rows *rows = device_of(base[i]);
        size_t old = rows->n_encoded;
        status = base[i]->layout.by_channel
                     ? append_groups(rows, x[i], n, stride)
                     : rkv_device_list_reserve(rows->cuda, &rows->records, old, old + n);
        if (status || base[i]->layout.by_channel) continue;
        lists[task.n_lists] = rows;
        task.list[task.n_lists++] = next_rows(rows, x[i]);
        if (task.n_lists == RKV_ENCODE_LISTS) status = flush(&task, lists);
    }
    return status ? status : flush(&task, lists);
}

static rkv_status append(rkv_rows *base, const float *x, size_t n, size_t stride) {
    rkv_cuda *cuda = rkv_cuda_enter(&device_of(base)->cuda->base);
    size_t width = base->layout.width;
    float *there = NULL;
    rkv_status status = rkv_rows_check_finite(base, x, n, stride);
    if (!status) status = rkv_cuda_take(cuda, &there, n, width * sizeof *x);
    if (!status) status = rkv_cuda_rows_to_device(cuda, there, x, stride * sizeof *x, width * sizeof *x, n);
    if (!status) status = append_there(base, there, n, width);
    rkv_cuda_give(cuda, there);
    return status;
}

/* ---- reading ---- */

rkv_rows_view rkv_cuda_rows_view(const rkv_rows *base) {
    const rkv_device_rows *rows = const_device_of(base);
    return (rkv_rows_view){.records = rows->records.data,
                           .groups = rows->groups.data,
                           .tail = (const float *)(const void *)rows->tail.data,
                           .n = rows->n_encoded + rows->n_tail,
                           .n_encoded = rows->n_encoded,
                           .n_groups = rows->n_groups,
                           .form = base->format.form,
                           .layout = base->layout};
}

static rkv_status read_there(const rkv_rows *base, size_t first, size_t n, float *x) {
    rkv_cuda *cuda = rkv_cuda_enter(&const_device_of(base)->cuda->base);
    rkv_read_rows_task task = {.rows = rkv_cuda_rows_view(base), .first = first, .n = n, .x = x};
    return rkv_cuda_check(rkv_launch_read_rows(&task, cuda->stream), "reading rows");
}

static rkv_status read(const rkv_rows *base, size_t first, size_t n, float *x, size_t stride) {
    rkv_cuda *cuda = rkv_cuda_enter(&const_device_of(base)->cuda->base);
    size_t row_bytes = base->layout.width * sizeof *x;
    float *there = NULL;
    if (!n) return RKV_OK;
    rkv_status status = rkv_cuda_take(cuda, &there, n, row_bytes);
    if (!status) status = read_there(base, first, n, there);
    if (!status) status = rkv_cuda_rows_to_host(cuda, x, stride * sizeof *x, there, row_bytes, n);
    rkv_cuda_give(cuda, there);
    return status;
}

static const rkv_rows_ops device_ops = {
    .free = free_rows,
    .copy = copy,
    .count = count,
    .append = append,
    .append_there = append_there,
    .append_all_there = append_all_there,
    .keep = rkv_device_rows_keep,
    .read = read,
    .read_there = read_there,
    .allocated_bytes = allocated_bytes,
    .used_bytes = used_bytes,
};
