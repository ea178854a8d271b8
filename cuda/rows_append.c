/* rows_append.c: rows appended to lists in device memory: those of several lists in at most three launches,
 * of which one lets lists grow, one encodes whole groups of rows by channel, and one all other rows. */
#include <assert.h>

#include "backend/rows_number.h"
#include "cuda/device_rows.h"
#include "cuda/rows_mover.h"

static_assert(sizeof(rkv_encode_rows_task) <= 4096 && sizeof(rkv_encode_groups_task) <= 4096,
              "a kernel's task has 4 KB at most");

static rkv_device_rows *device_of(rkv_rows *rows) {
    return (rkv_device_rows *)rows;
}

/* ---- what becomes of n more rows of a list ---- */

/* By channel they fill up the tail, and whole groups leave it: they are encoded from where their rows lie, in
 * the tail and after it in x. The rest, to which the last `added` of the n rows belong, is the new tail. Else
 * `added` rows are encoded. */
typedef struct plan {
    size_t n_groups, rest, added;
} plan;

static plan plan_of(const rkv_device_rows *rows, size_t n) {
    size_t size = rows->base.layout.group, total = rows->n_tail + n;
    if (!rows->base.layout.by_channel) return (plan){.added = n};
    plan p = {.n_groups = total / size, .rest = total % size};
    p.added = p.n_groups ? p.rest : n;
    return p;
}

static rkv_status reserve(rkv_rows_mover *m, rkv_device_rows *rows, const plan *p) {
    size_t encoded = rows->n_encoded, groups = rows->n_groups;
    bool by_channel = rows->base.layout.by_channel;
    size_t more = by_channel ? p->n_groups * rows->base.layout.group : p->added;
    rkv_status status = rkv_rows_mover_reserve(m, &rows->records, encoded, encoded + more);
    if (status || !by_channel) return status;
    status = rkv_rows_mover_reserve(m, &rows->groups, groups, groups + p->n_groups);
    if (!status) status = rkv_row_list_reserve(&rows->starts, groups, groups + p->n_groups);
    if (!status) status = rkv_rows_mover_reserve(m, &rows->tail, rows->n_tail, p->rest);
    return status;
}

/* ---- encoding ---- */

static rkv_encode_group_list groups_of(const rkv_device_rows *rows, const plan *p, const float *x) {
    return (rkv_encode_group_list){.tail = (const float *)(const void *)rows->tail.data,
                                   .x = x,
                                   .n_tail = rows->n_tail,
                                   .n_groups = p->n_groups,
                                   .first_row = rows->n_encoded,
                                   .tail_gap = rkv_device_list_gap(&rows->tail),
                                   .layout = rows->base.layout,
                                   .groups = rkv_row_list_at(&rows->groups, rows->n_groups),
                                   .records = rkv_row_list_at(&rows->records, rows->n_encoded)};
}

/* The other rows, which begin at x. Rows of a tail are float32 rows like others. */
static rkv_status rows_of(const rkv_device_rows *rows, const plan *p, const float *x, rkv_encode_list *out) {
    rkv_row_format format = {.form = RKV_ROWS_F32};
    *out = (rkv_encode_list){.x = x,
                             .n = p->added,
                             .form = rows->base.format.form,
                             .layout = rows->base.layout,
                             .records = rkv_row_list_at(&rows->records, rows->n_encoded)};
    if (!rows->base.layout.by_channel) return RKV_OK;
    out->form = format.form;
    out->records = p->n_groups ? rows->tail.data : rkv_row_list_at(&rows->tail, rows->n_tail);
    return rkv_row_layout_of(&format, rows->base.layout.width, &out->layout);
}

/* Groups first: what is added to tails lies where theirs did. */
static rkv_status encode(rkv_rows *const *lists, const plan *plans, const float *const *x, const size_t *n,
                         size_t n_lists, size_t stride) {
    rkv_encode_groups_task groups = {.stride = stride};
    rkv_encode_rows_task rows = {.stride = stride};
    rkv_cuda *cuda = device_of(lists[0])->cuda;
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n_lists; i++) {
        const rkv_device_rows *list = device_of(lists[i]);
        const plan *p = &plans[i];
        if (p->n_groups) groups.list[groups.n_lists++] = groups_of(list, p, x[i]);
        if (p->added)
            status = rows_of(list, p, x[i] + (n[i] - p->added) * stride, &rows.list[rows.n_lists++]);
    }
    if (!status && groups.n_lists)
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_encode_groups(&groups, cuda->stream), "encoding rows");
    if (!status && rows.n_lists)
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_encode_rows(&rows, cuda->stream), "encoding rows");
    return status;
}

/* ---- lists ---- */

static void count_rows(rkv_device_rows *rows, const plan *p) {
    if (!rows->base.layout.by_channel) {
        rows->n_encoded += p->added;
        return;
    }
    for (size_t i = 0; i < p->n_groups; i++) {
        rkv_device_rows_starts(rows)[rows->n_groups++] = (uint32_t)rows->n_encoded;
        rows->n_encoded += rows->base.layout.group;
    }
    rows->n_tail = p->rest;
    if (p->n_groups) rows->tail.gap = 0; /* what lay around it became a group */
    rkv_device_list_trim(rows->cuda, &rows->tail, p->rest);
}

/* Room for everything first, so that nothing can fail half-way. */
static rkv_status append_some(rkv_cuda *cuda, rkv_rows *const *lists, const float *const *x, const size_t *n,
                              size_t n_lists, size_t stride) {
    rkv_rows_mover m = {.cuda = cuda};
    plan plans[RKV_ENCODE_LISTS];
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n_lists; i++) {
        plans[i] = plan_of(device_of(lists[i]), n[i]);
        status = reserve(&m, device_of(lists[i]), &plans[i]);
    }
    rkv_status moved = rkv_rows_mover_flush(&m);
    if (!status) status = moved;
    if (!status) status = encode(lists, plans, x, n, n_lists, stride);
    for (size_t i = 0; !status && i < n_lists; i++)
        count_rows(device_of(lists[i]), &plans[i]);
    return status;
}

rkv_status rkv_device_rows_append_all_there(rkv_rows *const *lists, const float *const *x, const size_t *n,
                                            size_t n_lists, size_t stride) {
    rkv_cuda *cuda = rkv_cuda_enter(&device_of(lists[0])->cuda->base);
    rkv_status status = RKV_OK;
    for (size_t i = 0, some; !status && i < n_lists; i += some) {
        some = n_lists - i < RKV_ENCODE_LISTS ? n_lists - i : RKV_ENCODE_LISTS;
        status = append_some(cuda, lists + i, x + i, n + i, some, stride);
    }
    return status;
}

rkv_status rkv_device_rows_append_there(rkv_rows *rows, const float *x, size_t n, size_t stride) {
    return rkv_device_rows_append_all_there(&rows, &x, &n, 1, stride);
}

rkv_status rkv_device_rows_append(rkv_rows *rows, const float *x, size_t n, size_t stride) {
    rkv_cuda *cuda = rkv_cuda_enter(&device_of(rows)->cuda->base);
    size_t width = rows->layout.width;
    float *there = NULL;
    rkv_status status = rkv_rows_check_finite(rows, x, n, stride);
    if (!status) status = rkv_cuda_take(cuda, &there, n, width * sizeof *x);
    if (!status) status = rkv_cuda_rows_to_device(cuda, there, x, stride * sizeof *x, width * sizeof *x, n);
    if (!status) status = rkv_device_rows_append_there(rows, there, n, width);
    rkv_cuda_give(cuda, there);
    return status;
}
