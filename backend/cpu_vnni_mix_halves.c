/* cpu_vnni_mix_halves.c: mixtures of values of 4 bits for AVX-512 VNNI: the codes in both halves of their
 * bytes at one reading. */
#if defined(__x86_64__)
#include "backend/cpu_vnni_mix.h"

/* Vectors that fit into the registers so. */
#define FEW_VECTORS ((size_t)3)

/* As add_products_2 (cpu_vnni_mix.c), of digits without a sign. */
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
    __m512i ab = two_rows(at, at + rkv_smaller(1, last) * apart, half);
    __m512i cd = two_rows(at + rkv_smaller(2, last) * apart, at + rkv_smaller(3, last) * apart, half);
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

/* With the numbers of vectors and groups as constants. */
INLINE void mix_all(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, size_t n_groups,
                    float *y, size_t ldy) {
    for (; m > FEW_VECTORS; m -= 2, p += 2 * ldp, y += 2 * ldy)
        mix_halves(p, ldp, 2, x, n_groups, y, ldy);
    if (m == 3) mix_halves(p, ldp, 3, x, n_groups, y, ldy);
    if (m == 2) mix_halves(p, ldp, 2, x, n_groups, y, ldy);
    if (m == 1) mix_halves(p, ldp, 1, x, n_groups, y, ldy);
}

TARGET void rkv_vnni_mix_halves(const float *p, size_t ldp, size_t m, const rkv_affine_block *x,
                                size_t n_groups, float *y, size_t ldy) {
    if (n_groups == 1)
        mix_all(p, ldp, m, x, 1, y, ldy);
    else
        mix_all(p, ldp, m, x, 2, y, ldy);
}
#endif
