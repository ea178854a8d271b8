/* cpu_stream.h: products of a few vectors with many rows that are read once, straight through: what decoding
 * one token needs of the keys and values of a cache. (cpu_gemm.h is for many vectors.) */
#ifndef RKV_BACKEND_CPU_STREAM_H
#define RKV_BACKEND_CPU_STREAM_H

#include <stddef.h>

#include "backend/rows_codes.h"
#include "backend/rows_ops.h"
#include "core/simd.h"

/* Codes with their scales and zeros, side by side: rows of one channel group, or records that begin with
 * theirs. */
typedef struct rkv_affine_block {
    const rkv_row_layout *layout;
    const unsigned char *records;
    const unsigned char *group; /* by channel: scale [width], zero [width], as float16 */
    size_t rows;
    const unsigned char *next; /* what is read after them; NULL: not known */
    size_t next_apart;         /* bytes of it for each row */
} rkv_affine_block;

/* For this processor. Rows are ld floats apart; width is a multiple of lanes. */
typedef struct rkv_stream {
    size_t lanes;
    /* s [m, n] = q [m, width] x [n, width]^T; rows of q and s are ldq and lds apart. */
    void (*dots)(const float *q, size_t ldq, size_t m, const float *x, size_t ld, size_t n, size_t width,
                 float *s, size_t lds);
    /* y [m, width] += p [m, n] x [n, width]; rows of p and y are ldp and ldy apart. */
    void (*mix)(const float *p, size_t ldp, size_t m, const float *x, size_t ld, size_t n, size_t width,
                float *y, size_t ldy);
    /* The same with codes for x, as the whole numbers that they are; their n bytes, a multiple of lanes, are
     * the width. Of RKV_CODES_BOTH it is twice that: first the lower codes, then whole bytes, which are lower
     * + 16 upper. */
    void (*dots_codes)(const float *q, size_t ldq, size_t m, const rkv_codes_block *x, float *s, size_t lds);
    void (*mix_codes)(const float *p, size_t ldp, size_t m, const rkv_codes_block *x, float *y, size_t ldy);
    bool fixed_point; /* q and p are rounded first: cpu_vnni_digits.h has the error */
    /* s [m, rows of all n > 0 blocks] = q [m, width] x^T, and y [m, width] += p [m, rows] x, each p from 0 to
     * 1, of the numbers that they stand for; false: not in this layout, nothing was done. NULL: in none. */
    bool (*dots_affine)(const float *q, size_t ldq, size_t m, const rkv_affine_block *x, size_t n, float *s,
                        size_t lds);
    bool (*mix_affine)(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, float *y, size_t ldy);
} rkv_stream;

/* The best that the processor can run (static). */
const rkv_stream *rkv_stream_best(void);
/* Every one that it can run, best first; NULL past the end. */
const rkv_stream *rkv_stream_at(size_t index);

/* Fetches what is read after rows [row, row + n) of x. */
RKV_ALWAYS_INLINE void rkv_codes_fetch_next(const rkv_codes_block *x, size_t row, size_t n) {
    if (!x->next) return;
    for (size_t b = 0; b < n * x->next_apart; b += 64)
        rkv_prefetch(x->next + row * x->next_apart, b);
}

/* width rounded up to whole lanes. */
static inline size_t rkv_whole_lanes(const rkv_stream *stream, size_t width) {
    return (width + stream->lanes - 1) / stream->lanes * stream->lanes;
}

#endif
