/* rows_ops.h: a list of rows (rows.h) as a struct of functions: the host's (rows_host.c), or a device's. */
#ifndef RKV_BACKEND_ROWS_OPS_H
#define RKV_BACKEND_ROWS_OPS_H

#include <stdbool.h>

#include "backend/rows.h"

/* What a form makes of rows. */
typedef struct rkv_row_layout {
    size_t width;
    size_t bits;         /* of a number */
    size_t group;        /* numbers (axis token) or rows (axis channel) that share a scale and a zero */
    size_t record_bytes; /* of one row; axis channel: of its codes alone */
    bool by_channel;
} rkv_row_layout;

/* rows_layout.c; RKV_USAGE as rkv_rows_new. */
rkv_status rkv_row_layout_of(const rkv_row_format *format, size_t width, rkv_row_layout *out);
const char *rkv_row_form_name(rkv_row_form form);

/* rows_finite.c: RKV_DATA: x [n, width] to be added to rows of whole numbers has one that is not finite. */
rkv_status rkv_rows_check_finite(const rkv_rows *rows, const float *x, size_t n, size_t stride);

/* Contracts in rows.h; what any list refuses, rows.c has refused already. */
typedef struct rkv_rows_ops {
    void (*free)(rkv_rows *rows);
    rkv_status (*copy)(rkv_rows **out, const rkv_rows *rows);
    /* n_lists > 0; NULL: one list after the other. */
    rkv_status (*copy_all)(rkv_rows **out, const rkv_rows *const *rows, size_t n_lists);
    size_t (*count)(const rkv_rows *rows);
    rkv_status (*append)(rkv_rows *rows, const float *x, size_t n, size_t stride);       /* n > 0 */
    rkv_status (*append_there)(rkv_rows *rows, const float *x, size_t n, size_t stride); /* n > 0 */
    /* n_lists > 0; NULL: one list after the other. */
    rkv_status (*append_all_there)(rkv_rows *const *rows, const float *const *x, const size_t *n,
                                   size_t n_lists, size_t stride);
    rkv_status (*keep)(rkv_rows *rows, const uint32_t *index, size_t n);
    /* n_lists > 0; NULL: one list after the other. */
    rkv_status (*keep_all)(rkv_rows *const *rows, const uint32_t *const *index, const size_t *n,
                           size_t n_lists);
    rkv_status (*read)(const rkv_rows *rows, size_t first, size_t n, float *x, size_t stride);
    rkv_status (*read_there)(const rkv_rows *rows, size_t first, size_t n, float *x); /* n > 0 */
    /* n_lists > 0; NULL: one list after the other. */
    rkv_status (*read_all_there)(const rkv_rows *const *rows, float *const *x, size_t n_lists);
    size_t (*allocated_bytes)(const rkv_rows *rows);
    size_t (*used_bytes)(const rkv_rows *rows);
} rkv_rows_ops;

/* Every list begins with this. */
struct rkv_rows {
    const rkv_rows_ops *ops;
    rkv_row_format format;
    rkv_row_layout layout;
};

#endif
