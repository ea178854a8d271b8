/* rows.c: lists of rows in device memory: made, copied and read. Everything is queued on the stream; only
 * rows that come from the host or go there are waited for. */
#include "cuda/rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/rows_number.h"
#include "core/fail.h"
#include "core/memory.h"
#include "cuda/device_rows.h"
#include "cuda/rows_mover.h"

static_assert(sizeof(rkv_read_rows_task) <= 4096, "a kernel's task has 4 KB at most");

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

/* All lists that are copied together move in the same launches. */
static rkv_status copy_list(rkv_rows_mover *m, rkv_row_list *to, const rkv_row_list *from, size_t n) {
    rkv_row_list after = *to;
    if (!n) return RKV_OK;
    after.capacity = n;
    rkv_status status = rkv_cuda_take_rows(m->cuda, &after.data, n, to->item_bytes);
    if (status) return status;
    rkv_rows_mover_begin_copy(m, from, to, after);
    return rkv_rows_mover_end(m, rkv_rows_mover_add(m, 0, 0, n, 0));
}

static rkv_status copy_lists(rkv_rows_mover *m, rkv_device_rows *to, const rkv_device_rows *from) {
    rkv_status status = copy_list(m, &to->records, &from->records, from->n_encoded);
    if (!status) status = copy_list(m, &to->groups, &from->groups, from->n_groups);
    if (!status) status = copy_list(m, &to->tail, &from->tail, from->n_tail);
    if (!status) status = rkv_row_list_reserve(&to->starts, 0, from->n_groups);
    if (!status && from->n_groups)
        memcpy(to->starts.data, from->starts.data, from->n_groups * sizeof(uint32_t));
    to->n_encoded = from->n_encoded;
    to->n_groups = from->n_groups;
    to->n_tail = from->n_tail;
    return status;
}

static rkv_status copy_all(rkv_rows **out, const rkv_rows *const *lists, size_t n_lists) {
    rkv_rows_mover m = {.cuda = rkv_cuda_enter(&const_device_of(lists[0])->cuda->base)};
    rkv_status status = RKV_OK;
    size_t made = 0;
    for (; !status && made < n_lists; made++) {
        const rkv_rows *from = lists[made];
        rkv_device_rows *to;
        status = new_rows(m.cuda, &from->format, from->layout.width, &to);
        out[made] = status ? NULL : &to->base;
        if (!status) status = copy_lists(&m, to, const_device_of(from));
    }
    rkv_status moved = rkv_rows_mover_flush(&m);
    if (!status) status = moved;
    for (size_t i = 0; status && i < n_lists; i++) {
        if (i < made && out[i]) free_rows(out[i]);
        out[i] = NULL;
    }
    return status;
}

static rkv_status copy(rkv_rows **out, const rkv_rows *base) {
    return copy_all(out, &base, 1);
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

/* ---- reading ---- */

rkv_rows_view rkv_cuda_rows_view(const rkv_rows *base) {
    const rkv_device_rows *rows = const_device_of(base);
    return (rkv_rows_view){.records = rows->records.data,
                           .groups = rows->groups.data,
                           .tail = (const float *)(const void *)rows->tail.data,
                           .n = (uint32_t)(rows->n_encoded + rows->n_tail),
                           .n_encoded = (uint32_t)rows->n_encoded,
                           .n_groups = (uint32_t)rows->n_groups,
                           .record_gap = rkv_device_list_gap(&rows->records),
                           .tail_gap = rkv_device_list_gap(&rows->tail),
                           .form = base->format.form,
                           .layout = base->layout};
}

static rkv_status launch_read(rkv_cuda *cuda, rkv_read_rows_task *task) {
    if (!task->n_lists) return RKV_OK;
    rkv_status status = RKV_CUDA_QUEUE(cuda, rkv_launch_read_rows(task, cuda->stream), "reading rows");
    task->n_lists = 0;
    return status;
}

static rkv_status read_there(const rkv_rows *base, size_t first, size_t n, float *x) {
    rkv_cuda *cuda = rkv_cuda_enter(&const_device_of(base)->cuda->base);
    rkv_read_rows_task task = {.n_lists = 1};
    task.list[0] = (rkv_read_list){rkv_cuda_rows_view(base), first, n, x};
    return launch_read(cuda, &task);
}

static rkv_status read_all_there(const rkv_rows *const *lists, float *const *x, size_t n_lists) {
    rkv_cuda *cuda = rkv_cuda_enter(&const_device_of(lists[0])->cuda->base);
    rkv_read_rows_task task = {.n_lists = 0};
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n_lists; i++) {
        size_t n = count(lists[i]);
        if (!n) continue;
        task.list[task.n_lists++] = (rkv_read_list){rkv_cuda_rows_view(lists[i]), 0, n, x[i]};
        if (task.n_lists == RKV_READ_LISTS) status = launch_read(cuda, &task);
    }
    return status ? status : launch_read(cuda, &task);
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
    .copy_all = copy_all,
    .count = count,
    .append = rkv_device_rows_append,
    .append_there = rkv_device_rows_append_there,
    .append_all_there = rkv_device_rows_append_all_there,
    .keep = rkv_device_rows_keep,
    .keep_all = rkv_device_rows_keep_all,
    .read = read,
    .read_there = read_there,
    .read_all_there = read_all_there,
    .allocated_bytes = allocated_bytes,
    .used_bytes = used_bytes,
};
