/* dequantize.c: plain numbers, and blocks of 32 elements with one scale, to float32. */
#include "io/dequantize.h"

#include <stddef.h>

/* ---- plain numbers ---- */

void rkv_decode_f32(const void *blocks, float *values, size_t n) {
    memcpy(values, blocks, n * sizeof *values);
}

void rkv_decode_f16(const void *blocks, float *values, size_t n) {
    const unsigned char *bytes = blocks;
    for (size_t i = 0; i < n; i++)
        values[i] = rkv_half_to_float(rkv_load_u16(bytes + 2 * i));
}

void rkv_decode_bf16(const void *blocks, float *values, size_t n) {
    const unsigned char *bytes = blocks;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)rkv_load_u16(bytes + 2 * i) << 16;
        memcpy(values + i, &bits, sizeof bits);
    }
}

/* ---- blocks of 32: the low halves of 16 bytes are elements 0..15, the high halves elements 16..31 ---- */

/* values[i] = scale * (quantum - zero) */
static inline void decode_nibbles(const unsigned char *restrict quanta, float scale, int zero,
                                  float *restrict values) {
    for (int i = 0; i < 16; i++)
        values[i] = scale * (float)((quanta[i] & 15) - zero);
    for (int i = 0; i < 16; i++)
        values[16 + i] = scale * (float)((quanta[i] >> 4) - zero);
}

/* The same with the fifth bit of element i at bit i of high. */
static inline void decode_five_bits(const unsigned char *restrict quanta, uint32_t high, float scale,
                                    int zero, float *restrict values) {
    for (int i = 0; i < 16; i++)
        values[i] = scale * (float)((int)((quanta[i] & 15u) | (high >> i & 1) << 4) - zero);
    for (int i = 0; i < 16; i++)
        values[16 + i] = scale * (float)((int)(quanta[i] >> 4 | (high >> (16 + i) & 1) << 4) - zero);
}

static inline void add_32(float *values, float offset) {
    for (int i = 0; i < 32; i++)
        values[i] += offset;
}

/* Q4_0: scale, 16 bytes. */
void rkv_decode_q4_0(const void *blocks, float *values, size_t n) {
    const unsigned char *block = blocks;
    for (size_t i = 0; i < n; i += 32, block += 18)
        decode_nibbles(block + 2, rkv_half_to_float(rkv_load_u16(block)), 8, values + i);
}

/* Q4_1: scale, minimum, 16 bytes. */
void rkv_decode_q4_1(const void *blocks, float *values, size_t n) {
    const unsigned char *block = blocks;
    for (size_t i = 0; i < n; i += 32, block += 20) {
        decode_nibbles(block + 4, rkv_half_to_float(rkv_load_u16(block)), 0, values + i);
        add_32(values + i, rkv_half_to_float(rkv_load_u16(block + 2)));
    }
}

/* Q5_0: scale, 32 fifth bits, 16 bytes. */
void rkv_decode_q5_0(const void *blocks, float *values, size_t n) {
    const unsigned char *block = blocks;
    for (size_t i = 0; i < n; i += 32, block += 22)
        decode_five_bits(block + 6, rkv_load_u32(block + 2), rkv_half_to_float(rkv_load_u16(block)), 16,
                         values + i);
}

/* Q5_1: scale, minimum, 32 fifth bits, 16 bytes. */
void rkv_decode_q5_1(const void *blocks, float *values, size_t n) {
    const unsigned char *block = blocks;
    for (size_t i = 0; i < n; i += 32, block += 24) {
        decode_five_bits(block + 8, rkv_load_u32(block + 4), rkv_half_to_float(rkv_load_u16(block)), 0,
                         values + i);
        add_32(values + i, rkv_half_to_float(rkv_load_u16(block + 2)));
    }
}

/* Q8_0: scale, 32 signed bytes. */
void rkv_decode_q8_0(const void *blocks, float *values, size_t n) {
    const unsigned char *block = blocks;
    for (size_t i = 0; i < n; i += 32, block += 34) {
        const signed char *restrict quanta = (const signed char *)block + 2;
        float scale = rkv_half_to_float(rkv_load_u16(block)), *restrict out = values + i;
        for (int k = 0; k < 32; k++)
            out[k] = scale * (float)quanta[k];
    }
}
