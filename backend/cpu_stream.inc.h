/* cpu_stream.inc.h: the products of cpu_stream.h for one instruction set; included by cpu_stream.c once per
 * set, before cpu_stream_codes.inc.h, with
 *   STREAM(name)   the name with the set's ending
 *   STREAM_TARGET  attributes that let it use the instruction set
 *   STREAM_LANES   floats in a vector register: 4, 8 or 16
 *   STREAM_LIST    M, s -> M(0, s), .. M(STREAM_LANES - 1, s)
 *   STREAM_ROWS    vectors (q or p) that share a pass: 4 STREAM_ROWS accumulators, STREAM_ROWS operands and
 *                  one more fit the registers */
#define STREAM_INLINE STREAM_TARGET static inline __attribute__((always_inline))

typedef float STREAM(vector) __attribute__((vector_size(STREAM_LANES * sizeof(float)), aligned(4)));
typedef int32_t STREAM(ints) __attribute__((vector_size(STREAM_LANES * sizeof(int32_t))));

/* Lane i is the sum of lanes i and i ^ s of a where bit s of i is not set, of b where it is. Merging vectors
 * pair by pair with s = 1, 2, 4.. leaves the sum of vector i in lane i. */
#define MERGE_SAME(i, s)  ((i) & (s) ? STREAM_LANES + (i) : (i))
#define MERGE_OTHER(i, s) ((i) & (s) ? STREAM_LANES + ((i) ^ (s)) : ((i) ^ (s)))
#define MERGE(a, b, s)                                                                                       \
    (__builtin_shufflevector(a, b, STREAM_LIST(MERGE_SAME, s)) +                                             \
     __builtin_shufflevector(a, b, STREAM_LIST(MERGE_OTHER, s)))

/* Lane i of sum[r]: part of the product of vector r with row i % 4 of x [4 rows]. */
STREAM_INLINE void STREAM(quad)(const float *q, size_t ldq, size_t m, const float *const *x, size_t width,
                                STREAM(vector) * sum) {
    STREAM(vector) part[4][STREAM_ROWS];
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
        part[0][r] = part[1][r] = part[2][r] = part[3][r] = (STREAM(vector)){0};
    for (size_t d = 0; d < width; d += STREAM_LANES)
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            STREAM(vector) row = *(const STREAM(vector) *)(x[i] + d);
            rkv_prefetch(x[i] + d, STREAM_AHEAD);
#pragma GCC unroll 4
            for (size_t r = 0; r < m; r++)
                part[i][r] += row * *(const STREAM(vector) *)(q + r * ldq + d);
        }
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
        sum[r] = MERGE(MERGE(part[0][r], part[1][r], 1), MERGE(part[2][r], part[3][r], 1), 2);
}

/* Lane i of s[r]: the sum of the lanes of vector r's product with row i, out of those of every four rows. */
STREAM_INLINE void STREAM(merge_quads)(STREAM(vector) (*sum)[STREAM_ROWS], size_t m, STREAM(vector) * s) {
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#if STREAM_LANES == 16
        s[r] = MERGE(MERGE(sum[0][r], sum[1][r], 4), MERGE(sum[2][r], sum[3][r], 4), 8);
#elif STREAM_LANES == 8
        s[r] = MERGE(sum[0][r], sum[1][r], 4);
#else
        s[r] = sum[0][r];
#endif
}

/* To s [m, n], at most STREAM_LANES of them. */
STREAM_INLINE void STREAM(put_group)(const STREAM(vector) * group, size_t m, size_t n, float *s, size_t lds) {
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
        if (n >= STREAM_LANES)
            *(STREAM(vector) *)(s + r * lds) = group[r];
        else
            memcpy(s + r * lds, &group[r], n * sizeof *s);
}

