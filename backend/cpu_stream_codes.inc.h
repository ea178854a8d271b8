/* cpu_stream_codes.inc.h: the products of cpu_stream.h with codes for one instruction set; included by
 * cpu_stream.c once per set behind cpu_stream.inc.h, whose macros it uses and clears, with
 *   STREAM_WIDEN(p)  STREAM_LANES bytes at p as an integer vector
 *   STREAM_LOW(c)    the four lowest bits of its lanes as floats
 *
 * Codes become floats in registers, once for all vectors that share a pass. */

/* As floats; of RKV_CODES_BOTH the whole bytes. */
STREAM_INLINE STREAM(vector) STREAM(part_of)(STREAM(ints) codes, rkv_codes_part part) {
    if (part == RKV_CODES_LOWER) return STREAM_LOW(codes);
    return __builtin_convertvector(part == RKV_CODES_UPPER ? codes >> 4 : codes, STREAM(vector));
}

/* sums [4, m] += the products of q with four rows' bytes from d on. */
STREAM_INLINE void STREAM(codes_step)(const float *q, size_t ldq, size_t m, const unsigned char *const *rows,
                                      size_t n, size_t d, rkv_codes_part part,
                                      STREAM(vector) (*sums)[STREAM_ROWS]) {
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        STREAM(ints) codes = STREAM_WIDEN(rows[i] + d);
        STREAM(vector) whole = STREAM(part_of)(codes, part), low = STREAM_LOW(codes);
#pragma GCC unroll 4
        for (size_t r = 0; r < m; r++) {
            if (part == RKV_CODES_BOTH) {
                sums[i][r] += low * *(const STREAM(vector) *)(q + r * ldq + d);
                sums[i][r] += whole * *(const STREAM(vector) *)(q + r * ldq + n + d);
            } else {
                sums[i][r] += whole * *(const STREAM(vector) *)(q + r * ldq + d);
            }
        }
    }
}

/* Lane i of sum[r]: part of the product of vector r with row i % 4. `known`: n is a constant. */
STREAM_INLINE void STREAM(codes_quad)(const float *q, size_t ldq, size_t m, const unsigned char *const *rows,
                                      size_t n, bool known, rkv_codes_part part, STREAM(vector) * sum) {
    STREAM(vector) sums[4][STREAM_ROWS];
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
        sums[0][r] = sums[1][r] = sums[2][r] = sums[3][r] = (STREAM(vector)){0};
    if (known) {
#pragma GCC unroll 4
        for (size_t d = 0; d < n; d += STREAM_LANES)
            STREAM(codes_step)(q, ldq, m, rows, n, d, part, sums);
    } else {
        for (size_t d = 0; d < n; d += STREAM_LANES)
            STREAM(codes_step)(q, ldq, m, rows, n, d, part, sums);
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
        sum[r] = MERGE(MERGE(sums[0][r], sums[1][r], 1), MERGE(sums[2][r], sums[3][r], 1), 2);
}

/* s [m, STREAM_LANES] for rows first .. of x, the last of which stands in for those past the end. */
STREAM_INLINE void STREAM(codes_group)(const float *q, size_t ldq, size_t m, const rkv_codes_block *x,
                                       size_t n, bool known, rkv_codes_part part, size_t first,
                                       STREAM(vector) * s) {
    STREAM(vector) sum[STREAM_LANES / 4][STREAM_ROWS];
#pragma GCC unroll 4
    for (size_t k = 0; k < STREAM_LANES / 4; k++) {
        const unsigned char *rows[4];
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            size_t row = first + 4 * k + i;
            rows[i] = x->codes + (row < x->rows ? row : x->rows - 1) * x->apart;
        }
        STREAM(codes_quad)(q, ldq, m, rows, n, known, part, sum[k]);
    }
    STREAM(merge_quads)(sum, m, s);
}

STREAM_INLINE void STREAM(codes_groups)(const float *q, size_t ldq, size_t m, const rkv_codes_block *x,
                                        size_t n, bool known, rkv_codes_part part, float *s, size_t lds) {
    for (size_t j = 0; j < x->rows; j += STREAM_LANES) {
        STREAM(vector) group[STREAM_ROWS];
        rkv_codes_fetch_next(x, j, STREAM_LANES);
        STREAM(codes_group)(q, ldq, m, x, n, known, part, j, group);
        STREAM(put_group)(group, m, x->rows - j, s + j, lds);
    }
}

/* Once more for the number of bytes that most heads have: 64 numbers of 8 or of 4 bits. */
STREAM_INLINE void STREAM(codes_rows)(const float *q, size_t ldq, size_t m, const rkv_codes_block *x,
                                      rkv_codes_part part, float *s, size_t lds) {
    const size_t usual = part == RKV_CODES_BOTH ? 32 : 64;
    if (x->n == usual && (part == RKV_CODES_WHOLE || part == RKV_CODES_BOTH))
        STREAM(codes_groups)(q, ldq, m, x, usual, true, part, s, lds);
    else
        STREAM(codes_groups)(q, ldq, m, x, x->n, false, part, s, lds);
}

/* y += p x for the `vectors` vectors of bytes from byte d on. Sums begin with what is there: rows in two
 * calls give the same bits as in one. */
