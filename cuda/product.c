/* product.c: products of float32 matrices by cuBLAS. */
#include "cuda/product.h"

#include "cuda/kernels.h"

/* cuBLAS counts columns first, so it sees every matrix of ours transposed: y^T = b^T a^T. */
typedef struct sizes {
    cublasOperation_t turn_b, turn_a;
    int64_t n, m, k, b_ld, a_ld, y_ld, batch;
} sizes;

static sizes sizes_of(const rkv_cuda_product *p) {
    return (sizes){.turn_b = p->turned ? CUBLAS_OP_T : CUBLAS_OP_N,
                   .turn_a = p->a_turned ? CUBLAS_OP_T : CUBLAS_OP_N,
                   .n = (int64_t)p->n,
                   .m = (int64_t)p->m,
                   .k = (int64_t)p->k,
                   .b_ld = (int64_t)p->b.ld,
                   .a_ld = (int64_t)p->a.ld,
                   .y_ld = (int64_t)p->y_ld,
                   .batch = (int64_t)p->batch};
}

static cublasStatus_t multiply_one(const rkv_cuda *cuda, const rkv_cuda_product *p) {
    const float one = 1, add = p->accumulate ? 1 : 0;
    sizes s = sizes_of(p);
    return cublasGemmEx_64(cuda->blas, s.turn_b, s.turn_a, s.n, s.m, s.k, &one, p->b.x, CUDA_R_32F, s.b_ld,
                           p->a.x, CUDA_R_32F, s.a_ld, &add, p->y, CUDA_R_32F, s.y_ld, cuda->arithmetic,
                           CUBLAS_GEMM_DEFAULT);
}

static cublasStatus_t multiply_strided(const rkv_cuda *cuda, const rkv_cuda_product *p) {
    const float one = 1, add = p->accumulate ? 1 : 0;
    sizes s = sizes_of(p);
    return cublasGemmStridedBatchedEx_64(
        cuda->blas, s.turn_b, s.turn_a, s.n, s.m, s.k, &one, p->b.x, CUDA_R_32F, s.b_ld,
        (long long)p->b.stride, p->a.x, CUDA_R_32F, s.a_ld, (long long)p->a.stride, &add, p->y, CUDA_R_32F,
        s.y_ld, (long long)p->y_stride, s.batch, cuda->arithmetic, CUBLAS_GEMM_DEFAULT);
}

/* pointers [3, batch]: where each a, b and y begins. */
static cublasStatus_t multiply_pointed(const rkv_cuda *cuda, const rkv_cuda_product *p, float **pointers) {
    const float one = 1, add = p->accumulate ? 1 : 0;
    sizes s = sizes_of(p);
    const void *const *all = (const void *const *)pointers;
    return cublasGemmBatchedEx_64(cuda->blas, s.turn_b, s.turn_a, s.n, s.m, s.k, &one, all + p->batch,
                                  CUDA_R_32F, s.b_ld, all, CUDA_R_32F, s.a_ld, &add,
                                  (void *const *)(pointers + 2 * p->batch), CUDA_R_32F, s.y_ld, s.batch,
                                  cuda->arithmetic, CUBLAS_GEMM_DEFAULT);
}

/* A b that several share has no stride: cuBLAS is told where each matrix begins. A kernel writes that down,
 * so that nothing is copied first and waited for. */
static rkv_status multiply_shared(rkv_cuda *cuda, const rkv_cuda_product *p) {
    rkv_batch_places_task places = {.a = p->a.x,
                                    .b = p->b.x,
                                    .y = p->y,
                                    .a_stride = p->a.stride,
                                    .b_stride = p->b.stride,
                                    .y_stride = p->y_stride,
                                    .shared = p->shared,
                                    .batch = p->batch};
    rkv_status status = rkv_cuda_take(cuda, &places.places, 3 * p->batch, sizeof *places.places);
    if (!status)
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_batch_places(&places, cuda->stream), "places of matrices");
    if (!status && !cuda->rehearsed)
        status = rkv_cublas_check(multiply_pointed(cuda, p, places.places), "products of matrices");
    rkv_cuda_give(cuda, places.places);
    return status;
}

rkv_status rkv_cuda_multiply(rkv_cuda *cuda, const rkv_cuda_product *p) {
    if (!p->m || !p->n || !p->batch) return RKV_OK;
    if (p->batch > 1 && p->shared > 1) return multiply_shared(cuda, p);
    if (cuda->rehearsed) return RKV_OK;
    return rkv_cublas_check(p->batch == 1 ? multiply_one(cuda, p) : multiply_strided(cuda, p),
                            "a product of matrices");
}
