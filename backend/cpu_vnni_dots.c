/* cpu_vnni_dots.c: queries times codes for AVX-512 VNNI, which multiplies 64 bytes at once and adds the
 * products by fours. */
#if defined(__x86_64__)
#include "backend/cpu_stream_vnni.h"
#include "backend/cpu_vnni_digits.h"

/* ---- queries as digits ---- */

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

/* ---- products ---- */

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

/* sum += the products of bytes with four digits, by fours. As an intrinsic, GCC 12 loads the digits apart and
 * moves every sum to and fro, which takes half as long again. */
INLINE void add_products(__m512i *sum, __m512i bytes, const int8_t *digits) {
    __asm__("vpdpbusd %2%{1to16%}, %1, %0"
            : "+v"(*sum)
            : "v"(bytes), "m"(*(const int8_t(*)[4])(const void *)digits));
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
                few.at[i] = rkv_smaller(i, left - 1) * x->apart;
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
        size_t n = rkv_smaller(x->n - d, SPAN);
        if (x->part == RKV_CODES_WHOLE)
            split_in_three(q + d, ldq, m, n, &split_q);
        else
            split_in_two(q + d, ldq, m, n, x->n, x->part == RKV_CODES_BOTH, &split_q);
        dots_part[m](&split_q, &part, n, NULL, d > 0, s, lds);
    }
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

/* ---- for every number of vectors, as a constant ---- */

TARGET void rkv_vnni_dots_codes(const float *q, size_t ldq, size_t m, const rkv_codes_block *x, float *s,
                                size_t lds) {
    for (; m >= VECTORS; m -= VECTORS, q += VECTORS * ldq, s += VECTORS * lds)
        dots_rows(q, ldq, VECTORS, x, s, lds);
    if (m == 3) dots_rows(q, ldq, 3, x, s, lds);
    if (m == 2) dots_rows(q, ldq, 2, x, s, lds);
    if (m == 1) dots_rows(q, ldq, 1, x, s, lds);
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
        some = rkv_smaller(m, VECTORS);
        dots[some](q, ldq, x, n, s, lds);
    }
    return true;
}

#endif
