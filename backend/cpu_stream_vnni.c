/* cpu_stream_vnni.c: the products of cpu_stream.h with codes for AVX-512 VNNI, which multiplies 64 bytes at
 * once and adds the products by fours. Queries and weights become digits (cpu_vnni_digits.h), whose products
 * with codes are exact, and so are the sums; digits meet in float32 at the end. */
#if defined(__x86_64__)
#include "backend/cpu_stream_vnni.h"

#include "backend/cpu_vnni_digits.h"

/* sum += the products of bytes with four digits, by fours. As an intrinsic, GCC 12 loads the digits apart and
 * moves every sum to and fro, which takes half as long again. */
INLINE void add_products(__m512i *sum, __m512i bytes, const int8_t *digits) {
    __asm__("vpdpbusd %2%{1to16%}, %1, %0"
            : "+v"(*sum)
            : "v"(bytes), "m"(*(const int8_t(*)[4])(const void *)digits));
}

/* The same of two sums and one load. */
INLINE void add_products_2(__m512i *sum_0, __m512i bytes_0, __m512i *sum_1, __m512i bytes_1,
                           const int8_t *digits) {
    __m512i all;
    __asm__("vpbroadcastd %1, %0" : "=v"(all) : "m"(*(const int8_t(*)[4])(const void *)digits));
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum_0) : "v"(bytes_0), "v"(all));
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum_1) : "v"(bytes_1), "v"(all));
}

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

/* ---- dots ---- */

/* Sixteen rows side by side; where there are fewer, the last stands in for the others. */
typedef struct rows16 {
    const unsigned char *codes;
    size_t apart, at[16]; /* at: unless all are there */
    bool all;
} rows16;

