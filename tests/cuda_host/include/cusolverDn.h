/* cusolverDn.h: the part of cuSOLVER that the module uses, played on the host by tests/cuda_host/solver.c. */
#ifndef RKV_TESTS_CUSOLVERDN_H
#define RKV_TESTS_CUSOLVERDN_H

#include <cuda_runtime_api.h>

typedef enum {
    CUSOLVER_STATUS_SUCCESS = 0,
    CUSOLVER_STATUS_ALLOC_FAILED = 2,
    CUSOLVER_STATUS_INVALID_VALUE = 3
} cusolverStatus_t;
typedef struct host_solver *cusolverDnHandle_t;

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t *handle);
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle);
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream);

#endif
