/* dequantize_k.c: the K types, super-blocks of 256 elements with quantised sub-scales, to float32. */
#include <stddef.h>

#include "io/dequantize.h"

/* ---- Q4_K and Q5_K: eight sub-blocks of 32, each with a 6-bit scale and a 6-bit minimum ---- */

typedef struct sub_scales {
    float scale[8], minimum[8];
} sub_scales;

/* The 12 bytes hold, for sub-blocks 0..3, six bits of scale in bytes 0..3 and of minimum in bytes 4..7; the
 * top two bits of those bytes and the halves of bytes 8..11 make up sub-blocks 4..7. block: scale, minimum,
 * the 12 bytes. */
static inline sub_scales load_sub_scales(const unsigned char *block) {
    float scale = rkv_half_to_float(rkv_load_u16(block)),
          minimum = rkv_half_to_float(rkv_load_u16(block + 2));
    const unsigned char *packed = block + 4;
    sub_scales sub;
    for (int j = 0; j < 4; j++) {
        sub.scale[j] = scale * (float)(packed[j] & 63);
        sub.minimum[j] = minimum * (float)(packed[4 + j] & 63);
        sub.scale[4 + j] = scale * (float)((packed[8 + j] & 15) | (packed[j] >> 6) << 4);
        sub.minimum[4 + j] = minimum * (float)(packed[8 + j] >> 4 | (packed[4 + j] >> 6) << 4);
    }
    return sub;
}

/* Q4_K: scale, minimum, 12 bytes, 4 x 32 bytes; the low halves of 32 bytes are one sub-block, the high ones
 * the next. */
void rkv_decode_q4_k(const void *blocks, float *values, size_t n) {
    const unsigned char *block = blocks;
    for (; n > 0; n -= 256, block += 144) {
        const sub_scales sub = load_sub_scales(block);
        for (int j = 0; j < 8; j += 2, values += 64) {
            const unsigned char *restrict quanta = block + 16 + 16 * j;
            float *restrict out = values;
            for (int i = 0; i < 32; i++)
                out[i] = sub.scale[j] * (float)(quanta[i] & 15) - sub.minimum[j];
            for (int i = 0; i < 32; i++)
                out[32 + i] = sub.scale[j + 1] * (float)(quanta[i] >> 4) - sub.minimum[j + 1];
        }
    }
}

/* Q5_K: as Q4_K, with 32 bytes before the quanta: bit j of byte i is the fifth bit of element i of sub-block
 * j. */
void rkv_decode_q5_k(const void *blocks, float *values, size_t n) {
    const unsigned char *block = blocks;
    for (; n > 0; n -= 256, block += 176) {
        const sub_scales sub = load_sub_scales(block);
        for (int j = 0; j < 8; j += 2, values += 64) {
            const unsigned char *restrict high = block + 16, *restrict quanta = block + 48 + 16 * j;
            float *restrict out = values;
            for (int i = 0; i < 32; i++)
                out[i] = sub.scale[j] * (float)((quanta[i] & 15) | (high[i] >> j & 1) << 4) - sub.minimum[j];
            for (int i = 0; i < 32; i++)
                out[32 + i] = sub.scale[j + 1] * (float)(quanta[i] >> 4 | (high[i] >> (j + 1) & 1) << 4) -
                              sub.minimum[j + 1];
        }
    }
}

/* ---- Q6_K: sixteen sub-blocks of 16, each with a signed 8-bit scale ---- */

/* 16 elements whose low four bits are at low_shift of low[i] and whose high two bits are at high_shift of
 * high[i]. */
static inline void decode_six_bits(const unsigned char *restrict low, int low_shift,
                                   const unsigned char *restrict high, int high_shift, float scale,
                                   float *restrict values) {
    for (int i = 0; i < 16; i++)
        values[i] = scale * (float)(((low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4) - 32);
}

/* Q6_K: 2 x 64 bytes of low bits, 2 x 32 bytes of high bits, 16 sub-scales, scale. Of each half's 128
 * elements, number 32 q + i has its low bits in byte i (q even) or 32 + i (q odd), the low half of the byte
 * first. */
void rkv_decode_q6_k(const void *blocks, float *values, size_t n) {
    const unsigned char *block = blocks;
    for (; n > 0; n -= 256, block += 210) {
        float scale = rkv_half_to_float(rkv_load_u16(block + 208));
        const signed char *sub = (const signed char *)block + 192;
        for (int j = 0; j < 16; j++, values += 16) {
            int half = j / 8, quarter = j / 2 % 4, i = j % 2 * 16;
            decode_six_bits(block + 64 * half + 32 * (quarter % 2) + i, 4 * (quarter / 2),
                            block + 128 + 32 * half + i, 2 * quarter, scale * (float)sub[j], values);
        }
    }
}