INLINE __m128i sixteen_bytes(const rows16 *x, size_t row, size_t d) {
    const unsigned char *at = x->codes + d + (x->all ? row * x->apart : x->at[row]);
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* column [4]: bytes d + 4 k .. d + 4 k + 3 of every row. */
INLINE void transpose(const rows16 *x, size_t d, __m512i *column) {
    __m512i row[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        row[i] = _mm512_castsi128_si512(sixteen_bytes(x, i, d));
        row[i] = _mm512_inserti32x4(row[i], sixteen_bytes(x, 4 + i, d), 1);
        row[i] = _mm512_inserti32x4(row[i], sixteen_bytes(x, 8 + i, d), 2);
        row[i] = _mm512_inserti32x4(row[i], sixteen_bytes(x, 12 + i, d), 3);
    }
    __m512i a = _mm512_unpacklo_epi32(row[0], row[1]), b = _mm512_unpackhi_epi32(row[0], row[1]);
    __m512i c = _mm512_unpacklo_epi32(row[2], row[3]), e = _mm512_unpackhi_epi32(row[2], row[3]);
    column[0] = _mm512_unpacklo_epi64(a, c);
    column[1] = _mm512_unpackhi_epi64(a, c);
    column[2] = _mm512_unpacklo_epi64(b, e);
    column[3] = _mm512_unpackhi_epi64(b, e);
}

/* How many digits queries have: codes of 4 bits ask for fewer. */
INLINE size_t digits_for(rkv_codes_part part) {
    return part == RKV_CODES_WHOLE ? 3 : 2;
}

INLINE void add_column(__m512i bytes, size_t digits, const int8_t *quad, __m512i *sum) {
#pragma GCC unroll 3
    for (size_t g = 0; g < digits; g++)
        add_products(&sum[g], bytes, quad + 4 * g);
}

/* value [m] of n bytes of sixteen rows. */
INLINE void dots_group(rkv_codes_part part, const split_vectors *q, size_t m, const rows16 *x, size_t n,
                       __m512 *value) {
    const bool both = part == RKV_CODES_BOTH;
    const size_t digits = digits_for(part);
    __m512i sum[VECTORS][3], other[VECTORS][3], column[4]; /* two chains of sums wait less for each other */
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 3
        for (size_t g = 0; g < digits; g++)
            sum[r][g] = other[r][g] = _mm512_setzero_si512();
    for (size_t d = 0; d < n; d += LANES) {
        transpose(x, d, column);
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) {
            const size_t at = d / 4 * QUAD + k * QUAD;
            __m512i first = codes_of(column[k], both ? RKV_CODES_LOWER : part), second;
            if (both) second = codes_of(column[k], RKV_CODES_UPPER);
#pragma GCC unroll 4
            for (size_t r = 0; r < m; r++) {
                add_column(first, digits, q->first[r] + at, sum[r]);
                if (both) add_column(second, digits, q->second[r] + at, other[r]);
            }
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++) {
#pragma GCC unroll 3
        for (size_t g = 0; both && g < digits; g++)
            sum[r][g] = _mm512_add_epi32(sum[r][g], other[r][g]);
        value[r] = _mm512_mul_ps(value_of(sum[r], digits), _mm512_set1_ps(q->step[r]));
    }
}

/* s [m, rows] = the products with n bytes of x's rows, + shift [m] unless that is NULL; or that is added. */
INLINE void dots_span(rkv_codes_part part, const split_vectors *q, size_t m, const rkv_codes_block *x,
                      size_t n, const float *shift, bool add, float *s, size_t lds) {
    __m512 value[VECTORS];
    rows16 group = {.codes = x->codes, .apart = x->apart, .all = true};
    for (size_t j = 0; j < x->rows; j += LANES, group.codes += LANES * x->apart) {
        size_t left = x->rows - j;
        if (left >= LANES) {
            rkv_codes_fetch_next(x, j, LANES);
            dots_group(part, q, m, &group, n, value);
        } else {
            rows16 few = {.codes = group.codes};
            for (size_t i = 0; i < LANES; i++)
                few.at[i] = smaller(i, left - 1) * x->apart;
            dots_group(part, q, m, &few, n, value);
        }
#pragma GCC unroll 4
        for (size_t r = 0; r < m; r++) {
            float *to = s + r * lds + j;
            if (shift) value[r] = _mm512_add_ps(value[r], _mm512_set1_ps(shift[r]));
            if (add) value[r] = _mm512_add_ps(value[r], _mm512_maskz_loadu_ps(first_lanes(left), to));
            _mm512_mask_storeu_ps(to, first_lanes(left), value[r]);
        }
    }
}

/* The same for m vectors, as a constant, and any part of bytes: one function for each m, as the kernels are
 * long. */
#define DOTS_PART(m)                                                                                         \
    TARGET static void dots_part_##m(const split_vectors *q, const rkv_codes_block *x, size_t n,             \
                                     const float *shift, bool add, float *s, size_t lds) {                   \
        if (x->part == RKV_CODES_WHOLE)                                                                      \
            dots_span(RKV_CODES_WHOLE, q, m, x, n, shift, add, s, lds);                                      \
        else if (x->part == RKV_CODES_BOTH)                                                                  \
            dots_span(RKV_CODES_BOTH, q, m, x, n, shift, add, s, lds);                                       \
        else if (x->part == RKV_CODES_UPPER)                                                                 \
            dots_span(RKV_CODES_UPPER, q, m, x, n, shift, add, s, lds);                                      \
        else                                                                                                 \
            dots_span(RKV_CODES_LOWER, q, m, x, n, shift, add, s, lds);                                      \
    }
DOTS_PART(1)
DOTS_PART(2)
DOTS_PART(3)
DOTS_PART(4)
#undef DOTS_PART

typedef void dots_part_fn(const split_vectors *q, const rkv_codes_block *x, size_t n, const float *shift,
                          bool add, float *s, size_t lds);
static dots_part_fn *const dots_part[VECTORS + 1] = {NULL, dots_part_1, dots_part_2, dots_part_3,
                                                     dots_part_4};

