/* cpu_attention.c: causal attention on the CPU, query block by query block. */
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/simd_math.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/simd.h"

/* Queries that share one product with the keys: the triangle above the diagonal of a block is computed in
 * vain. */
#define BLOCK 64

/* row [n] becomes its softmax; the maximum is taken out first, so no exponential overflows. */
RKV_CLONES static void softmax_row(float *row, size_t n) {
    float largest = row[0], sum = 0;
#pragma omp simd reduction(max : largest)
    for (size_t i = 0; i < n; i++)
        largest = row[i] > largest ? row[i] : largest;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += row[i] = rkv_exp(row[i] - largest);
    float scale = 1.0f / sum;
    for (size_t i = 0; i < n; i++)
        row[i] *= scale;
}

/* Queries [first, first + rows) of one head: p [rows, stride] takes their softmax up to column first + rows,
 * out
 * [.., out_stride] the values it weighs. k, v [T, D]. */
static void attend_block(const float *q, const float *k, const float *v, size_t first, size_t rows,
                         size_t head_dim, float *p, size_t stride, float *out, size_t out_stride) {
    size_t keys = first + rows;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)rows, (blasint)keys, (blasint)head_dim,
                1.0f / sqrtf((float)head_dim), q, (blasint)head_dim, k, (blasint)head_dim, 0.0f, p,
                (blasint)stride);
    for (size_t i = 0; i < rows; i++) {
        softmax_row(p + i * stride, first + i + 1);
        memset(p + i * stride + first + i + 1, 0, (rows - i - 1) * sizeof *p);
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)rows, (blasint)head_dim, (blasint)keys,
                1.0f, p, (blasint)stride, v, (blasint)head_dim, 0.0f, out, (blasint)out_stride);
}

/* Block `block` of query head `head`, into attention [H,T,T] or, when that is NULL, through scratch [BLOCK,
 * T]. */
static void attend(const rkv_attention_shape *shape, const float *q, const float *k, const float *v,
                   size_t head, size_t block, float *attention, float *scratch, float *out) {
    size_t n = shape->n_tokens, d = shape->head_dim, kv = head * shape->n_kv_heads / shape->n_heads;
    size_t first = block * BLOCK, rows = n - first < BLOCK ? n - first : BLOCK, keys = first + rows;
    float *p = attention ? attention + (head * n + first) * n : scratch;
    attend_block(q + (head * n + first) * d, k + kv * n * d, v + kv * n * d, first, rows, d, p, n,
                 out + (first * shape->n_heads + head) * d, shape->n_heads * d);
    for (size_t i = 0; attention && i < rows; i++)
        memset(p + i * n + keys, 0, (n - keys) * sizeof *p);
}

rkv_status rkv_cpu_attention(rkv_backend *backend, const float *q, const float *k, const float *v,
                             const rkv_attention_shape *shape, float *attention, float *out) {
    (void)backend;
    size_t blocks = (shape->n_tokens + BLOCK - 1) / BLOCK, threads = (size_t)omp_get_max_threads();
    float *scratch = NULL;
    rkv_status status =
        attention ? RKV_OK : rkv_alloc_raw(&scratch, threads * BLOCK, shape->n_tokens * sizeof *scratch);
    if (status) return status;
    rkv_cpu_blas_threads(1);
    /* The last blocks have the most keys: they go first, so that the threads end together. */
#pragma omp parallel for schedule(dynamic) collapse(2)
    for (size_t b = 0; b < blocks; b++)
        for (size_t h = 0; h < shape->n_heads; h++)
            attend(shape, q, k, v, h, blocks - 1 - b, attention,
                   scratch ? scratch + (size_t)omp_get_thread_num() * BLOCK * shape->n_tokens : NULL, out);
    rkv_cpu_blas_threads((int)threads);
    rkv_free(scratch);
    return RKV_OK;
}
