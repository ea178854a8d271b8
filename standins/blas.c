/* blas.c: stands in for OpenBLAS. */
#include <cblas.h>
#include <stddef.h>

/* Column-major lower triangle of c = alpha a a^T + beta c, a [n, k]; column by column, so that inner loops
 * run along memory. */
static void rank_k(size_t n, size_t k, double alpha, const double *a, size_t lda, double beta, double *c,
                   size_t ldc) {
    for (size_t j = 0; j < n; j++) {
        for (size_t i = j; i < n; i++)
            c[j * ldc + i] = beta == 0 ? 0 : beta * c[j * ldc + i];
        for (size_t p = 0; p < k; p++) {
            double factor = alpha * a[p * lda + j];
            for (size_t i = j; i < n; i++)
                c[j * ldc + i] += factor * a[p * lda + i];
        }
    }
}

/* The same of a^T a, a [k, n]. */
static void rank_k_transposed(size_t n, size_t k, double alpha, const double *a, size_t lda, double beta,
                              double *c, size_t ldc) {
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            double sum = 0;
            for (size_t p = 0; p < k; p++)
                sum += a[i * lda + p] * a[j * lda + p];
            c[j * ldc + i] = alpha * sum + (beta == 0 ? 0 : beta * c[j * ldc + i]);
        }
}

/* A row-major upper triangle is a column-major lower one, of the transposed a: the two that backend/ asks
 * for. */
void cblas_dsyrk(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, blasint n, blasint k,
                 double alpha, const double *a, blasint lda, double beta, double *c, blasint ldc) {
    (void)uplo;
    if ((order == CblasColMajor) == (trans == CblasNoTrans))
        rank_k((size_t)n, (size_t)k, alpha, a, (size_t)lda, beta, c, (size_t)ldc);
    else
        rank_k_transposed((size_t)n, (size_t)k, alpha, a, (size_t)lda, beta, c, (size_t)ldc);
}

const char *openblas_get_config(void) {
    return "plain loops for BLAS and LAPACK";
}

const char *openblas_get_corename(void) {
    return "plain";
}

int openblas_get_num_threads(void) {
    return 1;
}

void openblas_set_num_threads(int n) {
    (void)n;
}
