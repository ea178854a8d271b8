/* blas.c: cuBLAS, as far as the module uses it: plain loops, sums in float64 rounded once. */
#include <cublas_v2.h>
#include <stdbool.h>
#include <stdint.h>
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

/* What was lent is no longer used. */
static void forget_workspace(cublasHandle_t handle) {
    if (handle->workspace) host_workspace_return(handle->workspace);
    handle->workspace = NULL;
    handle->bytes = 0;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    forget_workspace(handle);
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    if (!handle || !stream) return CUBLAS_STATUS_NOT_INITIALIZED;
    handle->stream = stream;
    forget_workspace(handle); /* and works in its own again */
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes) {
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if ((uintptr_t)workspace % 256) return CUBLAS_STATUS_INVALID_VALUE;
    forget_workspace(handle);
    handle->workspace = workspace;
    handle->bytes = bytes;
    if (workspace) host_workspace_lend(workspace);
    return CUBLAS_STATUS_SUCCESS;
}

static size_t uncounted;

size_t host_blas_uncounted(void) {
    return uncounted;
}

void host_blas_begin(const struct host_blas *handle) {
    host_work_begin(handle->stream);
    if (handle->workspace)
        host_workspace_use(handle->stream, handle->workspace, handle->bytes);
    else
        uncounted++;
}

void host_blas_end(void) {
    host_work_end();
}

/* Matrices as cuBLAS takes them, columns first: `stride` apart, or where the list `each` in device memory
 * says.
 */
typedef struct operand {
    cublasOperation_t operation;
    const float *x;
    long long stride;
    const void *const *each;
    int64_t ld;
} operand;

static const float *matrix(const operand *o, int64_t batch) {
    return o->each ? (const float *)o->each[batch] : o->x + batch * o->stride;
}

static double at(const operand *o, const float *x, int64_t row, int64_t column) {
    return (double)x[o->operation == CUBLAS_OP_T ? column + row * o->ld : row + column * o->ld];
}

static bool is_valid(const operand *o, int64_t rows, int64_t columns) {
    int64_t least = o->operation == CUBLAS_OP_T ? columns : rows;
    return o->ld >= (least > 1 ? least : 1);
}

typedef struct product {
    int64_t m, n, k, batch;
    operand a, b, c;
    float scale, keep;
} product;

static void multiply(const product *p, int64_t s) {
    const float *a = matrix(&p->a, s), *b = matrix(&p->b, s);
    float *c = (float *)matrix(&p->c, s);
    for (int64_t j = 0; j < p->n; j++)
        for (int64_t i = 0; i < p->m; i++) {
            float *out = c + i + j * p->c.ld;
            double sum = 0;
            for (int64_t l = 0; l < p->k; l++)
                sum += at(&p->a, a, i, l) * at(&p->b, b, l, j);
            *out = (float)((double)p->scale * sum + (p->keep != 0 ? (double)p->keep * (double)*out : 0));
        }
}

static cublasStatus_t multiply_all(cublasHandle_t handle, const product *p, cudaDataType a, cudaDataType b,
                                   cudaDataType c) {
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (p->m < 0 || p->n < 0 || p->k < 0 || p->batch < 0 || !is_valid(&p->a, p->m, p->k) ||
        !is_valid(&p->b, p->k, p->n) || !is_valid(&p->c, p->m, p->n) || a != CUDA_R_32F || b != CUDA_R_32F ||
        c != CUDA_R_32F)
        return CUBLAS_STATUS_INVALID_VALUE;
    host_blas_begin(handle);
    for (int64_t s = 0; s < p->batch; s++)
        multiply(p, s);
    host_blas_end();
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmStridedBatchedEx_64(cublasHandle_t handle, cublasOperation_t transa,
                                             cublasOperation_t transb, int64_t m, int64_t n, int64_t k,
                                             const void *alpha, const void *a, cudaDataType a_type,
                                             int64_t lda, long long stride_a, const void *b,
                                             cudaDataType b_type, int64_t ldb, long long stride_b,
                                             const void *beta, void *c, cudaDataType c_type, int64_t ldc,
                                             long long stride_c, int64_t batch,
                                             cublasComputeType_t arithmetic, cublasGemmAlgo_t algorithm) {
    product p = {m,
                 n,
                 k,
                 batch,
                 {transa, a, stride_a, NULL, lda},
                 {transb, b, stride_b, NULL, ldb},
                 {CUBLAS_OP_N, c, stride_c, NULL, ldc},
                 *(const float *)alpha,
                 *(const float *)beta};
    (void)arithmetic, (void)algorithm;
    return multiply_all(handle, &p, a_type, b_type, c_type);
}

cublasStatus_t cublasGemmBatchedEx_64(cublasHandle_t handle, cublasOperation_t transa,
                                      cublasOperation_t transb, int64_t m, int64_t n, int64_t k,
                                      const void *alpha, const void *const a[], cudaDataType a_type,
                                      int64_t lda, const void *const b[], cudaDataType b_type, int64_t ldb,
                                      const void *beta, void *const c[], cudaDataType c_type, int64_t ldc,
                                      int64_t batch, cublasComputeType_t arithmetic,
                                      cublasGemmAlgo_t algorithm) {
    product p = {m,
                 n,
                 k,
                 batch,
                 {transa, NULL, 0, a, lda},
                 {transb, NULL, 0, b, ldb},
                 {CUBLAS_OP_N, NULL, 0, (const void *const *)c, ldc},
                 *(const float *)alpha,
                 *(const float *)beta};
    (void)arithmetic, (void)algorithm;
    return multiply_all(handle, &p, a_type, b_type, c_type);
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                               int64_t m, int64_t n, int64_t k, const void *alpha, const void *a,
                               cudaDataType a_type, int64_t lda, const void *b, cudaDataType b_type,
                               int64_t ldb, const void *beta, void *c, cudaDataType c_type, int64_t ldc,
                               cublasComputeType_t arithmetic, cublasGemmAlgo_t algorithm) {
    return cublasGemmStridedBatchedEx_64(handle, transa, transb, m, n, k, alpha, a, a_type, lda, 0, b, b_type,
                                         ldb, 0, beta, c, c_type, ldc, 0, 1, arithmetic, algorithm);
}
