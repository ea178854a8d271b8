/* matrix.c: weights on the device, and their products with the activations of a prompt. */
#include <stdlib.h>

#include "core/memory.h"
#include "cuda/device.h"

struct rkv_matrix {
    size_t n, k;
    float *weights; /* [n, k] device memory */
};

rkv_status rkv_cuda_matrix_new(rkv_backend *backend, size_t n, size_t k, rkv_matrix **out) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rkv_matrix *m = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&m, 1, sizeof *m);
    if (status) return status;
    *m = (rkv_matrix){.n = n, .k = k};
    status = rkv_cuda_take(cuda, &m->weights, n, k * sizeof *m->weights);
    if (status)
        free(m);
    else
        *out = m;
    return status;
}

/* Pageable memory is staged by the driver: the rows may be overwritten as soon as this returns. */
rkv_status rkv_cuda_matrix_put(rkv_backend *backend, rkv_matrix *matrix, size_t first, size_t rows,
                               const float *host) {
    return rkv_cuda_to_device(rkv_cuda_enter(backend), matrix->weights + first * matrix->k, host,
                              rows * matrix->k * sizeof *host);
}

void rkv_cuda_matrix_free(rkv_backend *backend, rkv_matrix *matrix) {
    if (matrix) rkv_cuda_give(rkv_cuda_enter(backend), matrix->weights);
    free(matrix);
}

/* cuBLAS counts columns first: its y is ours transposed, [rows, m] = w [rows, k] x^T [k, m]. */
rkv_status rkv_cuda_matmul(rkv_backend *backend, const float *x, size_t m, const rkv_matrix *matrix,
                           size_t first, size_t rows, bool accumulate, float *y) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    const float one = 1, add = accumulate ? 1 : 0;
    int64_t n = (int64_t)rows, k = (int64_t)matrix->k;
    if (m == 0 || rows == 0) return RKV_OK;
    return rkv_cublas_check(cublasSgemm_64(cuda->blas, CUBLAS_OP_T, CUBLAS_OP_N, n, (int64_t)m, k, &one,
                                           matrix->weights + first * matrix->k, k, x, k, &add, y, n),
                            "a product of matrices");
}
