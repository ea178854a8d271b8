/* cpu_basis.c: right singular vectors through LAPACKE, in float64. */
#include "backend/basis.h"

#include <lapacke.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"

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

/* The largest squared length of a column. A number that is not finite makes it one. */
static double largest_square(const double *gram, size_t width) {
    double most = 0;
    for (size_t i = 0; i < width; i++) {
        double square = gram[i * width + i];
        if (!(square <= most)) most = square;
        if (!isfinite(square)) break;
    }
    return most;
}

rkv_status rkv_right_singular_vectors(double *gram, size_t width, double *sigma, float *vectors) {
    double most = largest_square(gram, width);
    if (width > INT32_MAX / 2)
        return rkv_fail(RKV_USAGE, "rows of width %zu exceed LAPACK's 32-bit indices", width);
    if (!isfinite(most)) return rkv_fail(RKV_DATA, "the rows hold a number that is not finite");
    if (most == 0) {
        unit_vectors(width, sigma, vectors);
        return RKV_OK;
    }
    /* On this thread alone: the matrices are small, several threads may be here, and more of them would sum
     * in another order. OpenBLAS asks OpenMP at each call how many it may use. */
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    rkv_status status = solve(gram, width, sigma, vectors);
    omp_set_num_threads(threads);
    return status;
}
