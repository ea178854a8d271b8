/* cpu_vnni_digits.h: float32 numbers as the signed bytes that AVX-512 VNNI multiplies with codes; included by
 * cpu_stream_vnni.c alone.
 *
 * Numbers x [n] become fixed point: x = step P, P a whole number of two or three bytes, its digits: P = sum
 * of 256^g digit g. Their products with codes are exact, and so are the sums; digits meet in float32 at the
 * end.
 *
 * Signed digits, step = max |x| / LEVELS. Three have 2^22 levels: with the rounding of step and of its
 * inverse x is off by at most 5.1 2^-24 max |x|, what float32 sums come to anyway. Two have 2^15, and x is
 * off by step / 2: they are for queries and codes of 4 bits, where a sum of n products is then off by up to
 * 15 n step / 2, less than 1/2000 of what rounding the codes to whole numbers may come to where x is largest.
 * Numbers below 2^-100 count as 0; infinities and NaN give NaN.
 *
 * A mixture's weights times the scales of their rows are positive and at most the largest scale: step = that
 * / LEVELS. Three digits for codes of 8 bits have 2^23 levels; with the rounding of step, its inverse and the
 * scales, a weight is off by at most 4.1 2^-24 of the largest scale. Two without a sign for codes of 4 bits
 * have 2^16: it is off by at most 0.51 step. Errors of 256 rows add up like noise, to about 40 steps = 1/1600
 * of the largest scale, where the rounding of one code that has the weight 1 came to 1/3.5 of its own. */
#ifndef RKV_BACKEND_CPU_VNNI_DIGITS_H
#define RKV_BACKEND_CPU_VNNI_DIGITS_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "backend/cpu_stream.h"
#include "backend/rows_affine.h"
#include "core/simd.h"

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

static inline size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- numbers as digits ---- */

typedef struct split_vectors {
    int8_t first[VECTORS][SPAN / 4 * QUAD], second[VECTORS][SPAN / 4 * QUAD];
    float step[VECTORS];
} split_vectors;

