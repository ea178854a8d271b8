/* basis.h: the directions in which rows lie, and rows as their coordinates on some. Host memory; backend.h
 * has the same in a device's. */
#ifndef RKV_BACKEND_BASIS_H
#define RKV_BACKEND_BASIS_H

#include <stddef.h>

#include <rankkv/status.h>

/* Singular values sigma [width] of rows [n, width], descending, and their right singular vectors [width,
 * width]: row i belongs to sigma[i]; the rows are orthonormal whatever the rank is. A vector's component of
 * largest size is positive (of equal sizes the first).
 *
 * They are made from the upper triangle of gram [width, width] = rows^T rows in float64 (backend.h), which is
 * written over; that is exact to the rounding of the float32 rows themselves: sigma_i within about 1e-15
 * sigma_0^2 / sigma_i, so that what lies below 1e-7 sigma_0 is noise; vectors orthonormal within 1e-6
 * (float32), and the span of the first r as good as the gap after sigma_r is wide. All zeros: sigma 0 and the
 * unit vectors. RKV_DATA: a number of the rows is not finite. */
rkv_status rkv_right_singular_vectors(double *gram, size_t width, double *sigma, float *vectors);

/* The coordinates to [n, rank] of rows from [n, width] on an orthonormal basis [rank, width], and rows of
 * coordinates: to [n, width] = from [n, rank] basis. Coordinates lie `stride` floats apart. */
void rkv_basis_project(const float *basis, size_t rank, size_t width, const float *from, size_t n, float *to,
                       size_t stride);
void rkv_basis_expand(const float *basis, size_t rank, size_t width, const float *from, size_t stride,
                      size_t n, float *to);

#endif
