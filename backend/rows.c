/* rows.c: what all lists of rows have in common. */
#include "backend/rows.h"

#include <assert.h>

#include "backend/rows_ops.h"
#include "core/fail.h"

void rkv_rows_free(rkv_rows *rows) {
    if (rows) rows->ops->free(rows);
}

rkv_status rkv_rows_copy(rkv_rows **out, const rkv_rows *rows) {
    return rows->ops->copy(out, rows);
}

rkv_status rkv_rows_copy_all(rkv_rows **out, const rkv_rows *const *rows, size_t n_lists) {
    rkv_status status = RKV_OK;
    size_t made = 0;
    if (n_lists && rows[0]->ops->copy_all) return rows[0]->ops->copy_all(out, rows, n_lists);
    for (size_t i = 0; i < n_lists; i++)
        out[i] = NULL;
    for (; !status && made < n_lists; made++)
        status = rows[made]->ops->copy(&out[made], rows[made]);
    for (size_t i = 0; status && i < made; i++) {
        rkv_rows_free(out[i]);
        out[i] = NULL;
    }
    return status;
}

size_t rkv_rows_count(const rkv_rows *rows) {
    return rows->ops->count(rows);
}

size_t rkv_rows_width(const rkv_rows *rows) {
    return rows->layout.width;
}

const rkv_row_format *rkv_rows_format(const rkv_rows *rows) {
    return &rows->format;
}

/* Indices and starts of groups are 32 bits. */
static rkv_status check_count(const rkv_rows *rows, size_t n, size_t stride) {
    size_t count = rkv_rows_count(rows);
    assert(stride >= rows->layout.width);
    if (n > UINT32_MAX - count)
        return rkv_fail(RKV_NO_MEMORY, "out of memory: a cache of %zu + %zu rows", count, n);
    return RKV_OK;
}

rkv_status rkv_rows_append(rkv_rows *rows, const float *x, size_t n, size_t stride) {
    rkv_status status = check_count(rows, n, stride);
    return status || !n ? status : rows->ops->append(rows, x, n, stride);
}

rkv_status rkv_rows_append_there(rkv_rows *rows, const float *x, size_t n, size_t stride) {
    rkv_status status = check_count(rows, n, stride);
    return status || !n ? status : rows->ops->append_there(rows, x, n, stride);
}

rkv_status rkv_rows_append_all_there(rkv_rows *const *rows, const float *const *x, const size_t *n,
                                     size_t n_lists, size_t stride) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n_lists; i++)
        status = check_count(rows[i], n[i], stride);
    if (status || !n_lists) return status;
    if (rows[0]->ops->append_all_there) return rows[0]->ops->append_all_there(rows, x, n, n_lists, stride);
    for (size_t i = 0; !status && i < n_lists; i++)
        if (n[i]) status = rows[i]->ops->append_there(rows[i], x[i], n[i], stride);
    return status;
}

static void check_index(const rkv_rows *rows, const uint32_t *index, size_t n) {
    assert(n <= rkv_rows_count(rows) && (!n || index[n - 1] < rkv_rows_count(rows)));
    (void)rows, (void)index, (void)n;
}

rkv_status rkv_rows_keep(rkv_rows *rows, const uint32_t *index, size_t n) {
    check_index(rows, index, n);
    return rows->ops->keep(rows, index, n);
}

rkv_status rkv_rows_keep_all(rkv_rows *const *rows, const uint32_t *const *index, const size_t *n,
                             size_t n_lists) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < n_lists; i++)
        check_index(rows[i], index[i], n[i]);
    if (n_lists && rows[0]->ops->keep_all) return rows[0]->ops->keep_all(rows, index, n, n_lists);
    for (size_t i = 0; !status && i < n_lists; i++)
        status = rows[i]->ops->keep(rows[i], index[i], n[i]);
    return status;
}

rkv_status rkv_rows_read_apart(const rkv_rows *rows, size_t first, size_t n, float *x, size_t stride) {
    assert(first + n <= rkv_rows_count(rows) && stride >= rows->layout.width);
    return rows->ops->read(rows, first, n, x, stride);
}

rkv_status rkv_rows_read(const rkv_rows *rows, size_t first, size_t n, float *x) {
    return rkv_rows_read_apart(rows, first, n, x, rows->layout.width);
}

rkv_status rkv_rows_read_there(const rkv_rows *rows, size_t first, size_t n, float *x) {
    assert(first + n <= rkv_rows_count(rows));
    return n ? rows->ops->read_there(rows, first, n, x) : RKV_OK;
}

rkv_status rkv_rows_read_all_there(const rkv_rows *const *rows, float *const *x, size_t n_lists) {
    rkv_status status = RKV_OK;
    if (n_lists && rows[0]->ops->read_all_there) return rows[0]->ops->read_all_there(rows, x, n_lists);
    for (size_t i = 0; !status && i < n_lists; i++)
        status = rkv_rows_read_there(rows[i], 0, rkv_rows_count(rows[i]), x[i]);
    return status;
}

size_t rkv_rows_allocated_bytes(const rkv_rows *rows) {
    return rows->ops->allocated_bytes(rows);
}

size_t rkv_rows_used_bytes(const rkv_rows *rows) {
    return rows->ops->used_bytes(rows);
}
