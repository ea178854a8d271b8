/* cpu_vnni_digits.h: float32 numbers as the signed bytes that AVX-512 VNNI multiplies with codes; what
 * cpu_vnni_*.c share, and what of it cpu_matvec_vnni.c uses.
 *
 * Numbers x [n] become fixed point: x = step P, P a whole number of two or three bytes, its digits: P = sum
 * of 256^g digit g. Their products with codes are exact, and so are the sums; digits meet in float32 at the
 * end.
 *
 * Signed digits, step = max |x| / LEVELS. Three have 2^22 levels: with the rounding of step and of its
 * inverse x is off by at most 5.1 2^-24 max |x|, what float32 sums come to anyway. Two have 2^15, and x is
 * off by step / 2: they are for queries and codes of 4 bits, where a sum of n products is then off by up to
 * 15 n step / 2, less than 1/2000 of what rounding the codes to whole numbers may come to where x is largest.
 * Where none reaches 2^-100 all count as 0; infinities and NaN give what is not finite.
 *
 * A mixture's weights times the scales of their rows are positive and at most the largest scale: step = that
 * / LEVELS. Three digits for codes of 8 bits have 2^23 levels; with the rounding of step, its inverse and the
 * scales, a weight is off by at most 4.1 2^-24 of the largest scale. Two without a sign for codes of 4 bits
 * have 2^16: it is off by at most 0.51 step. Errors of 256 rows add up like noise, to about 40 steps = 1/1600
 * of the largest scale, where the rounding of one code that has the weight 1 came to 1/3.5 of its own. At
 * worst, where all weights but one are just below half a step and so count as 0, it is 1/33. */
#ifndef RKV_BACKEND_CPU_VNNI_DIGITS_H
#define RKV_BACKEND_CPU_VNNI_DIGITS_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "backend/cpu_stream.h"
#include "backend/rows_affine.h"
#include "core/simd.h"
#include "core/sizes.h"

/* Left to itself, the compiler peels and vectorises loops that are written out already. */
#define TARGET                                                                                               \
    __attribute__((target("arch=x86-64-v4,avx512vnni,avx512vbmi"), optimize("O2,no-tree-vectorize")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define LANES   ((size_t)16)
/* Vectors that share a pass; numbers of a vector that are split at once: no sum of 256 products of bytes
 * leaves 2^24, and float32 holds it exactly. */
#define VECTORS ((size_t)4)
#define SPAN    ((size_t)256)
/* Bytes that four split numbers take: their digits g are at 4 g. */
#define QUAD    ((size_t)16)

/* ---- numbers as digits ---- */

typedef struct split_vectors {
    int8_t first[VECTORS][SPAN / 4 * QUAD], second[VECTORS][SPAN / 4 * QUAD];
    float step[VECTORS];
} split_vectors;

INLINE __mmask16 first_lanes(size_t n) {
    return n >= LANES ? (__mmask16)0xFFFF : (__mmask16)((1u << n) - 1);
}

/* The bits of the largest |x| of every lane: above all finite numbers' where one is not. */
INLINE __m512i largest_of(const float *x, size_t n) {
    __m512i most = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += LANES) {
        __m512 value = _mm512_maskz_loadu_ps(first_lanes(n - i), x + i);
        most = _mm512_max_epi32(most, _mm512_castps_si512(_mm512_abs_ps(value)));
    }
    return most;
}

typedef struct scales {
    float step[VECTORS], inverse[VECTORS];
} scales;

/* Of vectors whose largest numbers are in the lanes of most [VECTORS]. */
INLINE scales scales_of(const __m512i *most, size_t digits) {
    const float levels = digits == 3 ? 0x3F7F00p0f : 0x7F7Fp0f;
    __m512i a =
        _mm512_max_epi32(_mm512_unpacklo_epi32(most[0], most[1]), _mm512_unpackhi_epi32(most[0], most[1]));
    __m512i b =
        _mm512_max_epi32(_mm512_unpacklo_epi32(most[2], most[3]), _mm512_unpackhi_epi32(most[2], most[3]));
    __m512i all = _mm512_max_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    __m256i half = _mm256_max_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    __m128i quarter = _mm_max_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    __m128 largest = _mm_castsi128_ps(quarter);
    __mmask8 there = _mm_cmp_ps_mask(largest, _mm_set1_ps(0x1p-100f), _CMP_NLT_UQ);
    __mmask8 finite = _mm_cmp_ps_mask(largest, _mm_set1_ps(INFINITY), _CMP_LT_OQ);
    scales s;
    _mm_storeu_ps(s.step, _mm_maskz_mul_ps(there, largest, _mm_set1_ps(1 / levels)));
    _mm_storeu_ps(s.inverse, _mm_maskz_div_ps(there & finite, _mm_set1_ps(levels), largest));
    return s;
}

/* One number in each lane to quads. A sum with a large number leaves P in the lowest bits, each byte 128 (the
 * third 64) too large, so that none is negative. */
INLINE void split_lanes(__m512 value, __m512 inverse, size_t digits, int8_t *quad) {
    const __m512i by_digit =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512 large = _mm512_set1_ps(digits == 3 ? 0x1p23f + 0x408080p0f : 0x1p23f + 0x8080p0f);
    __m512i bytes = _mm512_castps_si512(_mm512_fmadd_ps(value, inverse, large));
    bytes = _mm512_xor_si512(bytes, _mm512_set1_epi32(0x8080));
    if (digits == 3) bytes = _mm512_sub_epi32(bytes, _mm512_set1_epi32(0x400000));
    _mm512_storeu_si512(quad, _mm512_shuffle_epi8(bytes, by_digit));
}

/* x [n], and zeros up to whole lanes. */
INLINE void split(const float *x, size_t n, float inverse, size_t digits, int8_t *quad) {
    const __m512 all = _mm512_set1_ps(inverse);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES, quad += LANES / 4 * QUAD)
        split_lanes(_mm512_loadu_ps(x + i), all, digits, quad);
    if (i < n) split_lanes(_mm512_maskz_loadu_ps(first_lanes(n - i), x + i), all, digits, quad);
}

