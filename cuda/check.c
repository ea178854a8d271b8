/* check.c: statuses of CUDA's libraries as ours. */
#include "core/fail.h"
#include "cuda/device.h"

/* The runtime remembers a failure until it is asked for: it would be the next launch's too. */
rkv_status rkv_cuda_check(cudaError_t error, const char *what) {
    if (error == cudaSuccess) return RKV_OK;
    cudaGetLastError();
    rkv_status status = error == cudaErrorMemoryAllocation ? RKV_NO_MEMORY : RKV_ERROR;
    return rkv_fail(status, "CUDA: %s: %s", what, cudaGetErrorString(error));
}

rkv_status rkv_cublas_check(cublasStatus_t error, const char *what) {
    if (error == CUBLAS_STATUS_SUCCESS) return RKV_OK;
    rkv_status status = error == CUBLAS_STATUS_ALLOC_FAILED ? RKV_NO_MEMORY : RKV_ERROR;
    return rkv_fail(status, "cuBLAS: %s: %s", what, cublasGetStatusString(error));
}

/* cuSOLVER has no words for its statuses. */
rkv_status rkv_cusolver_check(cusolverStatus_t error, const char *what) {
    if (error == CUSOLVER_STATUS_SUCCESS) return RKV_OK;
    rkv_status status = error == CUSOLVER_STATUS_ALLOC_FAILED ? RKV_NO_MEMORY : RKV_ERROR;
    return rkv_fail(status, "cuSOLVER: %s: status %d", what, (int)error);
}
