/* blas.c: cuBLAS, as far as the module uses it: plain loops, sums in float64 rounded once. */
#include <cublas_v2.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cuda_host/host_blas.h"
#include "cuda_host/host_work.h"

const char *cublasGetStatusString(cublasStatus_t status) {
    return status == CUBLAS_STATUS_INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE" : "another status";
}

cublasStatus_t cublasCreate(cublasHandle_t *handle) {
    *handle = calloc(1, sizeof **handle);
    return *handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    if (handle) handle->stream = stream;
    return handle && stream ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

/* A matrix as cuBLAS takes it, columns first. */
typedef struct operand {
    cublasOperation_t operation;
    const float *x;
    int64_t ld;
    long long stride;
} operand;

static double at(const operand *o, int64_t row, int64_t column, int64_t batch) {
    bool turned = o->operation == CUBLAS_OP_T;
    return (double)o->x[batch * o->stride + (turned ? column + row * o->ld : row + column * o->ld)];
}

static bool is_valid(const operand *o, int64_t rows, int64_t columns) {
    int64_t least = o->operation == CUBLAS_OP_T ? columns : rows;
    return o->ld >= (least > 1 ? least : 1);
}

cublasStatus_t cublasGemmStridedBatchedEx_64(cublasHandle_t handle, cublasOperation_t transa,
                                             cublasOperation_t transb, int64_t m, int64_t n, int64_t k,
                                             const void *alpha, const void *a, cudaDataType a_type,
                                             int64_t lda, long long stride_a, const void *b,
                                             cudaDataType b_type, int64_t ldb, long long stride_b,
                                             const void *beta, void *c, cudaDataType c_type, int64_t ldc,
                                             long long stride_c, int64_t batch,
                                             cublasComputeType_t arithmetic, cublasGemmAlgo_t algorithm) {
    operand left = {transa, a, lda, stride_a}, right = {transb, b, ldb, stride_b};
    float scale = *(const float *)alpha, keep = *(const float *)beta;
    (void)arithmetic, (void)algorithm;
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (m < 0 || n < 0 || k < 0 || batch < 0 || ldc < (m > 1 ? m : 1) || !is_valid(&left, m, k) ||
        !is_valid(&right, k, n) || a_type != CUDA_R_32F || b_type != CUDA_R_32F || c_type != CUDA_R_32F)
        return CUBLAS_STATUS_INVALID_VALUE;
    host_work_begin(handle->stream);
    for (int64_t s = 0; s < batch; s++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t i = 0; i < m; i++) {
                float *out = (float *)c + s * stride_c + i + j * ldc;
                double sum = 0;
                for (int64_t l = 0; l < k; l++)
                    sum += at(&left, i, l, s) * at(&right, l, j, s);
                *out = (float)((double)scale * sum + (keep != 0 ? (double)keep * (double)*out : 0));
            }
    host_work_end();
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                               int64_t m, int64_t n, int64_t k, const void *alpha, const void *a,
                               cudaDataType a_type, int64_t lda, const void *b, cudaDataType b_type,
                               int64_t ldb, const void *beta, void *c, cudaDataType c_type, int64_t ldc,
                               cublasComputeType_t arithmetic, cublasGemmAlgo_t algorithm) {
    return cublasGemmStridedBatchedEx_64(handle, transa, transb, m, n, k, alpha, a, a_type, lda, 0, b, b_type,
                                         ldb, 0, beta, c, c_type, ldc, 0, 1, arithmetic, algorithm);
}
