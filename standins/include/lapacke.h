/* lapacke.h: of LAPACKE, what backend/ calls, column-major only; plain loops in standins/lapack.c. */
#ifndef RKV_STANDINS_LAPACKE_H
#define RKV_STANDINS_LAPACKE_H

typedef int lapack_int;

#define LAPACK_COL_MAJOR              102
#define LAPACK_WORK_MEMORY_ERROR      (-1010)
#define LAPACK_TRANSPOSE_MEMORY_ERROR (-1011)

/* All return info: 0, minus the number of an argument that is not supported, or the count of values that did
 * not converge. */

/* a [n, n] upper triangular = a a^T, its upper triangle; uplo 'U'. */
lapack_int LAPACKE_dlauum(int layout, char uplo, lapack_int n, double *a, lapack_int lda);

/* Eigenvalues w [n], ascending, of the symmetric a, destroyed; jobz 'N', uplo 'L'. */
lapack_int LAPACKE_dsyevd(int layout, char jobz, char uplo, lapack_int n, double *a, lapack_int lda,
                          double *w);
lapack_int LAPACKE_dsyevd_2stage(int layout, char jobz, char uplo, lapack_int n, double *a, lapack_int lda,
                                 double *w);

/* Singular values s [min(m, n)], descending, of a [m, n], destroyed; jobz 'N'. u and vt are not used. */
lapack_int LAPACKE_dgesdd(int layout, char jobz, lapack_int m, lapack_int n, double *a, lapack_int lda,
                          double *s, double *u, lapack_int ldu, double *vt, lapack_int ldvt);

#endif