TARGET static __mmask16 first_lanes(size_t n) {
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

/* The same of numbers that are not negative: to two digits without a sign, or to three, of which the last
 * needs none. */
INLINE void split_positive(__m512 value, __m512 inverse, size_t digits, int8_t *quad) {
    const __m512i by_digit =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512 large = _mm512_set1_ps(digits == 3 ? 0x1p23f + 0x8080p0f : 0x1p23f);
    __m512i bytes = _mm512_castps_si512(_mm512_fmadd_ps(value, inverse, large));
    if (digits == 3) bytes = _mm512_xor_si512(bytes, _mm512_set1_epi32(0x8080));
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

TARGET static void split_in_three(const float *p, size_t ldp, size_t m, size_t n, split_vectors *to) {
    __m512i most[VECTORS] = {0};
    for (size_t r = 0; r < m; r++)
        most[r] = largest_of(p + r * ldp, n);
    scales s = scales_of(most, 3);
    for (size_t r = 0; r < m; r++) {
        split(p + r * ldp, n, s.inverse[r], 3, to->first[r]);
        to->step[r] = s.step[r];
    }
}

/* Numbers that go with n bytes' lower codes and whole bytes, lower + 16 upper, as they go with lower and
 * upper codes; n is a multiple of LANES. */
INLINE void unpack_both(const float *lower, const float *whole, size_t n, float *to) {
    for (size_t i = 0; i < n; i += LANES) {
        __m512 w = _mm512_loadu_ps(whole + i);
        _mm512_storeu_ps(to + i, _mm512_add_ps(_mm512_loadu_ps(lower + i), w));
        _mm512_storeu_ps(to + SPAN + i, _mm512_mul_ps(w, _mm512_set1_ps(16)));
    }
}

/* Numbers of m vectors that go with one code in each of n bytes, or with two; then whole bytes' begin
 * `second` numbers later. */
TARGET static void split_in_two(const float *q, size_t ldq, size_t m, size_t n, size_t second, bool both,
                                split_vectors *to) {
    float unpacked[VECTORS][2 * SPAN];
    const float *from[VECTORS];
    __m512i most[VECTORS] = {0};
    for (size_t r = 0; r < m; r++) {
        from[r] = both ? unpacked[r] : q + r * ldq;
        if (both) unpack_both(q + r * ldq, q + r * ldq + second, n, unpacked[r]);
        most[r] = largest_of(from[r], n);
        if (both) most[r] = _mm512_max_epi32(most[r], largest_of(from[r] + SPAN, n));
    }
    scales s = scales_of(most, 2);
    for (size_t r = 0; r < m; r++) {
        split(from[r], n, s.inverse[r], 2, to->first[r]);
        if (both) split(from[r] + SPAN, n, s.inverse[r], 2, to->second[r]);
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

/* Queries of m rows of q for the keys of a channel group, rows of `width` numbers, a constant. */
INLINE void split_queries(const float *q, size_t ldq, size_t m, const rkv_affine_block *x, const size_t width,
                          split_vectors *to, float *shift) {
    const bool both = x->layout->bits == 4;
    const size_t n = both ? width / 2 : width, digits = both ? 2 : 3;
    const unsigned char *group = x->group;
    const uint16_t *scales_at = (const uint16_t *)(const void *)group, *zeros_at = scales_at + width;
    __m512 folded[VECTORS][SPAN / LANES];
    __m512i most[VECTORS] = {0};
    __m512 sum[VECTORS] = {0};
    for (size_t b = 0; b < 4 * width; b += 64) /* of the group after the next */
        rkv_prefetch(group, 2 * (4 * width + 4) + b);
#pragma GCC unroll 16
    for (size_t i = 0; i < width / LANES; i++) {
        __m512 scale = halves_at(scales_at + LANES * i), zero = halves_at(zeros_at + LANES * i);
#pragma GCC unroll 4
        for (size_t r = 0; r < m; r++) {
            __m512 value = _mm512_loadu_ps(q + r * ldq + LANES * i);
            sum[r] = _mm512_fmadd_ps(value, zero, sum[r]);
            folded[r][i] = _mm512_mul_ps(value, scale);
            most[r] = _mm512_max_epi32(most[r], _mm512_castps_si512(_mm512_abs_ps(folded[r][i])));
        }
    }
    scales s = scales_of(most, digits);
    _mm_storeu_ps(shift, sums_of(sum));
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++) {
        const __m512 inverse = _mm512_set1_ps(s.inverse[r]);
#pragma GCC unroll 16
        for (size_t i = 0; i < width / LANES; i++) {
            int8_t *quad = i * LANES < n ? to->first[r] + 4 * LANES * i : to->second[r] + 4 * (LANES * i - n);
            split_lanes(folded[r][i], inverse, digits, quad);
        }
        to->step[r] = s.step[r];
    }
}

/* What records begin with, sorted: of sixteen rows after one another, for each of their n_groups pairs
 * sixteen scales and sixteen zeros, as float16. */
typedef struct sorted_halves {
    uint16_t halves[SPAN / LANES][2][2][LANES]; /* [rows by sixteen][group][scale, zero][row] */
} sorted_halves;

/* Returns the largest scale of each group in its lanes. */
INLINE void sort_halves(const unsigned char *records, size_t apart, size_t rows, size_t n_groups,
                        sorted_halves *to, float *largest) {
    /* Of eight rows' scale, zero, scale, zero: eight scales, eight zeros, and so on. */
    const __m512i by_kind =
        _mm512_setr_epi64(0x1918111009080100, 0x3938313029282120, 0x1B1A13120B0A0302, 0x3B3A33322B2A2322,
                          0x1D1C15140D0C0504, 0x3D3C35342D2C2524, 0x1F1E17160F0E0706, 0x3F3E37362F2E2726);
    const __m512i of_group[2] = {_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                                 _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15)};
    uint64_t pairs[SPAN + LANES]; /* the second means nothing where there is one */
    __m512i most[2] = {0};
    for (size_t row = 0; row < rows; row++, records += apart)
        memcpy(pairs + row, records, sizeof *pairs);
    memset(pairs + rows, 0, LANES * sizeof *pairs);
    for (size_t t = 0; t < rows; t += LANES) {
        __m512i first = _mm512_permutexvar_epi8(by_kind, _mm512_loadu_si512(pairs + t));
        __m512i second = _mm512_permutexvar_epi8(by_kind, _mm512_loadu_si512(pairs + t + 8));
#pragma GCC unroll 2
        for (size_t g = 0; g < n_groups; g++) {
            __m512i halves = _mm512_permutex2var_epi64(first, of_group[g], second);
            _mm512_storeu_si512(to->halves[t / LANES][g], halves);
            most[g] = _mm512_max_epu16(most[g], halves);
        }
    }
    for (size_t g = 0; g < n_groups; g++) {
        __m256i both = _mm512_castsi512_si256(most[g]);
        __m128i all = _mm_max_epu16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
        all = _mm_sub_epi16(_mm_set1_epi16(-1), _mm_minpos_epu16(_mm_sub_epi16(_mm_set1_epi16(-1), all)));
        largest[g] = _mm_cvtss_f32(_mm_cvtph_ps(all));
    }
}

/* Weights p [m, rows], each from 0 to 1, of records that begin with n_groups pairs, one or two, of scale and
 * zero: to [n_groups], and shift [n_groups, VECTORS]. */
INLINE void split_weights(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, size_t n_groups,
                          split_vectors *to, float (*shift)[VECTORS]) {
    const size_t digits = x->layout->bits == 8 ? 3 : 2, rows = x->rows;
    const float levels = digits == 3 ? 0x7F7F00p0f : 0xFFFFp0f;
    sorted_halves sorted;
    float largest[2];
    __m512 sum[2][VECTORS] = {0}, inverse[2];
    sort_halves(x->records, x->layout->record_bytes, rows, n_groups, &sorted, largest);
#pragma GCC unroll 2
    for (size_t g = 0; g < n_groups; g++) {
        inverse[g] = _mm512_set1_ps(largest[g] > 0 && largest[g] < INFINITY ? levels / largest[g] : 0);
        for (size_t r = 0; r < m; r++)
            to[g].step[r] = largest[g] * (1 / levels);
    }
    for (size_t t = 0; t < rows; t += LANES) {
        const __mmask16 there = first_lanes(rows - t);
        __m512 weights[VECTORS];
#pragma GCC unroll 4
        for (size_t r = 0; r < m; r++)
            weights[r] = _mm512_maskz_loadu_ps(there, p + r * ldp + t);
#pragma GCC unroll 2
        for (size_t g = 0; g < n_groups; g++) {
            const uint16_t(*halves)[LANES] = sorted.halves[t / LANES][g];
            __m512 scale = _mm512_mul_ps(halves_at(halves[0]), inverse[g]), zero = halves_at(halves[1]);
#pragma GCC unroll 4
            for (size_t r = 0; r < m; r++) {
                sum[g][r] = _mm512_fmadd_ps(weights[r], zero, sum[g][r]);
                split_positive(weights[r], scale, digits, to[g].first[r] + t / 4 * QUAD);
            }
        }
    }
#pragma GCC unroll 2
    for (size_t g = 0; g < n_groups; g++)
        _mm_storeu_ps(shift[g], sums_of(sum[g]));
}

#endif
