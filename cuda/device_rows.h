/* device_rows.h: what a list of rows in device memory is; rows.c makes and reads it, rows_append.c fills it,
 * rows_keep.c takes rows out. Contracts in backend/rows_ops.h. */
#ifndef RKV_CUDA_DEVICE_ROWS_H
#define RKV_CUDA_DEVICE_ROWS_H

#include "cuda/device_list.h"
#include "cuda/rows.h"

typedef struct rkv_device_rows {
    rkv_rows base;
    rkv_cuda *cuda;
    size_t n_encoded, n_groups, n_tail;
    rkv_row_list records, groups, tail; /* device memory: cuda/rows.h */
    rkv_row_list
        starts; /* host memory: uint32_t, the groups' first rows, so that keep need not ask for them */
} rkv_device_rows;

static inline uint32_t *rkv_device_rows_starts(const rkv_device_rows *rows) {
    return (uint32_t *)(void *)rows->starts.data;
}

static inline rkv_row_gap rkv_device_list_gap(const rkv_row_list *list) {
    return (rkv_row_gap){(uint32_t)list->gap_at, (uint32_t)list->gap};
}

/* rows_append.c */
rkv_status rkv_device_rows_append(rkv_rows *rows, const float *x, size_t n, size_t stride);
rkv_status rkv_device_rows_append_there(rkv_rows *rows, const float *x, size_t n, size_t stride);
rkv_status rkv_device_rows_append_all_there(rkv_rows *const *rows, const float *const *x, const size_t *n,
                                            size_t n_lists, size_t stride);

/* rows_keep.c */
rkv_status rkv_device_rows_keep_all(rkv_rows *const *rows, const uint32_t *const *index, const size_t *n,
                                    size_t n_lists);
rkv_status rkv_device_rows_keep(rkv_rows *rows, const uint32_t *index, size_t n);

#endif
