/* cpu_gram.c: Gram matrices of rows, in float64. */
#include <cblas.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "core/memory.h"

/* Rows that are widened to float64 together. */
#define BLOCK ((size_t)128)

/* gram [width, width] += the block's rows^T rows, one triangle; wide holds the block in float64. */
static void add_block(const float *rows, size_t n, size_t width, double *wide, double *gram) {
    for (size_t i = 0; i < n * width; i++)
        wide[i] = (double)rows[i];
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (blasint)width, (blasint)n, 1.0, wide, (blasint)width,
                1.0, gram, (blasint)width);
}

static void form(const rkv_head_rows *list, size_t width, double *wide, double *gram) {
    memset(gram, 0, width * width * sizeof *gram);
    for (size_t i = 0; i < list->n; i += BLOCK)
        add_block(list->rows + i * width, list->n - i < BLOCK ? list->n - i : BLOCK, width, wide, gram);
}

/* On this thread alone: the matrices are small, several threads may be here, and more of them would sum in
 * another order. OpenBLAS asks OpenMP at each call how many it may use. */
rkv_status rkv_cpu_gram(rkv_backend *backend, const rkv_head_rows *lists, size_t n_lists, size_t width,
                        double *const *gram) {
    (void)backend;
    int threads = omp_get_max_threads();
    double *wide = NULL;
    rkv_status status = rkv_alloc_raw(&wide, BLOCK, width * sizeof *wide);
    omp_set_num_threads(1);
    for (size_t i = 0; !status && i < n_lists; i++)
        form(&lists[i], width, wide, gram[i]);
    omp_set_num_threads(threads);
    free(wide);
    return status;
}
