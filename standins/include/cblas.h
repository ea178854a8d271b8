/* cblas.h: of CBLAS and OpenBLAS, what backend/ calls; plain loops in standins/blas.c. */
#ifndef RKV_STANDINS_CBLAS_H
#define RKV_STANDINS_CBLAS_H

typedef int blasint;

/* The values are CBLAS's. */
typedef enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 } CBLAS_ORDER;
typedef enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 } CBLAS_TRANSPOSE;
typedef enum CBLAS_UPLO { CblasUpper = 121, CblasLower = 122 } CBLAS_UPLO;

/* One triangle of c [n, n] = alpha a a^T (or a^T a) + beta c. */
void cblas_dsyrk(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, blasint n, blasint k,
                 double alpha, const double *a, blasint lda, double beta, double *c, blasint ldc);

/* Plain loops have no kernels to choose and no threads. */
const char *openblas_get_config(void);
const char *openblas_get_corename(void);
int openblas_get_num_threads(void);
void openblas_set_num_threads(int n);

#endif
