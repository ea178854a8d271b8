/* solver.c: cuSOLVER, as far as the module uses it. */
#include <cusolverDn.h>
#include <stdlib.h>

struct host_solver {
    int unused;
};

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t *handle) {
    *handle = calloc(1, sizeof **handle);
    return *handle ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_ALLOC_FAILED;
}

cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
    free(handle);
    return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
    return handle && stream ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_INVALID_VALUE;
}
