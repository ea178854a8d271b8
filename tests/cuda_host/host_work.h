/* host_work.h: work on a stream of the played device. */
#ifndef RKV_TESTS_HOST_WORK_H
#define RKV_TESTS_HOST_WORK_H

#include <cuda_runtime_api.h>

/* Between these, on one thread at a time, the memory of the stream's device is within reach, and no other's.
 * The program ends when that device is not the thread's current one, as a launch fails on a real one. */
void host_work_begin(cudaStream_t stream);
void host_work_end(void);

#endif
