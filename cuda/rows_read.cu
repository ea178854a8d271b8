/* rows_read.cu: rows as float32 again, a warp per row, of some lists at once. */
#include "cuda/row_number.h"
#include "cuda/rows_kernels.h"
#include "cuda/warp_rows.h"

RKV_KERNEL(read_rows, rkv_read_rows_task) {
    const rkv_read_list *l = &t.list[blockIdx.y];
    size_t at = rkv_warp_row(), row = l->first + at, width = l->rows.layout.width;
    if (at >= l->n) return;
    size_t group = rkv_row_group(&l->rows, row);
    for (size_t i = rkv_lane(); i < width; i += RKV_WARP)
        l->x[at * width + i] = rkv_row_number(&l->rows, row, group, i);
}

cudaError_t rkv_launch_read_rows(const rkv_read_rows_task *task, cudaStream_t stream) {
    size_t most = 0;
    for (const rkv_read_list *l = task->list; l < task->list + task->n_lists; l++)
        most = l->n > most ? l->n : most;
    dim3 blocks = {rkv_blocks_for_rows(most), task->n_lists, 1};
    return RKV_LAUNCH(read_rows, *task, blocks, RKV_ROW_THREADS, stream);
}