TARGET static inline void split_in_three(const float *p, size_t ldp, size_t m, size_t n, split_vectors *to) {
    __m512i most[VECTORS] = {0};
    for (size_t r = 0; r < m; r++)
        most[r] = largest_of(p + r * ldp, n);
    scales s = scales_of(most, 3);
    for (size_t r = 0; r < m; r++) {
        split(p + r * ldp, n, s.inverse[r], 3, to->first[r]);
        to->step[r] = s.step[r];
    }
}

/* ---- with their scales and zeros ---- */

/* The sums of the lanes of each. */
INLINE __m128 sums_of(const __m512 *x) {
    __m512 a = _mm512_add_ps(_mm512_unpacklo_ps(x[0], x[1]), _mm512_unpackhi_ps(x[0], x[1]));
    __m512 b = _mm512_add_ps(_mm512_unpacklo_ps(x[2], x[3]), _mm512_unpackhi_ps(x[2], x[3]));
    __m512d c = _mm512_castps_pd(a), d = _mm512_castps_pd(b);
    __m512 all =
        _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(c, d)), _mm512_castpd_ps(_mm512_unpackhi_pd(c, d)));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

INLINE __m512 halves_at(const uint16_t *halves) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)halves));
}

/* ---- products with codes ---- */

INLINE __m512 value_of(const __m512i *sum, size_t digits) {
    __m512 value = _mm512_cvtepi32_ps(sum[digits - 1]);
#pragma GCC unroll 4
    for (size_t g = digits - 1; g > 0; g--)
        value = _mm512_fmadd_ps(value, _mm512_set1_ps(256), _mm512_cvtepi32_ps(sum[g - 1]));
    return value;
}

/* The codes of one part of bytes. */
INLINE __m512i codes_of(__m512i bytes, rkv_codes_part part) {
    const __m512i lower = _mm512_set1_epi8(0x0F);
    if (part == RKV_CODES_WHOLE) return bytes;
    if (part == RKV_CODES_UPPER) bytes = _mm512_srli_epi16(bytes, 4);
    return _mm512_and_si512(bytes, lower);
}

/* x's codes, from byte `at` of a record on. */
INLINE rkv_codes_block codes_at(const rkv_affine_block *x, size_t at) {
    return (rkv_codes_block){.codes = x->records + at,
                             .apart = x->layout->record_bytes,
                             .rows = x->rows,
                             .n = rkv_codes_bytes(x->layout),
                             .part = x->layout->bits == 8 ? RKV_CODES_WHOLE : RKV_CODES_BOTH,
                             .next = x->next,
                             .next_apart = x->next_apart};
}

#endif
