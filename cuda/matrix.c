/* matrix.c: weights on the device, in the form of the file, and their products with activations. Float32
 * numbers are multiplied by cuBLAS. Others are decoded into a workspace before that; a few tokens meet them
 * as they lie. */
#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/sizes.h"
#include "cuda/product.h"
#include "cuda/weights.h"

/* The most that decoded rows take at a time. The tests play devices with less. */
#ifndef RKV_DECODED_BYTES
#define RKV_DECODED_BYTES ((size_t)128 << 20)
#endif

typedef struct held {
    rkv_matrix base;
    unsigned char *weights; /* [n, k] device memory */
} held;

static unsigned char *row_at(const held *w, size_t row) {
    return w->weights + row * rkv_weight_bytes(w->base.form, w->base.k);
}

rkv_status rkv_cuda_matrix_new(rkv_backend *backend, rkv_weight_form form, size_t n, size_t k,
                               rkv_matrix **out) {
    assert(RKV_CUDA_WEIGHT_FORMS >> form & 1u && k % rkv_weight_block_numbers(form) == 0);
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    held *m = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&m, 1, sizeof *m);
    if (status) return status;
    m->base = (rkv_matrix){form, n, k};
    status = rkv_cuda_take(cuda, &m->weights, n, rkv_weight_bytes(form, k));
    if (status)
        free(m);
    else
        *out = &m->base;
    return status;
}

/* One copy; the rows may be overwritten as soon as this returns. */
rkv_status rkv_cuda_matrix_put(rkv_backend *backend, rkv_matrix *matrix, size_t first, size_t rows,
                               const void *host) {
    return rkv_cuda_to_device(rkv_cuda_enter(backend), row_at((held *)matrix, first), host,
                              rows * rkv_weight_bytes(matrix->form, matrix->k));
}

void rkv_cuda_matrix_free(rkv_backend *backend, rkv_matrix *matrix) {
    if (matrix) rkv_cuda_give(rkv_cuda_enter(backend), ((held *)matrix)->weights);
    free(matrix);
}

/* ---- products ---- */

/* The product with `rows` decoded weights, of which column `at` of y is the first. */
static rkv_status multiply_rows(rkv_cuda *cuda, const rkv_cuda_product *product, const float *weights,
                                size_t at, size_t rows) {
    rkv_cuda_product part = *product;
    part.b = (rkv_cuda_rows){weights, product->k, 0};
    part.n = rows;
    part.y = product->y + at;
    return rkv_cuda_multiply(cuda, &part);
}

/* All its rows from `first` on, as many at a time as their workspace holds. */
static rkv_status decode_and_multiply(rkv_cuda *cuda, const rkv_cuda_product *product, const held *w,
                                      size_t first) {
    size_t k = product->k;
    size_t most = rkv_smaller(product->n, rkv_larger(RKV_DECODED_BYTES / (k * sizeof(float)), 1));
    float *numbers = NULL;
    rkv_status status = rkv_cuda_take(cuda, &numbers, most, k * sizeof *numbers);
    for (size_t at = 0; !status && at < product->n; at += most) {
        size_t rows = rkv_smaller(product->n - at, most);
        rkv_decode_task task = {w->base.form, row_at(w, first + at), rows * k, numbers};
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_decode(&task, cuda->stream), "decoding weights");
        if (!status) status = multiply_rows(cuda, product, numbers, at, rows);
    }
    rkv_cuda_give(cuda, numbers);
    return status;
}

/* It depends on the shape alone, so that the same pass gives the same bits whatever ran before it: tokens
 * begin where their memory does, or whole tokens later. */
static bool are_few(const rkv_matrix *matrix, const float *x, size_t m) {
    return matrix->form != RKV_WEIGHT_F32 && m <= RKV_FEW_TOKENS && matrix->k % RKV_FEW_STEP == 0 &&
           matrix->k <= RKV_FEW_COLUMNS && (uintptr_t)x % 16 == 0;
}

static rkv_status multiply_few(rkv_cuda *cuda, const rkv_cuda_product *p, const held *w, size_t first) {
    rkv_few_task task = {.form = w->base.form,
                         .weights = row_at(w, first),
                         .x = p->a.x,
                         .m = p->m,
                         .rows = p->n,
                         .k = p->k,
                         .accumulate = p->accumulate,
                         .y = p->y};
    return RKV_CUDA_QUEUE(cuda, rkv_launch_few(&task, cuda->stream), "a product with a few tokens");
}

rkv_status rkv_cuda_matmul(rkv_backend *backend, const float *x, size_t m, const rkv_matrix *matrix,
                           size_t first, size_t rows, bool accumulate, float *y) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    const held *w = (const held *)matrix;
    rkv_cuda_product product = {.m = m,
                                .n = rows,
                                .k = matrix->k,
                                .batch = 1,
                                .a = {x, matrix->k, 0},
                                .turned = true,
                                .accumulate = accumulate,
                                .y = y,
                                .y_ld = rows};
    if (!m || !rows) return RKV_OK;
    if (are_few(matrix, x, m)) return multiply_few(cuda, &product, w, first);
    if (matrix->form != RKV_WEIGHT_F32) return decode_and_multiply(cuda, &product, w, first);
    return multiply_rows(cuda, &product, (const float *)(const void *)row_at(w, first), 0, rows);
}
