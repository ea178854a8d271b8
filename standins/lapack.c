/* lapack.c: stands in for LAPACK: plain loops, column-major, eigenvalues and singular values without vectors
 * (Golub and Van Loan 2013, 8.3 and 8.6), eigenvectors of small matrices by Jacobi's rotations (8.5). */
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static double dot(const double *x, const double *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static void add_scaled(double *y, double factor, const double *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

/* Makes x [n] the vector v, v[0] = 1, of the reflection 1 - tau v v^T that turns it into (beta, 0, ..).
 * Returns beta; tau = 0 when there is nothing to reflect. Scaled, lest squares overflow or vanish. */
static double reflect(double *x, size_t n, double *tau) {
    double largest = 0, rest = 0, alpha = x[0];
    for (size_t i = 1; i < n; i++)
        largest = fmax(largest, fabs(x[i]));
    *tau = 0;
    x[0] = 1;
    if (largest == 0) return alpha;
    largest = fmax(largest, fabs(alpha));
    for (size_t i = 1; i < n; i++)
        rest += x[i] / largest * (x[i] / largest);
    double beta = -copysign(largest * sqrt(alpha / largest * (alpha / largest) + rest), alpha);
    *tau = (beta - alpha) / beta;
    for (size_t i = 1; i < n; i++)
        x[i] /= alpha - beta;
    return beta;
}

/* ---- the tridiagonal eigenvalue problem ---- */

/* One step of QL with Wilkinson's shift on the rows l .. m of a symmetric tridiagonal matrix, diagonal d and
 * e[i] between i and i + 1. */
static void ql_step(double *d, double *e, size_t l, size_t m) {
    double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1), s = 1, c = 1, p = 0;
    g = d[m] - d[l] + e[l] / (g + copysign(r, g));
    for (size_t i = m; i-- > l;) {
        double f = s * e[i], b = c * e[i];
        r = hypot(f, g);
        if (i + 1 < m) e[i + 1] = r;
        if (r == 0) { /* the matrix falls apart here */
            d[i + 1] -= p;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
    }
    d[l] -= p;
    e[l] = g;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void reverse(double *x, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        double other = x[n - 1 - i];
        x[n - 1 - i] = x[i];
        x[i] = other;
    }
}

/* Eigenvalues, ascending, in d [n]; e [n - 1] is destroyed. An e of at most `negligible` counts as zero.
 * Returns how many did not converge. */
static lapack_int tridiagonal_eigenvalues(double *d, double *e, size_t n, double negligible) {
    if (fabs(d[0]) > fabs(d[n - 1])) { /* QL keeps small values exact where they come first */
        reverse(d, n);
        reverse(e, n - 1);
    }
    for (size_t l = 0; l < n; l++)
        for (int steps = 0;; steps++) {
            size_t m = l;
            while (m + 1 < n &&
                   fabs(e[m]) > fmax(negligible, DBL_EPSILON / 2 * (fabs(d[m]) + fabs(d[m + 1]))))
                m++;
            if (m == l) break;
            if (steps == 100) return (lapack_int)(n - l);
            ql_step(d, e, l, m);
        }
    qsort(d, n, sizeof *d, ascending);
    return 0;
}

/* ---- eigenvalues ---- */

/* y [n] = a x, of the symmetric a its lower triangle. */
static void symmetric_product(const double *a, size_t lda, size_t n, const double *x, double *y) {
    memset(y, 0, n * sizeof *y);
    for (size_t j = 0; j < n; j++) {
        const double *column = a + j * lda + j;
        y[j] += column[0] * x[j] + dot(column + 1, x + j + 1, n - j - 1);
        add_scaled(y + j + 1, x[j], column + 1, n - j - 1);
    }
}

/* To tridiagonal form by reflections from the first column on, as dsytrd 'L'; w [n] is scratch. */
static void tridiagonalise(double *a, size_t lda, size_t n, double *d, double *e, double *w) {
    for (size_t k = 0; k + 1 < n; k++) {
        double tau, *v = a + k * lda + k + 1, *rest = v + lda;
        size_t m = n - k - 1;
        d[k] = a[k * lda + k];
        e[k] = reflect(v, m, &tau);
        if (tau == 0) continue;
        symmetric_product(rest, lda, m, v, w);
        double half = tau * tau / 2 * dot(w, v, m);
        for (size_t i = 0; i < m; i++)
            w[i] = tau * w[i] - half * v[i];
        for (size_t j = 0; j < m; j++) {
            add_scaled(rest + j * lda + j, -w[j], v + j, m - j);
            add_scaled(rest + j * lda + j, -v[j], w + j, m - j);
        }
    }
    d[n - 1] = a[(n - 1) * lda + n - 1];
}

/* ---- eigenvectors ---- */

/* Rotates the rows, or the columns, x and y [n], both `step` apart. */
static void rotate(double *x, double *y, size_t n, size_t step, double c, double s) {
    for (size_t i = 0; i < n * step; i += step) {
        double was = x[i];
        x[i] = c * was - s * y[i];
        y[i] = s * was + c * y[i];
    }
}

/* Makes element (p, q) of the symmetric a [n, n] zero; v takes the same rotation. */
static void annihilate(double *a, size_t lda, double *v, size_t n, size_t p, size_t q) {
    double *column_p = a + p * lda, *column_q = a + q * lda;
    if (column_q[p] == 0) return;
    double tau = (column_q[q] - column_p[p]) / (2 * column_q[p]);
    double t = copysign(1, tau) / (fabs(tau) + hypot(tau, 1)), c = 1 / hypot(t, 1), s = t * c;
    rotate(column_p, column_q, n, 1, c, s);
    rotate(a + p, a + q, n, lda, c, s);
    rotate(v + p * n, v + q * n, n, 1, c, s);
}

static double off_diagonal(const double *a, size_t lda, size_t n) {
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += dot(a + j * lda, a + j * lda, j);
    return sqrt(2 * sum);
}

/* Columns of v [n, n] to a, in ascending order of the diagonal, which goes to w [n]. */
static void sort_vectors(double *a, size_t lda, double *v, size_t n, double *w) {
    for (size_t j = 0; j < n; j++)
        w[j] = a[j * lda + j];
    for (size_t j = 0; j < n; j++) {
        size_t least = j;
        for (size_t i = j + 1; i < n; i++)
            if (w[i] < w[least]) least = i;
        double value = w[least];
        w[least] = w[j], w[j] = value;
        memcpy(a + j * lda, v + least * n, n * sizeof *v);
        memcpy(v + least * n, v + j * n, n * sizeof *v);
    }
}

static lapack_int eigenvectors(double *a, size_t lda, size_t n, double *w) {
    double *v = calloc(n * n, sizeof *v), norm = 0;
    if (!v) return LAPACK_WORK_MEMORY_ERROR;
    for (size_t j = 0; j < n; j++) {
        v[j * n + j] = 1;
        for (size_t i = 0; i < j; i++)
            a[j * lda + i] = a[i * lda + j];
    }
    for (size_t j = 0; j < n; j++)
        norm = hypot(norm, sqrt(dot(a + j * lda, a + j * lda, n)));
    int sweeps = 0;
    for (; sweeps < 50 && off_diagonal(a, lda, n) > DBL_EPSILON * norm; sweeps++)
        for (size_t q = 1; q < n; q++)
            for (size_t p = 0; p < q; p++)
                annihilate(a, lda, v, n, p, q);
    sort_vectors(a, lda, v, n, w);
    free(v);
    return sweeps == 50;
}

lapack_int LAPACKE_dsyevd(int layout, char jobz, char uplo, lapack_int n, double *a, lapack_int lda,
                          double *w) {
    if (layout != LAPACK_COL_MAJOR) return -1;
    if (jobz != 'N' && jobz != 'V') return -2;
    if (uplo != 'L') return -3;
    if (n == 0) return 0;
    if (jobz == 'V') return eigenvectors(a, (size_t)lda, (size_t)n, w);
    double *e = malloc(2 * (size_t)n * sizeof *e);
    if (!e) return LAPACK_WORK_MEMORY_ERROR;
    tridiagonalise(a, (size_t)lda, (size_t)n, w, e, e + n);
    lapack_int info = tridiagonal_eigenvalues(w, e, (size_t)n, 0);
    free(e);
    return info;
}

lapack_int LAPACKE_dsyevd_2stage(int layout, char jobz, char uplo, lapack_int n, double *a, lapack_int lda,
                                 double *w) {
    return LAPACKE_dsyevd(layout, jobz, uplo, n, a, lda, w);
}

lapack_int LAPACKE_dlauum(int layout, char uplo, lapack_int n, double *a, lapack_int lda) {
    size_t order = (size_t)n, ld = (size_t)lda;
    if (layout != LAPACK_COL_MAJOR) return -1;
    if (uplo != 'U') return -2;
    for (size_t j = 0; j < order; j++) {
        double *column = a + j * ld, corner = column[j];
        for (size_t i = 0; i <= j; i++)
            column[i] *= corner;
        for (size_t k = j + 1; k < order; k++)
            add_scaled(column, a[k * ld + j], a + k * ld, j + 1);
    }
    return 0;
}

/* ---- singular values ---- */

/* a [m, n], m >= n, to upper bidiagonal form: diagonal and superdiagonal in turn in e [2n - 1]; w [m + n] is
 * scratch. */
static void bidiagonalise(double *a, size_t lda, size_t m, size_t n, double *e, double *w) {
    double *row = w + m;
    for (size_t k = 0; k < n; k++) {
        double tau, *v = a + k * lda + k;
        size_t rows = m - k, columns = n - k - 1;
        e[2 * k] = reflect(v, rows, &tau);
        for (size_t j = 1; j <= columns; j++)
            add_scaled(v + j * lda, -tau * dot(v, v + j * lda, rows), v, rows);
        if (columns == 0) break;
        for (size_t j = 0; j < columns; j++)
            row[j] = v[(j + 1) * lda];
        e[2 * k + 1] = reflect(row, columns, &tau);
        memset(w, 0, (rows - 1) * sizeof *w);
        for (size_t j = 0; j < columns; j++)
            add_scaled(w, tau * row[j], v + (j + 1) * lda + 1, rows - 1);
        for (size_t j = 0; j < columns; j++)
            add_scaled(v + (j + 1) * lda + 1, -row[j], w, rows - 1);
    }
}

/* The eigenvalues of [0 B; B^T 0], in the order that makes it tridiagonal with zeros on its diagonal, are the
 * singular values of B and their negatives (Golub and Kahan 1965). What is small beside its diagonal never
 * is, so it is measured by the largest element. a [m, n], m >= n. */
static lapack_int singular_values(double *a, size_t lda, size_t m, size_t n, double *s) {
    double *d = calloc(4 * n + m + n, sizeof *d), *e = d + 2 * n;
    if (!d) return LAPACK_WORK_MEMORY_ERROR;
    bidiagonalise(a, lda, m, n, e, e + 2 * n);
    double largest = 0;
    for (size_t i = 0; i + 1 < 2 * n; i++)
        largest = fmax(largest, fabs(e[i]));
    lapack_int info = tridiagonal_eigenvalues(d, e, 2 * n, DBL_EPSILON / 2 * largest);
    for (size_t i = 0; i < n; i++)
        s[i] = fabs(d[2 * n - 1 - i]);
    free(d);
    return info;
}

lapack_int LAPACKE_dgesdd(int layout, char jobz, lapack_int m, lapack_int n, double *a, lapack_int lda,
                          double *s, double *u, lapack_int ldu, double *vt, lapack_int ldvt) {
    (void)u, (void)ldu, (void)vt, (void)ldvt;
    size_t rows = (size_t)m, columns = (size_t)n, ld = (size_t)lda;
    if (layout != LAPACK_COL_MAJOR) return -1;
    if (jobz != 'N') return -2;
    if (rows == 0 || columns == 0) return 0;
    if (rows >= columns) return singular_values(a, ld, rows, columns, s);
    double *turned = malloc(rows * columns * sizeof *turned);
    if (!turned) return LAPACK_TRANSPOSE_MEMORY_ERROR;
    for (size_t j = 0; j < columns; j++)
        for (size_t i = 0; i < rows; i++)
            turned[i * columns + j] = a[j * ld + i];
    lapack_int info = singular_values(turned, columns, columns, rows, s);
    free(turned);
    return info;
}