INLINE void dots_rows(const float *q, size_t ldq, size_t m, const rkv_codes_block *x, float *s, size_t lds) {
    split_vectors split_q;
    rkv_codes_block part = *x;
    for (size_t d = 0; d < x->n; d += SPAN, part.codes += SPAN, part.next = NULL) {
        size_t n = smaller(x->n - d, SPAN);
        if (x->part == RKV_CODES_WHOLE)
            split_in_three(q + d, ldq, m, n, &split_q);
        else
            split_in_two(q + d, ldq, m, n, x->n, x->part == RKV_CODES_BOTH, &split_q);
        dots_part[m](&split_q, &part, n, NULL, d > 0, s, lds);
    }
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

/* Of keys in n channel groups. A group's queries are made while the products with the one before are under
 * way. */
INLINE void dots_of_groups(const float *q, size_t ldq, size_t m, const rkv_affine_block *x, size_t n,
                           const size_t width, float *s, size_t lds) {
    split_vectors split_q[2];
    float shift[2][VECTORS];
    split_queries(q, ldq, m, x, width, &split_q[0], shift[0]);
    for (size_t i = 0; i < n; s += x[i++].rows) {
        const rkv_codes_block codes = codes_at(&x[i], 0);
        if (i + 1 < n) split_queries(q, ldq, m, &x[i + 1], width, &split_q[(i + 1) % 2], shift[(i + 1) % 2]);
        dots_part[m](&split_q[i % 2], &codes, codes.n, shift[i % 2], false, s, lds);
    }
}

/* ---- mixtures ---- */

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

/* Adds four rows, `apart` bytes apart; past `last` the last stands in, with digits that are 0. sum [m, 2]. */
INLINE void mix_four(const unsigned char *at, size_t apart, size_t last, bool half, rkv_codes_part part,
                     const split_vectors *p, size_t t, size_t m, __m512i (*sum)[2][3]) {
    __m512i ab = two_rows(at, at + smaller(1, last) * apart, half);
    __m512i cd = two_rows(at + smaller(2, last) * apart, at + smaller(3, last) * apart, half);
    __m512i first = codes_of(column_of(ab, cd, 0), part), second = codes_of(column_of(ab, cd, 4), part);
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 3
        for (size_t g = 0; g < 3; g++)
            add_products_2(&sum[r][0][g], first, &sum[r][1][g], second, p->first[r] + t / 4 * QUAD + 4 * g);
}

/* y += the sums of four numbers in each lane. */
INLINE void put_sums(__m512 value, bool half, float *y) {
    float lane[4][4];
    _mm512_storeu_ps(lane, value);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++)
        if (!half || j < 2)
            _mm_storeu_ps(y + 8 * j, _mm_add_ps(_mm_loadu_ps(y + 8 * j), _mm_loadu_ps(lane[j])));
}

/* y += p times a piece, or half of one, of x's rows, of which `part` counts. */
INLINE void mix_piece(const split_vectors *p, size_t m, const rkv_codes_block *x, rkv_codes_part part,
                      bool half, float *y, size_t ldy) {
    __m512i sum[VECTORS][2][3];
    const unsigned char *at = x->codes;
    size_t t = 0, apart = x->apart;
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 3
        for (size_t g = 0; g < 3; g++)
            sum[r][0][g] = sum[r][1][g] = _mm512_setzero_si512();
    for (; t + 4 <= x->rows; t += 4, at += 4 * apart) {
        rkv_codes_fetch_next(x, t, 4);
        mix_four(at, apart, 3, half, part, p, t, m, sum);
    }
    if (t < x->rows) mix_four(at, apart, x->rows - 1 - t, half, part, p, t, m, sum);
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 2
        for (size_t k = 0; k < 2; k++) {
            __m512 value = _mm512_mul_ps(value_of(sum[r][k], 3), _mm512_set1_ps(p->step[r]));
            put_sums(value, half, y + r * ldy + 4 * k);
        }
}

/* All bytes of rows whose weights are split. Each piece fetches its share of what is read next. */
INLINE void mix_bytes(const split_vectors *p, size_t m, rkv_codes_block x, rkv_codes_part part, float *y,
                      size_t ldy) {
    const size_t share = x.rows * x.next_apart;
    for (size_t d = 0; d < x.n; d += PIECE, x.codes += PIECE, x.next = x.next ? x.next + share : NULL)
        if (d + PIECE <= x.n)
            mix_piece(p, m, &x, part, false, y + d, ldy);
        else
            mix_piece(p, m, &x, part, true, y + d, ldy);
}

/* The same for m vectors, as a constant, and x's part of bytes. */
#define MIX_PART(m)                                                                                          \
    TARGET static void mix_part_##m(const split_vectors *p, const rkv_codes_block *x, float *y,              \
                                    size_t ldy) {                                                            \
        if (x->part == RKV_CODES_WHOLE)                                                                      \
            mix_bytes(p, m, *x, RKV_CODES_WHOLE, y, ldy);                                                    \
        else if (x->part == RKV_CODES_UPPER)                                                                 \
            mix_bytes(p, m, *x, RKV_CODES_UPPER, y, ldy);                                                    \
        else                                                                                                 \
            mix_bytes(p, m, *x, RKV_CODES_LOWER, y, ldy);                                                    \
    }
