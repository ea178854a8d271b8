/* cpu_matrix.c: weights in panels, and their products with the activations of a prompt. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/cpu_gemm.h"
#include "core/fail.h"
#include "core/memory.h"

typedef struct panels {
    rkv_matrix base; /* of float32 */
    const rkv_tile *tile;
    float *panels; /* [ceil(n / panel), k, panel] */
} panels;

rkv_status rkv_cpu_matrix_new(rkv_backend *backend, rkv_weight_form form, size_t n, size_t k,
                              rkv_matrix **out) {
    (void)backend;
    assert(form == RKV_WEIGHT_F32);
    panels *m = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&m, 1, sizeof *m);
    if (status) return status;
    *m = (panels){.base = {form, n, k}, .tile = rkv_tile_best()};
    size_t floats, last = (n - 1) / m->tile->panel * m->tile->panel * k;
    if (!rkv_multiply(rkv_whole_panels(m->tile, n), k, &floats))
        status = rkv_fail(RKV_NO_MEMORY, "out of memory: a matrix of %zu x %zu", n, k);
    if (!status) status = rkv_alloc_raw(&m->panels, floats, sizeof *m->panels);
    if (status) {
        free(m);
        return status;
    }
    memset(m->panels + last, 0, (floats - last) * sizeof *m->panels); /* columns past n stay 0 */
    *out = &m->base;
    return RKV_OK;
}

rkv_status rkv_cpu_matrix_put(rkv_backend *backend, rkv_matrix *matrix, size_t first, size_t rows,
                              const void *host) {
    (void)backend;
    const panels *m = (const panels *)matrix;
    rkv_pack_transposed(m->tile, host, rows, matrix->k, m->panels, first);
    return RKV_OK;
}

void rkv_cpu_matrix_free(rkv_backend *backend, rkv_matrix *matrix) {
    (void)backend;
    if (matrix) free(((panels *)matrix)->panels);
    free(matrix);
}

/* Rows of x that are multiplied with every panel before the next rows: a multiple of every tile's rows, small
 * enough that they stay in the second-level cache. */
#define BLOCK_ROWS ((size_t)252)

rkv_status rkv_cpu_matmul(rkv_backend *backend, const float *x, size_t m, const rkv_matrix *matrix,
                          size_t first, size_t rows, bool accumulate, float *y) {
    (void)backend;
    const panels *w = (const panels *)matrix;
    const rkv_tile *tile = w->tile;
    size_t k = matrix->k, n_panels = (rows + tile->panel - 1) / tile->panel;
#pragma omp parallel
    for (size_t i = 0; i < m; i += BLOCK_ROWS) {
        size_t block = m - i < BLOCK_ROWS ? m - i : BLOCK_ROWS;
#pragma omp for schedule(static) nowait
        for (size_t p = 0; p < n_panels; p++) {
            size_t j = p * tile->panel, n = rows - j < tile->panel ? rows - j : tile->panel;
            rkv_panels b = {w->panels + (first + j) * k, k * tile->panel, tile->panel};
            rkv_gemm(tile, x + i * k, k, block, b, n, k, y + i * rows + j, rows, accumulate);
        }
    }
    return RKV_OK;
}
