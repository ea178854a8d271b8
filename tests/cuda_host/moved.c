/* moved.c: how much the played devices' lists of rows move: the launch of the kernel that moves them is
 * looked at on its way (CMakeLists.txt wraps it). */
#include "cuda/rows_kernels.h"
#include "cuda_host/host_device.h"

cudaError_t __real_rkv_launch_move_rows(rkv_move_rows_task *task, cudaStream_t stream);
cudaError_t __wrap_rkv_launch_move_rows(rkv_move_rows_task *task, cudaStream_t stream);

static size_t moved;

size_t host_device_moved(void) {
    return moved;
}

cudaError_t __wrap_rkv_launch_move_rows(rkv_move_rows_task *task, cudaStream_t stream) {
    for (const rkv_move_list *l = task->list; l < task->list + task->n_lists; l++)
        moved += (l->end - task->run[l->first_run].place) * l->bytes;
    return __real_rkv_launch_move_rows(task, stream);
}
