/* device_rows.h: what a list of rows in device memory is; rows.c makes, fills and reads it, rows_keep.c takes
 * rows out. */
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

/* rows_keep.c */
rkv_status rkv_device_rows_keep(rkv_rows *rows, const uint32_t *index, size_t n);

#endif
