/* rows.h: a list of rows (backend/rows.h) in device memory, and how kernels see it.
 *
 *     records  | row 0 | row 1 | ... | row n_encoded - 1 |     as the host has them, byte for byte
 *     groups   | first row, scale [width], zero [width] | ...  by channel: uint32_t, float16, float16
 *     tail     | row n_encoded | ...                           by channel: float32, less than a group
 *
 * Records and tail may each have a gap between two rows (backend/rows_list.h). */
#ifndef RKV_CUDA_ROWS_H
#define RKV_CUDA_ROWS_H

#include "backend/rows_ops.h"
#include "core/everywhere.h"

/* `gap` places without a row before that of row `at`. */
typedef struct rkv_row_gap {
    uint32_t at, gap;
} rkv_row_gap;

RKV_EVERYWHERE size_t rkv_row_place(rkv_row_gap g, size_t row) {
    return row + (row >= g.at ? g.gap : 0);
}

/* Pointers are device memory. In 32 bits what is at most a list's rows: a task has many views. */
typedef struct rkv_rows_view {
    const unsigned char *records, *groups;
    const float *tail; /* [n - n_encoded, width] */
    uint32_t n, n_encoded, n_groups;
    rkv_row_gap record_gap, tail_gap;
    rkv_row_form form;
    rkv_row_layout layout;
} rkv_rows_view;

/* A list of rkv_cuda_rows_new; valid until it changes. */
rkv_rows_view rkv_cuda_rows_view(const rkv_rows *rows);

#endif
