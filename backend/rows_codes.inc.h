/* rows_codes.inc.h: readers of codes for one instruction set; included by rows_codes.c once per set, with
 *   CODES(name)      the name with the set's ending
 *   CODES_TARGET     attributes that let it use the instruction set
 *   CODES_LANES      floats in a vector register
 *   CODES_WIDEN(p)   CODES_LANES bytes at p as an integer vector */
#define CODES_INLINE CODES_TARGET static inline __attribute__((always_inline))

typedef float CODES(floats) __attribute__((vector_size(CODES_LANES * sizeof(float)), aligned(4)));
typedef int32_t CODES(ints) __attribute__((vector_size(CODES_LANES * sizeof(int32_t))));

/* x [lanes] = zero + scale code. */
CODES_INLINE void CODES(put)(CODES(ints) codes, const CODES(floats) * scale, const CODES(floats) * zero,
                             float *x) {
    *(CODES(floats) *)x = *zero + *scale * __builtin_convertvector(codes, CODES(floats));
}

/* One row; `each`: scale and zero are arrays along it. Else they are taken out of the loop at once: the
 * compiler cannot, for all it knows x may overwrite them. */
CODES_INLINE void CODES(row)(const unsigned char *codes, size_t n, rkv_codes_part part, const float *scale,
                             const float *zero, bool each, float *x) {
    const float scale_0 = *scale, zero_0 = *zero;
    const CODES(floats) scales = scale_0 - (CODES(floats)){0}, zeros = zero_0 - (CODES(floats)){0};
    size_t i = 0, upper = part == RKV_CODES_BOTH ? n : 0; /* where the upper codes go */
#pragma GCC unroll 4
    for (; i + CODES_LANES <= n; i += CODES_LANES) {
        CODES(ints) whole = (CODES(ints))CODES_WIDEN(codes + i);
        const CODES(floats) *s = each ? (const CODES(floats) *)(scale + i) : &scales;
        const CODES(floats) *z = each ? (const CODES(floats) *)(zero + i) : &zeros;
        const CODES(floats) *s_upper = each ? (const CODES(floats) *)(scale + upper + i) : &scales;
        const CODES(floats) *z_upper = each ? (const CODES(floats) *)(zero + upper + i) : &zeros;
        if (part == RKV_CODES_WHOLE) CODES(put)(whole, s, z, x + i);
        if (part == RKV_CODES_LOWER || part == RKV_CODES_BOTH) CODES(put)(whole & 15, s, z, x + i);
        if (part == RKV_CODES_UPPER || part == RKV_CODES_BOTH)
            CODES(put)(whole >> 4, s_upper, z_upper, x + upper + i);
    }
    for (; i < n; i++) {
        int lower = part == RKV_CODES_WHOLE ? codes[i] : codes[i] & 15;
        size_t at = each ? i : 0, at_upper = each ? upper + i : 0;
        if (part != RKV_CODES_UPPER)
            x[i] = (each ? zero[at] : zero_0) + (each ? scale[at] : scale_0) * (float)lower;
        if (part == RKV_CODES_UPPER || part == RKV_CODES_BOTH)
            x[upper + i] = (each ? zero[at_upper] : zero_0) +
                           (each ? scale[at_upper] : scale_0) * (float)(codes[i] >> 4);
    }
}

CODES_INLINE void CODES(rows)(const rkv_codes_block *block, rkv_codes_part part, const float *scale,
                              const float *zero, bool each, float *x, size_t stride) {
    size_t n = block->n, apart = block->apart, rows = block->rows;
    const unsigned char *codes = block->codes;
    for (size_t row = 0; row < rows; row++, codes += apart, x += stride) {
        rkv_prefetch(codes, rows * apart); /* the same row of the next block */
        CODES(row)(codes, n, part, scale + (each ? 0 : row), zero + (each ? 0 : row), each, x);
    }
}

/* The loops above once for every part, as a constant. */
CODES_INLINE void CODES(block)(const rkv_codes_block *block, const float *scale, const float *zero, bool each,
                               float *x, size_t stride) {
    switch (block->part) {
    case RKV_CODES_WHOLE:
        CODES(rows)(block, RKV_CODES_WHOLE, scale, zero, each, x, stride);
        break;
    case RKV_CODES_LOWER:
        CODES(rows)(block, RKV_CODES_LOWER, scale, zero, each, x, stride);
        break;
    case RKV_CODES_UPPER:
        CODES(rows)(block, RKV_CODES_UPPER, scale, zero, each, x, stride);
        break;
    case RKV_CODES_BOTH:
        CODES(rows)(block, RKV_CODES_BOTH, scale, zero, each, x, stride);
    }
}

CODES_TARGET static void CODES(by_row)(const rkv_codes_block *block, const float *scale, const float *zero,
                                       float *x, size_t stride) {
    CODES(block)(block, scale, zero, false, x, stride);
}

CODES_TARGET static void CODES(by_number)(const rkv_codes_block *block, const float *scale, const float *zero,
                                          float *x, size_t stride) {
    CODES(block)(block, scale, zero, true, x, stride);
}

#undef CODES
#undef CODES_INLINE
#undef CODES_TARGET
#undef CODES_LANES
#undef CODES_WIDEN
