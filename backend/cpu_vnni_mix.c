/* cpu_vnni_mix.c: mixtures of rows of codes for AVX-512 VNNI: any weights and codes, and values of 8 bits
 * with their scales. */
#if defined(__x86_64__)
#include "backend/cpu_vnni_mix.h"
#include "backend/cpu_stream_vnni.h"

/* Two sums += the products of bytes with the same four digits, by fours; digits are loaded once. */
INLINE void add_products_2(__m512i *sum_0, __m512i bytes_0, __m512i *sum_1, __m512i bytes_1,
                           const int8_t *digits) {
    __m512i all;
    __asm__("vpbroadcastd %1, %0" : "=v"(all) : "m"(*(const int8_t(*)[4])(const void *)digits));
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum_0) : "v"(bytes_0), "v"(all));
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum_1) : "v"(bytes_1), "v"(all));
}

/* Adds four rows, `apart` bytes apart; past `last` the last stands in, with digits that are 0. sum [m, 2]. */
INLINE void mix_four(const unsigned char *at, size_t apart, size_t last, bool half, rkv_codes_part part,
                     const split_vectors *p, size_t t, size_t m, __m512i (*sum)[2][3]) {
    __m512i ab = two_rows(at, at + rkv_smaller(1, last) * apart, half);
    __m512i cd = two_rows(at + rkv_smaller(2, last) * apart, at + rkv_smaller(3, last) * apart, half);
    __m512i first = codes_of(column_of(ab, cd, 0), part), second = codes_of(column_of(ab, cd, 4), part);
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 3
        for (size_t g = 0; g < 3; g++)
            add_products_2(&sum[r][0][g], first, &sum[r][1][g], second, p->first[r] + t / 4 * QUAD + 4 * g);
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

INLINE void mix_rows(const float *p, size_t ldp, size_t m, const rkv_codes_block *x, float *y, size_t ldy) {
    split_vectors split_p;
    for (size_t t = 0; t < x->rows; t += SPAN) {
        rkv_codes_block span = *x;
        span.codes += t * x->apart, span.rows = rkv_smaller(x->rows - t, SPAN);
        if (x->next) span.next += t * x->next_apart;
        span = in_shares(span, pieces(x->n), 0);
        split_in_three(p + t, ldp, m, span.rows, &split_p);
        span.part = x->part == RKV_CODES_BOTH ? RKV_CODES_LOWER : x->part;
        mix_part[m](&split_p, &span, y, ldy);
        span.next = NULL, span.part = RKV_CODES_WHOLE;
        if (x->part == RKV_CODES_BOTH) mix_part[m](&split_p, &span, y + x->n, ldy);
    }
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

/* ---- for every number of vectors, as a constant ---- */

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

INLINE void mix_all(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, size_t n_groups,
                    float *y, size_t ldy) {
    for (; m >= VECTORS; m -= VECTORS, p += VECTORS * ldp, y += VECTORS * ldy)
        mix_wholes(p, ldp, VECTORS, x, n_groups, y, ldy);
    if (m == 3) mix_wholes(p, ldp, 3, x, n_groups, y, ldy);
    if (m == 2) mix_wholes(p, ldp, 2, x, n_groups, y, ldy);
    if (m == 1) mix_wholes(p, ldp, 1, x, n_groups, y, ldy);
}

TARGET bool rkv_vnni_mix_affine(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, float *y,
                                size_t ldy) {
    const rkv_row_layout *layout = x->layout;
    if (layout->by_channel || !fits(layout) || x->rows > SPAN) return false;
    const bool one = layout->group == layout->width, two = 2 * layout->group == layout->width;
    if (!one && !(two && layout->group % LANES == 0)) return false;
    if (layout->bits == 4)
        rkv_vnni_mix_halves(p, ldp, m, x, one ? 1 : 2, y, ldy);
    else if (one)
        mix_all(p, ldp, m, x, 1, y, ldy);
    else
        mix_all(p, ldp, m, x, 2, y, ldy);
    return true;
}
#endif
