/* rows_mover.h: items of several lists in device memory that move together: what stays of lists that are
 * thinned out, and all of lists that grow or close their gap. Runs of items travel with the kernel, so that
 * nothing is copied to the device first and nothing waited for; a launch takes as many lists and runs as its
 * task has room for.
 *
 *     rkv_rows_mover m = {.cuda = cuda};
 *     rkv_rows_mover_begin(&m, list, after);             what the list becomes: other memory, another gap
 *     rkv_rows_mover_add(&m, place, item, n, 0); ...     places ascending, without a gap between them
 *     rkv_rows_mover_end(&m, status);
 *     ... more, of other lists ...
 *     rkv_rows_mover_flush(&m);                          also after a failure */
#ifndef RKV_CUDA_ROWS_MOVER_H
#define RKV_CUDA_ROWS_MOVER_H

#include "cuda/device_list.h"
#include "cuda/rows_kernels.h"

/* A list, and what it is once its items were moved. */
typedef struct rkv_moved_list {
    const rkv_row_list *from; /* whose items move: the list's own, or another's, which keeps them */
    rkv_row_list *list, after;
} rkv_moved_list;

typedef struct rkv_rows_mover {
    rkv_cuda *cuda;
    rkv_moved_list at_hand;
    size_t bytes; /* of its items, that move */
    bool open;    /* it is the last of the task's lists */
    size_t n_moved;
    rkv_moved_list moved[RKV_MOVE_LISTS];
    rkv_move_rows_task task;
} rkv_rows_mover;

/* Items move inside the list's memory, or to that of `after`, which becomes the list's with the flush. Until
 * then the list is what it was, unless nothing moves. */
void rkv_rows_mover_begin(rkv_rows_mover *m, rkv_row_list *list, rkv_row_list after);
/* The same with items of another list, which outlives the flush. */
void rkv_rows_mover_begin_copy(rkv_rows_mover *m, const rkv_row_list *from, rkv_row_list *list,
                               rkv_row_list after);
/* The same of items that stay where they are: the number in their first four bytes alone is written. */
void rkv_rows_mover_begin_numbers(rkv_rows_mover *m, rkv_row_list *list);
/* Items [item, item + n) to `place` and what follows; the number in the first four bytes of each becomes
 * `less` smaller. In their own memory, no place is above where its item comes from. */
rkv_status rkv_rows_mover_add(rkv_rows_mover *m, size_t place, size_t item, size_t n, size_t less);
/* Items index[from] .. index[to - 1], less `base`, to the places from .. to - 1. */
rkv_status rkv_rows_mover_add_index(rkv_rows_mover *m, const uint32_t *index, size_t from, size_t to,
                                    size_t base);
/* status: of what was done since begin, which comes back. After a failure, other memory is freed. */
rkv_status rkv_rows_mover_end(rkv_rows_mover *m, rkv_status status);
rkv_status rkv_rows_mover_flush(rkv_rows_mover *m);

/* As rkv_row_list_reserve; the list is what it was until the flush. */
rkv_status rkv_rows_mover_reserve(rkv_rows_mover *m, rkv_row_list *list, size_t count, size_t needed);

#endif
