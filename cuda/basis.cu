/* basis.cu: rows as their coordinates on a basis, and back. */
#include "cuda/basis.h"
#include "cuda/elementwise.h"
#include "cuda/reduce.h"
#include "cuda/warp_rows.h"

/* A warp has a coordinate: of a token's rows alone there are few, of a prompt's many. */
RKV_KERNEL(project, rkv_basis_task) {
    const rkv_basis_rows *l = &t.list[blockIdx.y];
    size_t at = rkv_warp_row();
    if (at >= l->n * l->rank) return;
    const float *row = l->from + at / l->rank * t.width, *axis = l->basis + at % l->rank * t.width;
    float sum = 0;
    for (size_t d = rkv_lane(); d < t.width; d += RKV_WARP)
        sum += row[d] * axis[d];
    sum = rkv_warp_sum(sum);
    if (rkv_lane() == 0) l->to[at / l->rank * l->stride + at % l->rank] = sum;
}

cudaError_t rkv_launch_project(const rkv_basis_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for_rows(task->most), task->n_lists, 1};
    return RKV_LAUNCH(project, *task, blocks, RKV_ROW_THREADS, stream);
}

/* A thread has a number, its neighbours the next ones of the same row. */
RKV_KERNEL(expand, rkv_basis_task) {
    const rkv_basis_rows *l = &t.list[blockIdx.y];
    size_t at = rkv_element();
    if (at >= l->n * t.width) return;
    const float *coordinate = l->from + at / t.width * l->stride, *column = l->basis + at % t.width;
    float sum = 0;
    for (size_t r = 0; r < l->rank; r++)
        sum += coordinate[r] * column[r * t.width];
    l->to[at] = sum;
}

cudaError_t rkv_launch_expand(const rkv_basis_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for(task->most), task->n_lists, 1};
    return RKV_LAUNCH(expand, *task, blocks, RKV_ELEMENT_THREADS, stream);
}
