/* blas_double.c: cuBLAS's products of float64 matrices, column by column as fast loops have it. */
#include <cublas_v2.h>
#include <stdbool.h>

#include "cuda_host/host_blas.h"

/* c [m, n] = a [m, k] b [k, n] (+ c), of which operand is transposed: element (i, l) of a is a[i * a_row + l
 * * a_column]. */
static void multiply(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, int64_t a_column,
                     const double *b, int64_t b_row, int64_t b_column, bool add, double *c, int64_t ldc) {
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = 0; !add && i < m; i++)
            c[i + j * ldc] = 0;
        for (int64_t l = 0; l < k; l++) {
            double factor = b[l * b_row + j * b_column];
            for (int64_t i = 0; i < m; i++)
                c[i + j * ldc] += a[i * a_row + l * a_column] * factor;
        }
    }
}

/* alpha 1 and beta 0 or 1 only. */
cublasStatus_t cublasDgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t transa,
                                            cublasOperation_t transb, int64_t m, int64_t n, int64_t k,
                                            const double *alpha, const double *a, int64_t lda,
                                            long long stride_a, const double *b, int64_t ldb,
                                            long long stride_b, const double *beta, double *c, int64_t ldc,
                                            long long stride_c, int64_t batch) {
    bool a_turned = transa == CUBLAS_OP_T, b_turned = transb == CUBLAS_OP_T;
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (m < 0 || n < 0 || k < 0 || batch < 0 || *alpha != 1 || (*beta != 0 && *beta != 1) || ldc < m ||
        lda < (a_turned ? k : m) || ldb < (b_turned ? n : k))
        return CUBLAS_STATUS_INVALID_VALUE;
    host_blas_begin(handle);
    for (int64_t s = 0; s < batch; s++)
        multiply(m, n, k, a + s * stride_a, a_turned ? lda : 1, a_turned ? 1 : lda, b + s * stride_b,
                 b_turned ? ldb : 1, b_turned ? 1 : ldb, *beta == 1, c + s * stride_c, ldc);
    host_blas_end();
    return CUBLAS_STATUS_SUCCESS;
}
