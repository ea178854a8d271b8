/* rows_mover.h: items of several lists in device memory that move together: what stays of lists that are
 * thinned out, and all of lists that grow. Runs of items travel with the kernel, so that nothing is copied to
 * the device first and nothing waited for; a launch takes as many lists and runs as its task has room for.
 *
 *     rkv_rows_mover m = {.cuda = cuda};
 *     rkv_rows_mover_begin(&m, from, to, item_bytes);
 *     rkv_rows_mover_add(&m, place, from, n, 0); ...     places ascending, without a gap between them
 *     rkv_rows_mover_end(&m, status, list, capacity);    where `to` becomes the memory of a list
 *     ... more, from and to other memory ...
 *     rkv_rows_mover_flush(&m);                          also after a failure */
#ifndef RKV_CUDA_ROWS_MOVER_H
#define RKV_CUDA_ROWS_MOVER_H

#include "cuda/device_list.h"
#include "cuda/rows_kernels.h"

typedef struct rkv_rows_mover {
    rkv_cuda *cuda;
    rkv_move_list at_hand;
    bool open; /* it is the last of the task's lists */
    struct {   /* lists that have other memory once the task was launched */
        rkv_row_list *list;
        unsigned char *to;
        size_t capacity;
    } moved[RKV_MOVE_LISTS];
    size_t n_moved;
    rkv_move_rows_task task;
} rkv_rows_mover;

/* to: `from` itself, or other memory. */
void rkv_rows_mover_begin(rkv_rows_mover *m, const void *from, void *to, size_t item_bytes);
/* Items [from, from + n) to `place` and what follows; the number in the first four bytes of each becomes
 * `less` smaller. In their own memory, no place is above where its item comes from. */
rkv_status rkv_rows_mover_add(rkv_rows_mover *m, size_t place, size_t from, size_t n, size_t less);
/* Items index [n], less `base`, from index[first] on to places `first` and what follows. */
rkv_status rkv_rows_mover_add_index(rkv_rows_mover *m, const uint32_t *index, size_t first, size_t n,
                                    size_t base);
/* status: of what was done since begin, which comes back. Memory of `capacity` items, to which something was
 * moved, becomes the list's, or is freed after a failure; the list's own stays. */
rkv_status rkv_rows_mover_end(rkv_rows_mover *m, rkv_status status, rkv_row_list *list, size_t capacity);
rkv_status rkv_rows_mover_flush(rkv_rows_mover *m);

/* As rkv_device_list_reserve; the list's memory is what it was until the flush. */
rkv_status rkv_rows_mover_reserve(rkv_rows_mover *m, rkv_row_list *list, size_t count, size_t needed);

#endif
