/* norms.cu: norms of rows, one thread per row, of which a warp fetches 32 at a time so that it reads side by
 * side what lies side by side. */
#include <math.h>

#include "cuda/scores.h"
#include "cuda/warp_rows.h"

/* Some numbers of each of a warp's rows; rows are one number further apart, so that its lanes find theirs in
 * as many banks. */
typedef struct tile {
    float x[RKV_WARP][RKV_WARP + 1];
} tile;

RKV_DEVICE unsigned least(size_t a, unsigned b) {
    return a < b ? (unsigned)a : b;
}

/* Rows whose numbers are on their way together. */
#define AT_ONCE 8

/* Numbers [column, column + count) of the rows from `first` on, of which there may be fewer than a warp's. */
RKV_DEVICE void fetch(const rkv_batch_head *h, size_t width, size_t first, size_t column, unsigned count,
                      tile *to) {
    unsigned lane = (unsigned)rkv_lane(), rows = first < h->n ? least(h->n - first, RKV_WARP) : 0;
    const float *from = h->rows + first * width + column + lane;
    for (unsigned r = 0; lane < count && r < rows; r += AT_ONCE) {
        float x[AT_ONCE];
        for (unsigned k = 0; k < AT_ONCE; k++)
            x[k] = r + k < rows ? from[(r + k) * width] : 0;
        for (unsigned k = 0; k < AT_ONCE; k++)
            to->x[r + k][lane] = x[k];
    }
}

/* In the order of the row. The square of a float32 number is exact in float64, so whether it is rounded
 * together with the sum or before makes no difference: these are the bits that a plain loop gives on any
 * machine. */
RKV_KERNEL(row_norms, rkv_row_norms_task) {
    __shared__ tile tiles[RKV_ROW_WARPS];
    const rkv_batch_head *h = &t.heads.head[blockIdx.y];
    tile *own = &tiles[threadIdx.x / RKV_WARP];
    size_t lane = rkv_lane(), first = rkv_warp_row() * RKV_WARP, row = first + lane;
    double sum = 0;
    for (size_t column = 0; column < t.width; column += RKV_WARP) {
        unsigned count = least(t.width - column, RKV_WARP);
        fetch(h, t.width, first, column, count, own);
        __syncthreads();
        for (unsigned i = 0; row < h->n && i < count; i++)
            sum += (double)own->x[lane][i] * (double)own->x[lane][i];
        __syncthreads();
    }
    if (row < h->n) t.norms[h->first + row] = sqrt(sum);
}

cudaError_t rkv_launch_row_norms(const rkv_row_norms_task *task, cudaStream_t stream) {
    size_t warps = (task->heads.longest + RKV_WARP - 1) / RKV_WARP;
    dim3 blocks = {rkv_blocks_for_rows(warps), (unsigned)task->heads.n_heads, 1};
    return RKV_LAUNCH(row_norms, *task, blocks, RKV_ROW_THREADS, stream);
}
