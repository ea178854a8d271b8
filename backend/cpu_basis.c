/* cpu_basis.c: right singular vectors through LAPACKE, in float64. */
#include "backend/basis.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"

/* Rows that are widened to float64 together. */
#define BLOCK ((size_t)128)

/* gram [width, width] += the block's rows^T rows, one triangle; wide holds the block in float64. */
static bool add_block(const float *rows, size_t n, size_t width, double *wide, double *gram) {
    bool finite = true;
    for (size_t i = 0; i < n * width; i++) {
        finite &= isfinite(rows[i]) != 0;
        wide[i] = (double)rows[i];
    }
    if (finite)
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (blasint)width, (blasint)n, 1.0, wide,
                    (blasint)width, 1.0, gram, (blasint)width);
    return finite;
}

static rkv_status form_gram(const float *rows, size_t n, size_t width, double *gram) {
    double *wide = NULL;
    rkv_status status = rkv_alloc_raw(&wide, BLOCK, width * sizeof *wide);
    for (size_t i = 0; !status && i < n; i += BLOCK)
        if (!add_block(rows + i * width, n - i < BLOCK ? n - i : BLOCK, width, wide, gram))
            status = rkv_fail(RKV_DATA, "rows %zu to %zu hold a number that is not finite", i,
                              (n - i < BLOCK ? n : i + BLOCK) - 1);
    free(wide);
    return status;
}

/* LAPACK gives an eigenvector and its negative as it likes: one of them is chosen. */
static void take_vector(const double *from, size_t width, float *to) {
    size_t at = 0;
    for (size_t i = 1; i < width; i++)
        if (fabs(from[i]) > fabs(from[at])) at = i;
    for (size_t i = 0; i < width; i++)
        to[i] = (float)(from[at] < 0 ? -from[i] : from[i]);
}

/* A row-major upper triangle is LAPACK's lower one; eigenvectors come as rows, values ascending. */
static rkv_status solve(double *gram, size_t width, double *sigma, float *vectors) {
    lapack_int info =
        LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', (lapack_int)width, gram, (lapack_int)width, sigma);
    if (info == LAPACK_WORK_MEMORY_ERROR)
        return rkv_fail(RKV_NO_MEMORY, "out of memory: workspace of dsyevd");
    if (info) return rkv_fail(RKV_ERROR, "dsyevd failed with info = %d", (int)info);
    for (size_t i = 0; i < width; i++)
        take_vector(gram + (width - 1 - i) * width, width, vectors + i * width);
    for (size_t i = 0; i < width - i; i++) {
        double low = sigma[i], high = sigma[width - 1 - i];
        sigma[i] = high > 0 ? sqrt(high) : 0;
        sigma[width - 1 - i] = low > 0 ? sqrt(low) : 0;
    }
    return RKV_OK;
}

static void unit_vectors(size_t width, double *sigma, float *vectors) {
    for (size_t i = 0; i < width; i++) {
        sigma[i] = 0;
        for (size_t j = 0; j < width; j++)
            vectors[i * width + j] = i == j;
    }
}

static bool all_zero(const double *gram, size_t width) {
    for (size_t i = 0; i < width; i++)
        if (gram[i * width + i] > 0) return false;
    return true;
}

rkv_status rkv_right_singular_vectors(const float *rows, size_t n, size_t width, double *sigma,
                                      float *vectors) {
    double *gram = NULL;
    if (width > INT32_MAX / 2)
        return rkv_fail(RKV_USAGE, "rows of width %zu exceed LAPACK's 32-bit indices", width);
    rkv_status status = rkv_alloc(&gram, width, width * sizeof *gram);
    if (status) return status;
    /* On this thread alone: the matrices are small, several threads may be here, and more of them would sum
     * in another order. OpenBLAS asks OpenMP at each call how many it may use. */
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    status = form_gram(rows, n, width, gram);
    if (!status && all_zero(gram, width))
        unit_vectors(width, sigma, vectors);
    else if (!status)
        status = solve(gram, width, sigma, vectors);
    omp_set_num_threads(threads);
    free(gram);
    return status;
}
