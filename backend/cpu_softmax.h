/* cpu_softmax.h: rows of softmax, and sums of rows. */
#ifndef RKV_BACKEND_CPU_SOFTMAX_H
#define RKV_BACKEND_CPU_SOFTMAX_H

#include <stddef.h>

/* p [n] = exp(scale (row [n] - *largest)), *largest the row's maximum, scale > 0: from 0 to 1, or NaN where
 * the row holds one, or infinity. Returns their sum. p may be row; n > 0. */
float rkv_softmax_part(const float *row, size_t n, float scale, float *p, float *largest);

/* p [n] = softmax(scale row [n]); p may be row; n > 0. */
void rkv_softmax_row(const float *row, size_t n, float scale, float *p);

/* y [n] += a x [n] */
void rkv_add_row(const float *x, size_t n, float a, float *y);

#endif
