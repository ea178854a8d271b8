/* host_work.h: work on a stream of the played device. */
#ifndef RKV_TESTS_HOST_WORK_H
#define RKV_TESTS_HOST_WORK_H

#include <cuda_runtime_api.h>

/* Between these, on one thread at a time, the memory of the stream's device is within reach, and no other's.
 * The program ends when that device is not the thread's current one, as a launch fails on a real one. */
void host_work_begin(cudaStream_t stream);
void host_work_end(void);

/* Memory of the device that a library is given to work in: no kernel reaches it from now on. */
void host_workspace_lend(void *workspace);
/* The library works there, between the two above: both ends of it are filled with NaN. The program ends where
 * it is not what the stream's device has there, all of it. */
void host_workspace_use(cudaStream_t stream, void *workspace, size_t bytes);
/* The library lets go of it: it must be there still. */
void host_workspace_return(void *workspace);

#endif
