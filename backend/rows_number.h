/* rows_number.h: what becomes of one number in the forms of rows.h, for the host's loops and a device's
 * kernels alike. Both give the same bytes because neither may round a product and a sum once instead of
 * twice: C does not by itself, and nvcc is told so (cuda/CMakeLists.txt). */
#ifndef RKV_BACKEND_ROWS_NUMBER_H
#define RKV_BACKEND_ROWS_NUMBER_H

#include "backend/rows_ops.h"
#include "core/half.h"

/* ---- 16 bits ---- */

/* The largest float16: what whole numbers and float16 rows hold goes no further. */
#define RKV_HALF_MOST 65504.0f

/* A NaN stays one. */
RKV_EVERYWHERE float rkv_within_half(float x) {
    return x > RKV_HALF_MOST ? RKV_HALF_MOST : x < -RKV_HALF_MOST ? -RKV_HALF_MOST : x;
}

/* bfloat16 is the upper half of a float: to the nearest, ties to even, at most the largest; a NaN stays one.
 */
RKV_EVERYWHERE uint16_t rkv_float_to_bfloat(float x) {
    const float most = 0x1.FEp127f;
    uint32_t bits = rkv_bits_of_float(x > most ? most : x < -most ? -most : x);
    uint32_t rounded = bits + 0x7FFFu + (bits >> 16 & 1u);
    return (uint16_t)((x == x ? rounded : bits | 0x00400000u) >> 16);
}

RKV_EVERYWHERE float rkv_bfloat_to_float(uint16_t x) {
    return rkv_float_of_bits((uint32_t)x << 16);
}

/* ---- whole numbers ---- */

/* As they are stored. */
typedef struct rkv_affine {
    uint16_t scale, zero;
} rkv_affine;

RKV_EVERYWHERE uint16_t rkv_nearest_half(float x) {
    uint16_t half = rkv_float_to_half(x);
    return half & 0x7FFFu ? half : (uint16_t)0; /* no minus zero */
}

/* The largest float16 that is not above x; |x| <= RKV_HALF_MOST. */
RKV_EVERYWHERE uint16_t rkv_half_below(float x) {
    uint16_t half = rkv_nearest_half(x);
    if (rkv_half_finite(half) <= x) return half;
    if (!half) return 0x8001u;
    return (uint16_t)(half & 0x8000u ? half + 1 : half - 1);
}

/* The smallest float16 that is not below x; 0 <= x < RKV_HALF_MOST. */
RKV_EVERYWHERE uint16_t rkv_half_above(float x) {
    uint16_t half = rkv_nearest_half(x);
    return (uint16_t)(rkv_half_finite(half) < x ? half + 1 : half);
}

/* For numbers from low to high, `levels` steps apart: zero is rounded down to float16 and scale up, so that
 * no code leaves 0 .. levels and every number is within half a step of its code's value. */
RKV_EVERYWHERE rkv_affine rkv_affine_of(float low, float high, float levels) {
    rkv_affine affine;
    affine.zero = rkv_half_below(rkv_within_half(low));
    affine.scale = rkv_half_above((rkv_within_half(high) - rkv_half_finite(affine.zero)) / levels);
    return affine;
}

/* 1 / scale, what codes are made with; 0: all numbers are equal. */
RKV_EVERYWHERE float rkv_affine_inverse(rkv_affine affine) {
    return affine.scale ? 1.0f / rkv_half_finite(affine.scale) : 0.0f;
}

/* The code nearest to x. */
RKV_EVERYWHERE unsigned char rkv_code_of(float x, float zero, float inverse, float levels) {
    float code = (x - zero) * inverse;
    code = code < 0 ? 0 : code > levels ? levels : code;
    return (unsigned char)(int)(code + 0.5f);
}

RKV_EVERYWHERE float rkv_levels(const rkv_row_layout *layout) {
    return layout->bits == 8 ? 255.0f : 15.0f;
}

/* ---- where they lie ---- */

/* Codes of a row: 8 bits each in their order; 4 bits: byte i holds number i below and number half + i above,
 * half = ceil(width / 2), so that both unpack without a shuffle. */
RKV_EVERYWHERE size_t rkv_codes_half(const rkv_row_layout *layout) {
    return (layout->width + 1) / 2;
}
RKV_EVERYWHERE size_t rkv_codes_bytes(const rkv_row_layout *layout) {
    return layout->bits == 8 ? layout->width : rkv_codes_half(layout);
}

/* Axis token: pairs of scale and zero in front of a row's codes. */
RKV_EVERYWHERE size_t rkv_token_groups(const rkv_row_layout *layout) {
    return (layout->width + layout->group - 1) / layout->group;
}

#endif