/* s [m, STREAM_LANES] for rows first .. of x [n], the last of which stands in for those past the end. */
STREAM_INLINE void STREAM(dots_group)(const float *q, size_t ldq, size_t m, const float *x, size_t ld,
                                      size_t first, size_t n, size_t width, STREAM(vector) * s) {
    STREAM(vector) sum[STREAM_LANES / 4][STREAM_ROWS];
#pragma GCC unroll 4
    for (size_t k = 0; k < STREAM_LANES / 4; k++) {
        const float *rows[4];
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            size_t row = first + 4 * k + i;
            rows[i] = x + (row < n ? row : n - 1) * ld;
        }
        STREAM(quad)(q, ldq, m, rows, width, sum[k]);
    }
    STREAM(merge_quads)(sum, m, s);
}

STREAM_INLINE void STREAM(dots_rows)(const float *q, size_t ldq, size_t m, const float *x, size_t ld,
                                     size_t n, size_t width, float *s, size_t lds) {
    for (size_t j = 0; j < n; j += STREAM_LANES) {
        STREAM(vector) group[STREAM_ROWS];
        STREAM(dots_group)(q, ldq, m, x, ld, j, n, width, group);
        STREAM(put_group)(group, m, n - j, s + j, lds);
    }
}

/* y [m, lanes of `vectors`] += p x, from column d on. */
STREAM_INLINE void STREAM(mix_columns)(const float *p, size_t ldp, size_t m, const float *x, size_t ld,
                                       size_t n, float *y, size_t ldy, size_t vectors) {
    STREAM(vector) sum[STREAM_ROWS][4];
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = (STREAM(vector)){0};
    for (size_t j = 0; j < n; j++)
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            STREAM(vector) row = *(const STREAM(vector) *)(x + j * ld + v * STREAM_LANES);
            rkv_prefetch(x + j * ld + v * STREAM_LANES, STREAM_AHEAD);
#pragma GCC unroll 4
            for (size_t r = 0; r < m; r++)
                sum[r][v] += p[r * ldp + j] * row;
        }
#pragma GCC unroll 4
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++)
            *(STREAM(vector) *)(y + r * ldy + v * STREAM_LANES) += sum[r][v];
}

STREAM_INLINE void STREAM(mix_rows)(const float *p, size_t ldp, size_t m, const float *x, size_t ld, size_t n,
                                    size_t width, float *y, size_t ldy) {
    size_t d = 0;
    for (; d + 4 * STREAM_LANES <= width; d += 4 * STREAM_LANES)
        STREAM(mix_columns)(p, ldp, m, x + d, ld, n, y + d, ldy, 4);
    for (; d < width; d += STREAM_LANES)
        STREAM(mix_columns)(p, ldp, m, x + d, ld, n, y + d, ldy, 1);
}

/* The loops above once for every number of vectors, so that each finds its registers at compile time. */
STREAM_TARGET static void STREAM(dots)(const float *q, size_t ldq, size_t m, const float *x, size_t ld,
                                       size_t n, size_t width, float *s, size_t lds) {
    for (; m >= STREAM_ROWS; m -= STREAM_ROWS, q += STREAM_ROWS * ldq, s += STREAM_ROWS * lds)
        STREAM(dots_rows)(q, ldq, STREAM_ROWS, x, ld, n, width, s, lds);
    if (m == 3) STREAM(dots_rows)(q, ldq, 3, x, ld, n, width, s, lds);
    if (m == 2) STREAM(dots_rows)(q, ldq, 2, x, ld, n, width, s, lds);
    if (m == 1) STREAM(dots_rows)(q, ldq, 1, x, ld, n, width, s, lds);
}

STREAM_TARGET static void STREAM(mix)(const float *p, size_t ldp, size_t m, const float *x, size_t ld,
                                      size_t n, size_t width, float *y, size_t ldy) {
    for (; m >= STREAM_ROWS; m -= STREAM_ROWS, p += STREAM_ROWS * ldp, y += STREAM_ROWS * ldy)
        STREAM(mix_rows)(p, ldp, STREAM_ROWS, x, ld, n, width, y, ldy);
    if (m == 3) STREAM(mix_rows)(p, ldp, 3, x, ld, n, width, y, ldy);
    if (m == 2) STREAM(mix_rows)(p, ldp, 2, x, ld, n, width, y, ldy);
    if (m == 1) STREAM(mix_rows)(p, ldp, 1, x, ld, n, width, y, ldy);
}
