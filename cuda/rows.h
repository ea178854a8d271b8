/* rows.h: a list of rows (backend/rows.h) in device memory, and how kernels see it.
 *
 *     records  | row 0 | row 1 | ... | row n_encoded - 1 |     as the host has them, byte for byte
 *     groups   | first row, scale [width], zero [width] | ...  by channel: uint32_t, float16, float16
 *     tail     | row n_encoded | ...                           by channel: float32, less than a group */
#ifndef RKV_CUDA_ROWS_H
#define RKV_CUDA_ROWS_H

#include "backend/rows_ops.h"

/* Pointers are device memory. */
typedef struct rkv_rows_view {
    const unsigned char *records, *groups;
    const float *tail; /* [n - n_encoded, width] */
    size_t n, n_encoded, n_groups;
    rkv_row_form form;
    rkv_row_layout layout;
} rkv_rows_view;

/* A list of rkv_cuda_rows_new; valid until it changes. */
rkv_rows_view rkv_cuda_rows_view(const rkv_rows *rows);

#endif
