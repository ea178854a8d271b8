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

/* What a launch takes of lists that are appended to. */
#define RKV_ENCODE_LISTS 32

/* Rows x [n, width] as records. Not by channel. */
typedef struct rkv_encode_list {
    const float *x;
    size_t n;
    rkv_row_form form;
    rkv_row_layout layout;
    unsigned char *records;
} rkv_encode_list;

/* Rows of x lie `stride` floats apart; some list has some. */
typedef struct rkv_encode_rows_task {
    size_t stride;
    uint32_t n_lists;
    rkv_encode_list list[RKV_ENCODE_LISTS];
} rkv_encode_rows_task;
cudaError_t rkv_launch_encode_rows(const rkv_encode_rows_task *task, cudaStream_t stream);

/* Whole groups of rows by channel, the first from `first_row` on: rows tail [n_tail, width], which may have a
 * gap, and after them those of x. */
typedef struct rkv_encode_group_list {
    const float *tail, *x;
    size_t n_tail, n_groups, first_row;
    rkv_row_gap tail_gap;
    rkv_row_layout layout;
    unsigned char *groups, *records;
} rkv_encode_group_list;

/* As above. */
typedef struct rkv_encode_groups_task {
    size_t stride;
    uint32_t n_lists;
    rkv_encode_group_list list[RKV_ENCODE_LISTS];
} rkv_encode_groups_task;
cudaError_t rkv_launch_encode_groups(const rkv_encode_groups_task *task, cudaStream_t stream);

/* x [n, width] = rows [first, first + n). */
typedef struct rkv_read_list {
    rkv_rows_view rows;
    size_t first, n;
    float *x;
} rkv_read_list;

/* Some list has rows. */
#define RKV_READ_LISTS 32
typedef struct rkv_read_rows_task {
    uint32_t n_lists;
    rkv_read_list list[RKV_READ_LISTS];
} rkv_read_rows_task;
cudaError_t rkv_launch_read_rows(const rkv_read_rows_task *task, cudaStream_t stream);

/* Items that stay side by side: from `from` on, to `place` and what follows. The number in the first four
 * bytes of each becomes `less` smaller. */
typedef struct rkv_move_run {
    uint32_t place, from, less;
} rkv_move_run;

/* Moves items of a list to the places [first run's, end) of `to`: a run ends where the next one's place is.
 * `to` is other memory, or `from` itself: then no place is above where its item comes from. */
typedef struct rkv_move_list {
    const unsigned char *from;
    unsigned char *to;
    size_t item_bytes, bytes; /* how far apart items are; how many of an item's bytes are written, from its
                               * first on */
    uint32_t end;
    uint32_t first_run, n_runs; /* of the task's; n_runs > 0 */
    uint32_t rows_of_block;     /* set by the launch */
} rkv_move_list;

/* What a kernel takes with it: nothing need be copied to the device first. */
#define RKV_MOVE_LISTS 32
#define RKV_MOVE_RUNS  208

typedef struct rkv_move_rows_task {
    uint32_t n_lists, n_runs; /* > 0 */
    rkv_move_list list[RKV_MOVE_LISTS];
    rkv_move_run run[RKV_MOVE_RUNS];
} rkv_move_rows_task;
cudaError_t rkv_launch_move_rows(rkv_move_rows_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