MIX_PART(1)
MIX_PART(2)
MIX_PART(3)
MIX_PART(4)
#undef MIX_PART

typedef void mix_part_fn(const split_vectors *p, const rkv_codes_block *x, float *y, size_t ldy);
static mix_part_fn *const mix_part[VECTORS + 1] = {NULL, mix_part_1, mix_part_2, mix_part_3, mix_part_4};

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

INLINE void mix_rows(const float *p, size_t ldp, size_t m, const rkv_codes_block *x, float *y, size_t ldy) {
    split_vectors split_p;
    for (size_t t = 0; t < x->rows; t += SPAN) {
        rkv_codes_block span = *x;
        span.codes += t * x->apart, span.rows = smaller(x->rows - t, SPAN);
        if (x->next) span.next += t * x->next_apart;
        span = in_shares(span, pieces(x->n), 0);
        split_in_three(p + t, ldp, m, span.rows, &split_p);
        span.part = x->part == RKV_CODES_BOTH ? RKV_CODES_LOWER : x->part;
        mix_part[m](&split_p, &span, y, ldy);
        span.next = NULL, span.part = RKV_CODES_WHOLE;
        if (x->part == RKV_CODES_BOTH) mix_part[m](&split_p, &span, y + x->n, ldy);
    }
}

INLINE void add_number(__m512 number, size_t n, float *y) {
    for (size_t i = 0; i < n; i += LANES)
        _mm512_storeu_ps(y + i, _mm512_add_ps(_mm512_loadu_ps(y + i), number));
}

/* Of values of 8 bits with one or two groups to a record. */
INLINE void mix_wholes(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, size_t n_groups,
                       float *y, size_t ldy) {
    const rkv_codes_block codes = codes_at(x, n_groups * sizeof(rkv_affine));
    const size_t numbers = x->layout->width / n_groups;
    split_vectors split_p[2];
    float shift[2][VECTORS];
    split_weights(p, ldp, m, x, n_groups, split_p, shift);
    for (size_t g = 0; g < n_groups; g++, y += numbers) {
        rkv_codes_block part = in_shares(codes, n_groups * pieces(numbers), g * pieces(numbers));
        part.n = numbers;
        part.codes += g * numbers;
        mix_part[m](&split_p[g], &part, y, ldy);
        for (size_t r = 0; r < m; r++)
            add_number(_mm512_set1_ps(shift[g][r]), numbers, y + r * ldy);
    }
}

/* ---- mixtures of codes of 4 bits, both halves of their bytes at one reading ---- */

/* Vectors that fit into the registers so. */
#define FEW_VECTORS ((size_t)3)

/* sum += the products of codes with four digits without a sign, by fours; of two sums and one load. */
INLINE void add_positive_2(__m512i *sum_0, __m512i codes_0, __m512i *sum_1, __m512i codes_1,
                           const int8_t *digits) {
    __m512i all;
    __asm__("vpbroadcastd %1, %0" : "=v"(all) : "m"(*(const int8_t(*)[4])(const void *)digits));
    __asm__("vpdpbusd %1, %2, %0" : "+v"(*sum_0) : "v"(codes_0), "v"(all));
    __asm__("vpdpbusd %1, %2, %0" : "+v"(*sum_1) : "v"(codes_1), "v"(all));
}

/* As mix_four: p and sum are those of the lower codes, then of the upper. */
INLINE void mix_four_both(const unsigned char *at, size_t apart, size_t last, bool half,
                          const split_vectors *const *p, size_t t, size_t m,
                          __m512i (*sum)[FEW_VECTORS][2][2]) {
    __m512i ab = two_rows(at, at + smaller(1, last) * apart, half);
    __m512i cd = two_rows(at + smaller(2, last) * apart, at + smaller(3, last) * apart, half);
    __m512i column[2] = {column_of(ab, cd, 0), column_of(ab, cd, 4)};
#pragma GCC unroll 2
    for (size_t h = 0; h < 2; h++) {
        const rkv_codes_part part = h ? RKV_CODES_UPPER : RKV_CODES_LOWER;
        __m512i first = codes_of(column[0], part), second = codes_of(column[1], part);
#pragma GCC unroll 3
        for (size_t r = 0; r < m; r++)
#pragma GCC unroll 2
            for (size_t g = 0; g < 2; g++)
                add_positive_2(&sum[h][r][0][g], first, &sum[h][r][1][g], second,
                               p[h]->first[r] + t / 4 * QUAD + 4 * g);
    }
}

