/* basis.h: an orthonormal basis in which few coordinates hold most of some rows. */
#ifndef RKV_BACKEND_BASIS_H
#define RKV_BACKEND_BASIS_H

#include <rankkv/status.h>

/* Singular values sigma [width], descending, of rows [n, width], and the right singular vectors that belong to them:
 * vectors [width, width], row i the i-th. n = 0 or all zeros: the identity. */
rkv_status rkv_right_singular_vectors(const float *rows, size_t n, size_t width, double *sigma, float *vectors);

#endif
