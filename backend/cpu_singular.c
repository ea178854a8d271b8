/* cpu_singular.c: singular values on the CPU through LAPACKE, in float64, one matrix per thread. */
#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "backend/cpu.h"
#include "backend/rank_error.h"
#include "backend/rank_terms.h"
#include "core/fail.h"
#include "core/memory.h"

/* Above this order LAPACK's two-stage tridiagonal reduction is faster than the classical one (one
 * thread, ms: 12 against 9 at order 512, 60 against 74 at 1024, 326 against 540 at 2048). */
#define TWO_STAGE_ORDER 768

static rkv_status lapack_failed(const char *routine, lapack_int info) {
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return rkv_fail(RKV_NO_MEMORY, "out of memory: workspace of %s", routine);
    return rkv_fail(RKV_ERROR, "%s failed with info = %d", routine, (int)info);
}

/* work [rows, cols] = a as float64; false when an element is not finite. */
static bool widen(const float *a, size_t rows, size_t cols, bool lower, double *work) {
    bool finite = true;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            float x = lower && j > i ? 0 : a[i * cols + j];
            finite &= isfinite(x) != 0;
            work[i * cols + j] = (double)x;
        }
    return finite;
}

/* By LAPACK's SVD. work [rows, cols] is destroyed. A row-major matrix is its own transpose in LAPACK's eyes,
 * and the singular values are the same. */
static rkv_status by_svd(double *work, size_t rows, size_t cols, double *sigma) {
    double none;
    lapack_int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (lapack_int)cols, (lapack_int)rows, work,
                                     (lapack_int)cols, sigma, &none, 1, &none, 1);
    return info ? lapack_failed("dgesdd", info) : RKV_OK;
}

/* Copies the upper triangle of g [n, n] (column-major) onto the lower one, in tiles that stay in cache. */
static void mirror_lower(double *g, size_t n) {
    const size_t tile = 32;
    for (size_t j0 = 0; j0 < n; j0 += tile)
        for (size_t i0 = 0; i0 <= j0; i0 += tile)
            for (size_t j = j0; j < j0 + tile && j < n; j++)
                for (size_t i = i0; i < i0 + tile && i < j; i++)
                    g[i * n + j] = g[j * n + i];
}

/* Lower triangle (in LAPACK's column-major eyes) of the smaller Gram matrix. In place for triangular
 * matrices: dlauum forms A^T A at a third of the cost of a general product. *order is its order, *gram where
 * it is. */
static rkv_status form_gram(double *work, size_t rows, size_t cols, bool lower, double **gram,
                            size_t *order) {
    size_t n = rows < cols ? rows : cols;
    *order = n;
    if (lower) {
        *gram = work;
        lapack_int info = LAPACKE_dlauum(LAPACK_COL_MAJOR, 'U', (lapack_int)n, work, (lapack_int)n);
        mirror_lower(work, n);
        return info ? lapack_failed("dlauum", info) : RKV_OK;
    }
    rkv_status status = rkv_alloc(gram, n * n, sizeof **gram);
    if (status) return status;
    cblas_dsyrk(CblasColMajor, CblasLower, cols <= rows ? CblasNoTrans : CblasTrans, (blasint)n,
                (blasint)(cols <= rows ? rows : cols), 1.0, work, (blasint)cols, 0.0, *gram, (blasint)n);
    return RKV_OK;
}

/* By the eigenvalues of the Gram matrix: sigma = sqrt(lambda). work is destroyed. *error estimates the
 * relative error of the effective rank. */
static rkv_status by_gram(double *work, size_t rows, size_t cols, bool lower, double *sigma, double *error) {
    double *gram = NULL;
    size_t n = 0;
    rkv_status status = form_gram(work, rows, cols, lower, &gram, &n);
    if (!status) {
        lapack_int order = (lapack_int)n, info;
        if (n < TWO_STAGE_ORDER)
            info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'N', 'L', order, gram, order, sigma);
        else
            info = LAPACKE_dsyevd_2stage(LAPACK_COL_MAJOR, 'N', 'L', order, gram, order, sigma);
        if (info) status = lapack_failed("dsyevd", info);
    }
    if (gram != work) free(gram);
    if (status) return status;
    *error = rkv_sigma_of_gram(sigma, n, RKV_LAPACK_GRAM_NOISE);
    return RKV_OK;
}

/* Singular values sigma of one matrix a [rows, cols]; work holds rows * cols. */
static rkv_status solve(const rkv_singular_task *task, size_t index, double *work) {
    size_t rows = task->rows, cols = task->cols, n = rows < cols ? rows : cols;
    const float *a = task->matrices + index * rows * cols;
    double *sigma = task->sigma + index * n;
    bool svd = task->solver == RKV_SOLVER_SVD;
    rkv_status status = RKV_OK;
    if (!widen(a, rows, cols, task->lower_triangular, work))
        return rkv_fail(RKV_DATA, "matrix %zu holds a value that is not finite", index);
    if (!svd) {
        double error = 0;
        status = by_gram(work, rows, cols, task->lower_triangular, sigma, &error);
        svd = !status && !(error <= RKV_RANK_ERROR_LIMIT);
        if (svd) widen(a, rows, cols, task->lower_triangular, work);
    }
    if (svd) status = by_svd(work, rows, cols, sigma);
    if (!status && task->erank) task->erank[index] = rkv_effective_rank_of_sigma(sigma, n);
    if (task->svd_used) task->svd_used[index] = svd;
    return status;
}

rkv_status rkv_cpu_singular_values(rkv_backend *backend, const rkv_singular_task *task) {
    (void)backend;
    if (task->rows > INT32_MAX / 2 || task->cols > INT32_MAX / 2)
        return rkv_fail(RKV_USAGE, "matrix of %zu x %zu is larger than LAPACK's 32-bit indices allow",
                        task->rows, task->cols);
    size_t all = (size_t)omp_get_max_threads();
    int threads = (int)(task->n < all ? task->n : all);
    rkv_first_failure failure = {0};
    /* Also for one matrix alone: on these shapes OpenBLAS is slower on two threads than on one. */
    int before = rkv_cpu_blas_threads(1);
#pragma omp parallel num_threads(threads)
    {
        double *work = NULL;
        /* Within this region: OpenBLAS on OpenMP asks for it at each call, whatever it was told before. */
        omp_set_num_threads(1);
        rkv_first_failure_note(&failure, rkv_alloc_raw(&work, task->rows * task->cols, sizeof *work));
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < task->n; i++)
            if (!rkv_first_failure_seen(&failure)) rkv_first_failure_note(&failure, solve(task, i, work));
        free(work);
    }
    rkv_cpu_blas_threads(before);
    return rkv_first_failure_raise(&failure);
}
