/* cpu_vnni_mix.h: what mixtures of rows of codes share on AVX-512 VNNI: weights as digits, columns of rows,
 * and where sums go. */
#ifndef RKV_BACKEND_CPU_VNNI_MIX_H
#define RKV_BACKEND_CPU_VNNI_MIX_H

#include "backend/cpu_vnni_digits.h"

/* ---- weights ---- */

/* As split_lanes, of numbers that are not negative: to two digits without a sign, or to three, of which the
 * last needs none. */
INLINE void split_positive(__m512 value, __m512 inverse, size_t digits, int8_t *quad) {
    const __m512i by_digit =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512 large = _mm512_set1_ps(digits == 3 ? 0x1p23f + 0x8080p0f : 0x1p23f);
    __m512i bytes = _mm512_castps_si512(_mm512_fmadd_ps(value, inverse, large));
    if (digits == 3) bytes = _mm512_xor_si512(bytes, _mm512_set1_epi32(0x8080));
    _mm512_storeu_si512(quad, _mm512_shuffle_epi8(bytes, by_digit));
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

/* ---- rows ---- */

/* Bytes of a row that are mixed at once; of fewer, half. */
#define PIECE ((size_t)32)

INLINE __m512i two_rows(const unsigned char *first, const unsigned char *second, bool half) {
    __m256i a = half ? _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)first))
                     : _mm256_loadu_si256((const __m256i *)(const void *)first);
    __m256i b = half ? _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)second))
                     : _mm256_loadu_si256((const __m256i *)(const void *)second);
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* Bytes first + 8 i .. first + 8 i + 3 of each of four rows in the lanes of 16 bytes i, one after the other;
 * ab and cd hold two rows each. (One permutation of both at once is slower than two of one.) */
INLINE __m512i column_of(__m512i ab, __m512i cd, char first) {
    const __mmask64 of_cd = 0xCCCCCCCCCCCCCCCC;
    const __m512i of_lane =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 32, 0, 32, 1, 33, 1, 33, 2, 34, 2, 34, 3, 35, 3, 35));
    const __m512i lane = _mm512_setr_epi64(0, 0, 0x0808080808080808, 0x0808080808080808, 0x1010101010101010,
                                           0x1010101010101010, 0x1818181818181818, 0x1818181818181818);
    const __m512i index = _mm512_add_epi8(_mm512_add_epi8(of_lane, lane), _mm512_set1_epi8(first));
    return _mm512_mask_permutexvar_epi8(_mm512_permutexvar_epi8(index, ab), of_cd, index, cd);
}

/* Pieces of n bytes. */
static inline size_t pieces(size_t n) {
    return (n + PIECE - 1) / PIECE;
}

/* x, fetching what is read next in n shares, and the i-th part of it. */
static inline rkv_codes_block in_shares(rkv_codes_block x, size_t n, size_t i) {
    x.next_apart = (x.next_apart + n - 1) / n;
    if (x.next) x.next += i * x.rows * x.next_apart;
    return x;
}

/* ---- sums ---- */

/* y += the sums of four numbers in each lane. */
INLINE void put_sums(__m512 value, bool half, float *y) {
    float lane[4][4];
    _mm512_storeu_ps(lane, value);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++)
        if (!half || j < 2)
            _mm_storeu_ps(y + 8 * j, _mm_add_ps(_mm_loadu_ps(y + 8 * j), _mm_loadu_ps(lane[j])));
}

INLINE void add_number(__m512 number, size_t n, float *y) {
    for (size_t i = 0; i < n; i += LANES)
        _mm512_storeu_ps(y + i, _mm512_add_ps(_mm512_loadu_ps(y + i), number));
}

/* cpu_vnni_mix_halves.c: y [m, width] += p [m, rows] x of values of 4 bits with n_groups pairs to a record,
 * one or two; the rest as rkv_stream's mix_affine has it. */
void rkv_vnni_mix_halves(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, size_t n_groups,
                         float *y, size_t ldy);

#endif
