/* rows_kernels.h: the tasks of the kernels of lists of rows, and the functions that queue them. Pointers are
 * device memory. */
#ifndef RKV_CUDA_ROWS_KERNELS_H
#define RKV_CUDA_ROWS_KERNELS_H

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows x [n, width] as records. Not by channel. */
typedef struct rkv_encode_list {
    const float *x;
    rkv_row_form form;
    rkv_row_layout layout;
    unsigned char *records;
} rkv_encode_list;

/* n rows, `stride` floats apart, for each of some lists; n > 0. */
#define RKV_ENCODE_LISTS 32
typedef struct rkv_encode_rows_task {
    size_t n, stride;
    uint32_t n_lists; /* 1 .. RKV_ENCODE_LISTS */
    rkv_encode_list list[RKV_ENCODE_LISTS];
} rkv_encode_rows_task;
cudaError_t rkv_launch_encode_rows(const rkv_encode_rows_task *task, cudaStream_t stream);

/* Whole groups of rows by channel, the first from `first_row` on: rows tail [n_tail, width] and after them
 * those of x; n_groups > 0. */
typedef struct rkv_encode_groups_task {
    const float *tail, *x;
    size_t n_tail, stride, n_groups, first_row;
    rkv_row_layout layout;
    unsigned char *groups, *records;
} rkv_encode_groups_task;
cudaError_t rkv_launch_encode_groups(const rkv_encode_groups_task *task, cudaStream_t stream);

/* x [n, width] = rows [first, first + n); n > 0. */
typedef struct rkv_read_rows_task {
    rkv_rows_view rows;
    size_t first, n;
    float *x;
} rkv_read_rows_task;
cudaError_t rkv_launch_read_rows(const rkv_read_rows_task *task, cudaStream_t stream);

/* Items that stay side by side: from `from` on, to `place` and what follows. */
typedef struct rkv_move_run {
    uint32_t place, from;
} rkv_move_run;

/* What a kernel takes with it: nothing need be copied to the device first. */
#define RKV_MOVE_RUNS 256

/* Moves items to the places [run[0].place, end) of `to`: run i ends where the next one's place is. `to` is
 * other memory, or `from` itself: then no place is above where its item comes from. */
typedef struct rkv_move_rows_task {
    const unsigned char *from;
    unsigned char *to;
    size_t item_bytes;
    uint32_t end;
    uint32_t n_runs; /* 1 .. RKV_MOVE_RUNS */
    rkv_move_run run[RKV_MOVE_RUNS];
    uint32_t rows_of_block; /* set by the launch */
} rkv_move_rows_task;
cudaError_t rkv_launch_move_rows(rkv_move_rows_task *task, cudaStream_t stream);

/* The first rows of groups [first, first + n). */
#define RKV_START_GROUPS 256
typedef struct rkv_set_starts_task {
    unsigned char *groups;
    size_t group_bytes, first;
    uint32_t n; /* 1 .. RKV_START_GROUPS */
    uint32_t start[RKV_START_GROUPS];
} rkv_set_starts_task;
cudaError_t rkv_launch_set_starts(const rkv_set_starts_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
