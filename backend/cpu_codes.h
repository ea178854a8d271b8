/* cpu_codes.h: products of a few vectors with rows of whole numbers, straight from where those lie: what one
 * new token needs of an INT8 or INT4 cache. Nothing is decoded to memory, and scale and zero stay outside of
 * the innermost loops:
 *     q . x_j = scale (q . c_j) + zero sum q               by token,
 *     q . x_j = (scale q) . c_j + zero . q                 by channel, the brackets once for a group of rows,
 *     sum p_j x_j = sum (p_j scale_j) c_j + sum p_j zero_j by token,
 *     sum p_j x_j = scale sum p_j c_j + zero sum p_j       by channel. */
#ifndef RKV_BACKEND_CPU_CODES_H
#define RKV_BACKEND_CPU_CODES_H

#include "backend/cpu_stream.h"
#include "backend/rows.h"

/* Floats of scratch memory that the products of m vectors of `width` want. */
size_t rkv_codes_room(const rkv_stream *stream, size_t width, size_t m);

/* What is read after a product: as many rows from `first` on. It is fetched meanwhile. */
typedef struct rkv_codes_next {
    const rkv_rows *rows; /* NULL: not known */
    size_t first;
} rkv_codes_next;

/* Rows [first, first + n) of rows, all of which are codes (rkv_rows_n_coded): s [m, n] = q [m, width] x^T. */
void rkv_codes_dots(const rkv_stream *stream, const rkv_rows *rows, size_t first, size_t n, const float *q,
                    size_t ldq, size_t m, rkv_codes_next next, float *s, size_t lds, float *room);
/* y [m, width] += p [m, n] x, each p from 0 to 1 (a NaN gives NaN): rkv_stream's mix_affine relies on it. */
void rkv_codes_mix(const rkv_stream *stream, const rkv_rows *rows, size_t first, size_t n, const float *p,
                   size_t ldp, size_t m, rkv_codes_next next, float *y, size_t ldy, float *room);

#endif