/* As mix_piece; the upper codes' sums go to y + x->n. */
INLINE void mix_piece_both(const split_vectors *const *p, size_t m, const rkv_codes_block *x, bool half,
                           float *y, size_t ldy) {
    __m512i sum[2][FEW_VECTORS][2][2];
    const unsigned char *at = x->codes;
    size_t t = 0, apart = x->apart;
#pragma GCC unroll 2
    for (size_t h = 0; h < 2; h++)
#pragma GCC unroll 3
        for (size_t r = 0; r < m; r++)
#pragma GCC unroll 4
            for (size_t k = 0; k < 4; k++)
                sum[h][r][k / 2][k % 2] = _mm512_setzero_si512();
    for (; t + 4 <= x->rows; t += 4, at += 4 * apart) {
        rkv_codes_fetch_next(x, t, 4);
        mix_four_both(at, apart, 3, half, p, t, m, sum);
    }
    if (t < x->rows) mix_four_both(at, apart, x->rows - 1 - t, half, p, t, m, sum);
#pragma GCC unroll 2
    for (size_t h = 0; h < 2; h++)
#pragma GCC unroll 3
        for (size_t r = 0; r < m; r++)
#pragma GCC unroll 2
            for (size_t k = 0; k < 2; k++) {
                __m512 value = _mm512_mul_ps(value_of(sum[h][r][k], 2), _mm512_set1_ps(p[h]->step[r]));
                put_sums(value, half, y + h * x->n + r * ldy + 4 * k);
            }
}

/* Of values of 4 bits. */
INLINE void mix_halves(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, size_t n_groups,
                       float *y, size_t ldy) {
    const rkv_codes_block codes = codes_at(x, n_groups * sizeof(rkv_affine));
    split_vectors split_p[2];
    const split_vectors *const of_half[2] = {&split_p[0], &split_p[n_groups - 1]};
    float shift[2][VECTORS];
    split_weights(p, ldp, m, x, n_groups, split_p, shift);
    for (size_t d = 0; d < codes.n; d += PIECE) {
        rkv_codes_block piece = in_shares(codes, pieces(codes.n), d / PIECE);
        piece.codes += d;
        if (d + PIECE <= codes.n)
            mix_piece_both(of_half, m, &piece, false, y + d, ldy);
        else
            mix_piece_both(of_half, m, &piece, true, y + d, ldy);
    }
    for (size_t h = 0; h < 2; h++)
        for (size_t r = 0; r < m; r++)
            add_number(_mm512_set1_ps(shift[h * (n_groups - 1)][r]), codes.n, y + h * codes.n + r * ldy);
}

/* ---- for every number of vectors, as a constant ---- */

TARGET void rkv_vnni_dots_codes(const float *q, size_t ldq, size_t m, const rkv_codes_block *x, float *s,
                                size_t lds) {
    for (; m >= VECTORS; m -= VECTORS, q += VECTORS * ldq, s += VECTORS * lds)
        dots_rows(q, ldq, VECTORS, x, s, lds);
    if (m == 3) dots_rows(q, ldq, 3, x, s, lds);
    if (m == 2) dots_rows(q, ldq, 2, x, s, lds);
    if (m == 1) dots_rows(q, ldq, 1, x, s, lds);
}

TARGET void rkv_vnni_mix_codes(const float *p, size_t ldp, size_t m, const rkv_codes_block *x, float *y,
                               size_t ldy) {
    for (; m >= VECTORS; m -= VECTORS, p += VECTORS * ldp, y += VECTORS * ldy)
        mix_rows(p, ldp, VECTORS, x, y, ldy);
    if (m == 3) mix_rows(p, ldp, 3, x, y, ldy);
    if (m == 2) mix_rows(p, ldp, 2, x, y, ldy);
    if (m == 1) mix_rows(p, ldp, 1, x, y, ldy);
}

