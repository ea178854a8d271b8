/* gather.c: some rows of a matrix side by side. Which they are travels with the kernel, as runs of
 * neighbours: nothing is copied to the device first, and nothing waited for. */
#include "backend/rows_list.h"
#include "cuda/device.h"
#include "cuda/rows_kernels.h"

static rkv_status move(rkv_cuda *cuda, rkv_move_rows_task *task) {
    rkv_status status = RKV_CUDA_QUEUE(cuda, rkv_launch_move_rows(task, cuda->stream), "gathering rows");
    task->n_runs = 0;
    return status;
}

rkv_status rkv_cuda_gather(rkv_backend *backend, const float *from, size_t width, const uint32_t *index,
                           size_t n, float *to) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rkv_move_rows_task task = {
        .from = (const unsigned char *)from, .to = (unsigned char *)to, .item_bytes = width * sizeof *from};
    rkv_status status = RKV_OK;
    for (size_t i = 0, run; !status && width && i < n; i += run) {
        run = rkv_index_run(index + i, n - i);
        task.run[task.n_runs++] = (rkv_move_run){(uint32_t)i, index[i]};
        task.end = (uint32_t)(i + run);
        if (task.n_runs == RKV_MOVE_RUNS) status = move(cuda, &task);
    }
    return status || !task.n_runs ? status : move(cuda, &task);
}
