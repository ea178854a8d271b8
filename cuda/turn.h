/* turn.h: the task of the kernel that turns rows by positions, and the function that queues it. */
#ifndef RKV_CUDA_TURN_H
#define RKV_CUDA_TURN_H

#include <cuda_runtime_api.h>

#include "backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of a launch: a kernel's task has 4 KB at most. */
#define RKV_TURN_LISTS 32
#define RKV_TURN_PAIRS 128

/* What backend.h says of `turn`, for the pairs [first, first + pairs) of some lists, whose `by` is device
 * memory here. Of an odd D the last of them may be the number that is in no pair. */
typedef struct rkv_turn_task {
    size_t head_dim, first, pairs, n_lists;
    size_t longest; /* rows of any list; > 0 */
    int adjacent, back;
    double frequency[RKV_TURN_PAIRS]; /* from `first` on */
    rkv_turned_rows list[RKV_TURN_LISTS];
} rkv_turn_task;
cudaError_t rkv_launch_turn(const rkv_turn_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
