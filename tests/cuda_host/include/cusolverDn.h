/* cusolverDn.h: the part of cuSOLVER that the module uses, played on the host by tests/cuda_host/solver.c. */
#ifndef RKV_TESTS_CUSOLVERDN_H
#define RKV_TESTS_CUSOLVERDN_H

#include <cublas_v2.h>

typedef enum {
    CUSOLVER_STATUS_SUCCESS = 0,
    CUSOLVER_STATUS_NOT_INITIALIZED = 1,
    CUSOLVER_STATUS_ALLOC_FAILED = 2,
    CUSOLVER_STATUS_INVALID_VALUE = 3
} cusolverStatus_t;
typedef enum { CUSOLVER_EIG_MODE_NOVECTOR = 0, CUSOLVER_EIG_MODE_VECTOR = 1 } cusolverEigMode_t;
typedef struct host_solver *cusolverDnHandle_t;
typedef struct host_solver_params *cusolverDnParams_t;

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t *handle);
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle);
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream);
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t *params);
cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t params);

cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                             cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                             cudaDataType a_type, const void *a, int64_t lda,
                                             cudaDataType w_type, const void *w, cudaDataType compute_type,
                                             size_t *device_bytes, size_t *host_bytes);
cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                  cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                  cudaDataType a_type, void *a, int64_t lda, cudaDataType w_type, void *w,
                                  cudaDataType compute_type, void *device, size_t device_bytes, void *host,
                                  size_t host_bytes, int *info);

cusolverStatus_t cusolverDnXsyevBatched_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                                   cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                                   cudaDataType a_type, const void *a, int64_t lda,
                                                   cudaDataType w_type, const void *w,
                                                   cudaDataType compute_type, size_t *device_bytes,
                                                   size_t *host_bytes, int64_t batch);
cusolverStatus_t cusolverDnXsyevBatched(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                        cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                        cudaDataType a_type, void *a, int64_t lda, cudaDataType w_type,
                                        void *w, cudaDataType compute_type, void *device, size_t device_bytes,
                                        void *host, size_t host_bytes, int *info, int64_t batch);

cusolverStatus_t cusolverDnXgesvdp_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                              cusolverEigMode_t jobz, int econ, int64_t m, int64_t n,
                                              cudaDataType a_type, const void *a, int64_t lda,
                                              cudaDataType s_type, const void *s, cudaDataType u_type,
                                              const void *u, int64_t ldu, cudaDataType v_type, const void *v,
                                              int64_t ldv, cudaDataType compute_type, size_t *device_bytes,
                                              size_t *host_bytes);
cusolverStatus_t cusolverDnXgesvdp(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                   cusolverEigMode_t jobz, int econ, int64_t m, int64_t n,
                                   cudaDataType a_type, void *a, int64_t lda, cudaDataType s_type, void *s,
                                   cudaDataType u_type, void *u, int64_t ldu, cudaDataType v_type, void *v,
                                   int64_t ldv, cudaDataType compute_type, void *device, size_t device_bytes,
                                   void *host, size_t host_bytes, int *info, double *shift);

cusolverStatus_t cusolverDnXgesvd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                             signed char jobu, signed char jobvt, int64_t m, int64_t n,
                                             cudaDataType a_type, const void *a, int64_t lda,
                                             cudaDataType s_type, const void *s, cudaDataType u_type,
                                             const void *u, int64_t ldu, cudaDataType vt_type, const void *vt,
                                             int64_t ldvt, cudaDataType compute_type, size_t *device_bytes,
                                             size_t *host_bytes);
cusolverStatus_t cusolverDnXgesvd(cusolverDnHandle_t handle, cusolverDnParams_t params, signed char jobu,
                                  signed char jobvt, int64_t m, int64_t n, cudaDataType a_type, void *a,
                                  int64_t lda, cudaDataType s_type, void *s, cudaDataType u_type, void *u,
                                  int64_t ldu, cudaDataType vt_type, void *vt, int64_t ldvt,
                                  cudaDataType compute_type, void *device, size_t device_bytes, void *host,
                                  size_t host_bytes, int *info);

#endif
