/* basis.c: rows as their coordinates on a basis, and back: some lists in a launch. */
#include "cuda/basis.h"

#include <assert.h>

#include "cuda/device.h"

static_assert(sizeof(rkv_basis_task) <= 4096, "a kernel's task has 4 KB at most");

typedef cudaError_t launch(const rkv_basis_task *task, cudaStream_t stream);

/* columns: how many numbers a row of the result has; 0: those of its basis. */
static rkv_status run(rkv_cuda *cuda, const rkv_basis_rows *lists, size_t n_lists, size_t width,
                      size_t columns, launch *kernel) {
    rkv_status status = RKV_OK;
    for (size_t first = 0; !status && first < n_lists; first += RKV_BASIS_LISTS) {
        rkv_basis_task task = {.width = width};
        for (size_t i = first; i < n_lists && task.n_lists < RKV_BASIS_LISTS; i++) {
            size_t numbers = lists[i].n * (columns ? columns : lists[i].rank);
            task.list[task.n_lists++] = lists[i];
            task.most = numbers > task.most ? numbers : task.most;
        }
        if (task.most) status = RKV_CUDA_QUEUE(cuda, kernel(&task, cuda->stream), "rows on a basis");
    }
    return status;
}

rkv_status rkv_cuda_project(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width) {
    return run(rkv_cuda_enter(backend), lists, n_lists, width, 0, rkv_launch_project);
}

rkv_status rkv_cuda_expand(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width) {
    return run(rkv_cuda_enter(backend), lists, n_lists, width, width, rkv_launch_expand);
}
