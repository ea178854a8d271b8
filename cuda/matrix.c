/* matrix.c: weights on the device, and their products with the activations of a prompt. */
#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"
#include "cuda/product.h"

typedef struct held {
    rkv_matrix base; /* of float32 */
    float *weights;  /* [n, k] device memory */
} held;

rkv_status rkv_cuda_matrix_new(rkv_backend *backend, rkv_weight_form form, size_t n, size_t k,
                               rkv_matrix **out) {
    assert(form == RKV_WEIGHT_F32);
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    held *m = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&m, 1, sizeof *m);
    if (status) return status;
    m->base = (rkv_matrix){form, n, k};
    status = rkv_cuda_take(cuda, &m->weights, n, k * sizeof *m->weights);
    if (status)
        free(m);
    else
        *out = &m->base;
    return status;
}

/* The rows may be overwritten as soon as this returns. */
rkv_status rkv_cuda_matrix_put(rkv_backend *backend, rkv_matrix *matrix, size_t first, size_t rows,
                               const void *host) {
    return rkv_cuda_to_device(rkv_cuda_enter(backend), ((held *)matrix)->weights + first * matrix->k, host,
                              rows * matrix->k * sizeof(float));
}

void rkv_cuda_matrix_free(rkv_backend *backend, rkv_matrix *matrix) {
    if (matrix) rkv_cuda_give(rkv_cuda_enter(backend), ((held *)matrix)->weights);
    free(matrix);
}

rkv_status rkv_cuda_matmul(rkv_backend *backend, const float *x, size_t m, const rkv_matrix *matrix,
                           size_t first, size_t rows, bool accumulate, float *y) {
    const held *w = (const held *)matrix;
    rkv_cuda_product product = {.m = m,
                                .n = rows,
                                .k = matrix->k,
                                .batch = 1,
                                .a = {x, matrix->k, 0},
                                .b = {w->weights + first * matrix->k, matrix->k, 0},
                                .turned = true,
                                .accumulate = accumulate,
                                .y = y,
                                .y_ld = rows};
    return rkv_cuda_multiply(rkv_cuda_enter(backend), &product);
}
