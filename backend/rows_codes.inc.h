/* rows_codes.inc.h: readers of codes for one instruction set; included by rows_codes.c once per set, with
 *   CODES(name)      the name with the set's ending
 *   CODES_TARGET     attributes that let it use the instruction set
 *   CODES_LANES      floats in a vector register
 *   CODES_WIDEN(p)   CODES_LANES bytes at p as an integer vector */
#define CODES_INLINE CODES_TARGET static inline __attribute__((always_inline))

typedef float CODES(floats) __attribute__((vector_size(CODES_LANES * sizeof(float)), aligned(4)));
typedef int32_t CODES(ints) __attribute__((vector_size(CODES_LANES * sizeof(int32_t))));

/* step is 1 where scale and zero change along the row, else 0: they are then taken out of the loop, which the
 * compiler cannot do, for all it knows x may overwrite them. */
CODES_INLINE void CODES(row)(const unsigned char *codes, size_t n, unsigned shift, int mask,
                             const float *scale, const float *zero, size_t step, float *x) {
    const float first_scale = *scale, first_zero = *zero;
    size_t i = 0;
#pragma GCC unroll 4
    for (; i + CODES_LANES <= n; i += CODES_LANES) {
        CODES(ints) whole = (CODES(ints))CODES_WIDEN(codes + i);
        if (mask != 255) whole = whole >> shift & mask;
        CODES(floats) value = __builtin_convertvector(whole, CODES(floats));
        CODES(floats) *to = (CODES(floats) *)(x + i);
        if (step)
            *to = *(const CODES(floats) *)(zero + i) + *(const CODES(floats) *)(scale + i) * value;
        else
            *to = first_zero + first_scale * value;
    }
    for (; i < n; i++)
        x[i] = (step ? zero[i] : first_zero) +
               (step ? scale[i] : first_scale) * (float)(codes[i] >> shift & mask);
}

CODES_INLINE void CODES(rows)(const rkv_codes_block *block, unsigned shift, int mask, const float *scale,
                              const float *zero, size_t step, float *x, size_t stride) {
    size_t n = block->n, apart = block->apart;
    const unsigned char *codes = block->codes;
    for (size_t row = 0; row < block->rows; row++)
        CODES(row)
    (codes + row * apart, n, shift, mask, scale + (step ? 0 : row), zero + (step ? 0 : row), step,
     x + row * stride);
}

/* The three ways in which a code lies in a byte, as constants. */
CODES_INLINE void CODES(block)(const rkv_codes_block *block, const float *scale, const float *zero,
                               size_t step, float *x, size_t stride) {
    if (block->bits == 8)
        CODES(rows)(block, 0, 255, scale, zero, step, x, stride);
    else if (block->shift)
        CODES(rows)(block, 4, 15, scale, zero, step, x, stride);
    else
        CODES(rows)(block, 0, 15, scale, zero, step, x, stride);
}

CODES_TARGET static void CODES(by_row)(const rkv_codes_block *block, const float *scale, const float *zero,
                                       float *x, size_t stride) {
    CODES(block)(block, scale, zero, 0, x, stride);
}

CODES_TARGET static void CODES(by_column)(const rkv_codes_block *block, const float *scale, const float *zero,
                                          float *x, size_t stride) {
    CODES(block)(block, scale, zero, 1, x, stride);
}

#undef CODES
#undef CODES_INLINE
#undef CODES_TARGET
#undef CODES_LANES
#undef CODES_WIDEN
