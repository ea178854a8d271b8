/* widen.cu: float32 matrices in float64, and their norms. */
#include "cuda/rank_kernels.h"
#include "cuda/reduce.h"
#include "cuda/warp_rows.h"

RKV_KERNEL(widen, rkv_widen_task) {
    size_t at = rkv_warp_row(), matrix = at / t.from.rows, row = at % t.from.rows;
    if (matrix >= t.from.n) return;
    const float *x = t.from.x + at * t.from.cols;
    double *out = t.out + matrix * t.from.rows * t.from.cols + (t.turned ? row : row * t.from.cols);
    size_t step = t.turned ? t.from.rows : 1, visible = t.from.lower ? row + 1 : t.from.cols;
    for (size_t j = rkv_lane(); j < t.from.cols; j += RKV_WARP)
        out[j * step] = j < visible ? (double)x[j] : 0;
}

cudaError_t rkv_launch_widen(const rkv_widen_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(widen, *task, rkv_blocks_for_rows(task->from.n * task->from.rows), RKV_ROW_THREADS,
                      stream);
}

RKV_KERNEL(row_squares, rkv_row_squares_task) {
    size_t at = rkv_warp_row(), row = at % t.of.rows;
    if (at / t.of.rows >= t.of.n) return;
    const float *x = t.of.x + at * t.of.cols;
    size_t visible = t.of.lower ? row + 1 : t.of.cols;
    double sum = 0;
    for (size_t j = rkv_lane(); j < visible; j += RKV_WARP)
        sum += (double)x[j] * (double)x[j];
    sum = rkv_warp_sum_double(sum);
    if (rkv_lane() == 0) t.squares[at] = sum;
}

cudaError_t rkv_launch_row_squares(const rkv_row_squares_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(row_squares, *task, rkv_blocks_for_rows(task->of.n * task->of.rows), RKV_ROW_THREADS,
                      stream);
}

/* One block per segment. */
RKV_KERNEL(segment_sums, rkv_segment_sums_task) {
    const double *x = t.x + blockIdx.x * t.length;
    double sum = 0;
    for (size_t i = threadIdx.x; i < t.length; i += blockDim.x)
        sum += x[i];
    sum = rkv_block_sum_double(sum);
    if (threadIdx.x == 0) t.sums[blockIdx.x] = sum;
}

cudaError_t rkv_launch_segment_sums(const rkv_segment_sums_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(segment_sums, *task, (unsigned)task->segments, RKV_REDUCE_THREADS, stream);
}
