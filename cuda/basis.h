/* basis.h: the task of the kernels between rows and their coordinates on a basis, and the functions that
 * queue them. */
#ifndef RKV_CUDA_BASIS_H
#define RKV_CUDA_BASIS_H

#include <cuda_runtime_api.h>

#include "backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RKV_BASIS_LISTS 32

/* What backend.h says of `project` and `expand`; some list has rows. */
typedef struct rkv_basis_task {
    size_t width;
    size_t most; /* rows, or coordinates, of any list: what its threads are counted by */
    unsigned n_lists;
    rkv_basis_rows list[RKV_BASIS_LISTS];
} rkv_basis_task;
cudaError_t rkv_launch_project(const rkv_basis_task *task, cudaStream_t stream);
cudaError_t rkv_launch_expand(const rkv_basis_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