STREAM_INLINE void STREAM(codes_columns)(const float *p, size_t ldp, size_t m, const rkv_codes_block *x,
                                         rkv_codes_part part, size_t d, size_t vectors, float *y,
                                         size_t ldy) {
    const unsigned char *row = x->codes;
    const size_t n = x->n, apart = x->apart, count = x->rows;
    float *upper = y + n;
    STREAM(vector) sum[STREAM_ROWS][4], low_sum[STREAM_ROWS][4];
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            size_t at = r * ldy + d + v * STREAM_LANES;
            sum[r][v] = *(const STREAM(vector) *)((part == RKV_CODES_BOTH ? upper : y) + at);
            if (part == RKV_CODES_BOTH) low_sum[r][v] = *(const STREAM(vector) *)(y + at);
        }
    for (size_t j = 0; j < count; j++, row += apart) {
        if (d == 0 && j % 4 == 0) rkv_codes_fetch_next(x, j, 4);
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            STREAM(ints) codes = STREAM_WIDEN(row + d + v * STREAM_LANES);
            STREAM(vector) whole = STREAM(part_of)(codes, part), low = STREAM_LOW(codes);
#pragma GCC unroll 4
            for (size_t r = 0; r < m; r++) {
                sum[r][v] += p[r * ldp + j] * whole;
                if (part == RKV_CODES_BOTH) low_sum[r][v] += p[r * ldp + j] * low;
            }
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            size_t at = r * ldy + d + v * STREAM_LANES;
            *(STREAM(vector) *)((part == RKV_CODES_BOTH ? upper : y) + at) = sum[r][v];
            if (part == RKV_CODES_BOTH) *(STREAM(vector) *)(y + at) = low_sum[r][v];
        }
}

STREAM_INLINE void STREAM(codes_mixed)(const float *p, size_t ldp, size_t m, const rkv_codes_block *x,
                                       rkv_codes_part part, float *y, size_t ldy) {
    const size_t wide = part == RKV_CODES_BOTH ? 2 : 4; /* vectors whose sums fit the registers */
    size_t d = 0;
    for (; d + wide * STREAM_LANES <= x->n; d += wide * STREAM_LANES)
        STREAM(codes_columns)(p, ldp, m, x, part, d, wide, y, ldy);
    for (; d < x->n; d += STREAM_LANES)
        STREAM(codes_columns)(p, ldp, m, x, part, d, 1, y, ldy);
}

/* The loops above once for every part and number of vectors, as constants. */
#define STREAM_PARTS(call, m)                                                                                \
    switch (x->part) {                                                                                       \
    case RKV_CODES_WHOLE:                                                                                    \
        call(m, RKV_CODES_WHOLE);                                                                            \
        break;                                                                                               \
    case RKV_CODES_LOWER:                                                                                    \
        call(m, RKV_CODES_LOWER);                                                                            \
        break;                                                                                               \
    case RKV_CODES_UPPER:                                                                                    \
        call(m, RKV_CODES_UPPER);                                                                            \
        break;                                                                                               \
    case RKV_CODES_BOTH:                                                                                     \
        call(m, RKV_CODES_BOTH);                                                                             \
    }

#define STREAM_DOTS(m, part) STREAM(codes_rows)(q, ldq, m, x, part, s, lds)
STREAM_TARGET static void STREAM(dots_codes)(const float *q, size_t ldq, size_t m, const rkv_codes_block *x,
                                             float *s, size_t lds) {
    for (; m >= STREAM_ROWS; m -= STREAM_ROWS, q += STREAM_ROWS * ldq, s += STREAM_ROWS * lds)
        STREAM_PARTS(STREAM_DOTS, STREAM_ROWS)
    if (m == 3) STREAM_PARTS(STREAM_DOTS, 3)
    if (m == 2) STREAM_PARTS(STREAM_DOTS, 2)
    if (m == 1) STREAM_PARTS(STREAM_DOTS, 1)
}

#define STREAM_MIX(m, part) STREAM(codes_mixed)(p, ldp, m, x, part, y, ldy)
STREAM_TARGET static void STREAM(mix_codes)(const float *p, size_t ldp, size_t m, const rkv_codes_block *x,
                                            float *y, size_t ldy) {
    for (; m >= STREAM_ROWS; m -= STREAM_ROWS, p += STREAM_ROWS * ldp, y += STREAM_ROWS * ldy)
        STREAM_PARTS(STREAM_MIX, STREAM_ROWS)
    if (m == 3) STREAM_PARTS(STREAM_MIX, 3)
    if (m == 2) STREAM_PARTS(STREAM_MIX, 2)
    if (m == 1) STREAM_PARTS(STREAM_MIX, 1)
}

#undef STREAM_DOTS
#undef STREAM_MIX
#undef STREAM_PARTS
#undef MERGE
#undef MERGE_SAME
#undef MERGE_OTHER
#undef STREAM_INLINE
#undef STREAM
#undef STREAM_TARGET
#undef STREAM_LANES
#undef STREAM_LIST
#undef STREAM_ROWS
#undef STREAM_WIDEN
#undef STREAM_LOW
