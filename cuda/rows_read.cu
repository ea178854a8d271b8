/* rows_read.cu: rows as float32 again, a warp per row. */
#include "cuda/row_number.h"
#include "cuda/rows_kernels.h"
#include "cuda/warp_rows.h"

RKV_KERNEL(read_rows, rkv_read_rows_task) {
    size_t at = rkv_warp_row(), row = t.first + at, width = t.rows.layout.width;
    if (at >= t.n) return;
    size_t group = rkv_row_group(&t.rows, row);
    for (size_t i = rkv_lane(); i < width; i += RKV_WARP)
        t.x[at * width + i] = rkv_row_number(&t.rows, row, group, i);
}

cudaError_t rkv_launch_read_rows(const rkv_read_rows_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(read_rows, *task, rkv_blocks_for_rows(task->n), RKV_ROW_THREADS, stream);
}
