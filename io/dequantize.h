/* dequantize.h: the decoders behind the table of tensor types.
 *
 * Each decodes n elements, a multiple of its type's block, from blocks of any alignment. The layouts are
 * ggml's (ggml-common.h); the arithmetic is that of the Python package gguf (gguf.quants), bit for bit: a
 * scale has 11 significant bits, a sub-scale at most 7 and a quantum at most 6, so every product is exact in
 * float32, and the one addition rounds once, fused or not. */
#ifndef RKV_IO_DEQUANTIZE_H
#define RKV_IO_DEQUANTIZE_H

#include "io/little_endian.h"

/* IEEE half precision (its bits) to single; exact. Selections instead of branches, so that loops over it
 * vectorise. */
static inline float rkv_half_to_float(uint16_t half) {
    uint32_t magnitude = half & 0x7FFFu, bits = (magnitude << 13) + (112u << 23);
    bits += magnitude >= 0x7C00u ? 112u << 23 : 0; /* infinity and NaN */
    float small = (float)(int32_t)magnitude * 0x1p-24f, value;
    uint32_t small_bits;
    memcpy(&small_bits, &small, sizeof small_bits);
    bits = (magnitude < 0x0400u ? small_bits : bits) | (uint32_t)(half & 0x8000u) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void rkv_decode_f32(const void *blocks, float *values, size_t n);
void rkv_decode_f16(const void *blocks, float *values, size_t n);
void rkv_decode_bf16(const void *blocks, float *values, size_t n);

void rkv_decode_q4_0(const void *blocks, float *values, size_t n);
void rkv_decode_q4_1(const void *blocks, float *values, size_t n);
void rkv_decode_q5_0(const void *blocks, float *values, size_t n);
void rkv_decode_q5_1(const void *blocks, float *values, size_t n);
void rkv_decode_q8_0(const void *blocks, float *values, size_t n);

void rkv_decode_q4_k(const void *blocks, float *values, size_t n);
void rkv_decode_q5_k(const void *blocks, float *values, size_t n);
void rkv_decode_q6_k(const void *blocks, float *values, size_t n);

#endif