/* Rows of whole lanes, not too wide for the kernels. */
static bool fits(const rkv_row_layout *layout) {
    return layout->width <= SPAN && layout->width % (layout->bits == 8 ? LANES : 2 * LANES) == 0;
}

/* The same for m vectors and rows of `width` numbers, as constants: queries then stay in registers. */
#define DOTS_OF_GROUPS(m, width)                                                                             \
    TARGET static void dots_of_groups_##m##_##width(const float *q, size_t ldq, const rkv_affine_block *x,   \
                                                    size_t n, float *s, size_t lds) {                        \
        dots_of_groups(q, ldq, m, x, n, width, s, lds);                                                      \
    }
DOTS_OF_GROUPS(1, 64)
DOTS_OF_GROUPS(2, 64)
DOTS_OF_GROUPS(3, 64)
DOTS_OF_GROUPS(4, 64)
DOTS_OF_GROUPS(1, 128)
DOTS_OF_GROUPS(2, 128)
DOTS_OF_GROUPS(3, 128)
DOTS_OF_GROUPS(4, 128)
#undef DOTS_OF_GROUPS

typedef void dots_of_groups_fn(const float *q, size_t ldq, const rkv_affine_block *x, size_t n, float *s,
                               size_t lds);
static dots_of_groups_fn *const dots_of_groups_64[] = {NULL, dots_of_groups_1_64, dots_of_groups_2_64,
                                                       dots_of_groups_3_64, dots_of_groups_4_64};
static dots_of_groups_fn *const dots_of_groups_128[] = {NULL, dots_of_groups_1_128, dots_of_groups_2_128,
                                                        dots_of_groups_3_128, dots_of_groups_4_128};

bool rkv_vnni_dots_affine(const float *q, size_t ldq, size_t m, const rkv_affine_block *x, size_t n, float *s,
                          size_t lds) {
    const size_t width = x->layout->width;
    if (!x->layout->by_channel || (width != 64 && width != 128)) return false;
    dots_of_groups_fn *const *dots = width == 64 ? dots_of_groups_64 : dots_of_groups_128;
    for (size_t some; m; m -= some, q += some * ldq, s += some * lds) {
        some = smaller(m, VECTORS);
        dots[some](q, ldq, x, n, s, lds);
    }
    return true;
}

INLINE void mix_all_wholes(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, size_t n_groups,
                           float *y, size_t ldy) {
    for (; m >= VECTORS; m -= VECTORS, p += VECTORS * ldp, y += VECTORS * ldy)
        mix_wholes(p, ldp, VECTORS, x, n_groups, y, ldy);
    if (m == 3) mix_wholes(p, ldp, 3, x, n_groups, y, ldy);
    if (m == 2) mix_wholes(p, ldp, 2, x, n_groups, y, ldy);
    if (m == 1) mix_wholes(p, ldp, 1, x, n_groups, y, ldy);
}

INLINE void mix_all_halves(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, size_t n_groups,
                           float *y, size_t ldy) {
    for (; m > FEW_VECTORS; m -= 2, p += 2 * ldp, y += 2 * ldy)
        mix_halves(p, ldp, 2, x, n_groups, y, ldy);
    if (m == 3) mix_halves(p, ldp, 3, x, n_groups, y, ldy);
    if (m == 2) mix_halves(p, ldp, 2, x, n_groups, y, ldy);
    if (m == 1) mix_halves(p, ldp, 1, x, n_groups, y, ldy);
}

TARGET bool rkv_vnni_mix_affine(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, float *y,
                                size_t ldy) {
    const rkv_row_layout *layout = x->layout;
    if (layout->by_channel || !fits(layout) || x->rows > SPAN) return false;
    const bool one = layout->group == layout->width, two = 2 * layout->group == layout->width;
    if (!one && !(two && layout->group % LANES == 0)) return false;
    if (layout->bits == 8 && one) mix_all_wholes(p, ldp, m, x, 1, y, ldy);
    if (layout->bits == 8 && two) mix_all_wholes(p, ldp, m, x, 2, y, ldy);
    if (layout->bits == 4 && one) mix_all_halves(p, ldp, m, x, 1, y, ldy);
    if (layout->bits == 4 && two) mix_all_halves(p, ldp, m, x, 2, y, ldy);
    return true;
}
#endif
