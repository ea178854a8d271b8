/* product.c: products of float32 matrices by cuBLAS. */
#include "cuda/product.h"

/* cuBLAS counts columns first, so it sees every matrix of ours transposed: y^T = b^T a^T. */
rkv_status rkv_cuda_multiply(rkv_cuda *cuda, const rkv_cuda_product *p) {
    const float one = 1, add = p->accumulate ? 1 : 0;
    cublasOperation_t turn = p->turned ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t turn_a = p->a_turned ? CUBLAS_OP_T : CUBLAS_OP_N;
    int64_t m = (int64_t)p->m, n = (int64_t)p->n, k = (int64_t)p->k;
    if (!m || !n || !p->batch || cuda->rehearsed) return RKV_OK;
    cublasStatus_t error =
        p->batch == 1
            ? cublasGemmEx_64(cuda->blas, turn, turn_a, n, m, k, &one, p->b.x, CUDA_R_32F, (int64_t)p->b.ld,
                              p->a.x, CUDA_R_32F, (int64_t)p->a.ld, &add, p->y, CUDA_R_32F, (int64_t)p->y_ld,
                              cuda->arithmetic, CUBLAS_GEMM_DEFAULT)
            : cublasGemmStridedBatchedEx_64(cuda->blas, turn, turn_a, n, m, k, &one, p->b.x, CUDA_R_32F,
                                            (int64_t)p->b.ld, (long long)p->b.stride, p->a.x, CUDA_R_32F,
                                            (int64_t)p->a.ld, (long long)p->a.stride, &add, p->y, CUDA_R_32F,
                                            (int64_t)p->y_ld, (long long)p->y_stride, (int64_t)p->batch,
                                            cuda->arithmetic, CUBLAS_GEMM_DEFAULT);
    return rkv_cublas_check(error, "a product of matrices");
}
