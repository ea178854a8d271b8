/* half.h: whole arrays between float32 and IEEE half precision (binary16). */
#ifndef RKV_CORE_HALF_H
#define RKV_CORE_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/everywhere.h"

/* Rounds to the nearest half, ties to even: beyond 65504 + 1/2 ulp to infinity, subnormals kept, a NaN stays
 * a quiet NaN. Uses F16C where the processor has it. */
void rkv_floats_to_halves(const float *values, uint16_t *halves, size_t n);
/* Exact. */
void rkv_halves_to_floats(const uint16_t *halves, float *values, size_t n);

/* The same in plain C, bit for bit: what processors without F16C run. */
void rkv_floats_to_halves_plain(const float *values, uint16_t *halves, size_t n);
void rkv_halves_to_floats_plain(const uint16_t *halves, float *values, size_t n);

/* ---- one number ---- */

RKV_EVERYWHERE uint32_t rkv_bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

RKV_EVERYWHERE float rkv_float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Three ranges of the magnitude. Below 2^-14 the result is subnormal: adding 0.5, whose last bit is worth
 * 2^-24 as a subnormal half's is, lets the adder do the rounding. Up to 65520 the exponent is rebased and 13
 * bits are rounded off. Above are infinity and NaN, whose payload keeps its upper bits and becomes quiet, as
 * F16C does it. */
RKV_EVERYWHERE uint16_t rkv_float_to_half(float value) {
    uint32_t bits = rkv_bits_of_float(value), magnitude = bits & 0x7FFFFFFFu, half;
    if (magnitude < 0x38800000u)
        half = rkv_bits_of_float(rkv_float_of_bits(magnitude) + 0.5f) - 0x3F000000u;
    else if (magnitude < 0x477FF000u)
        half = (magnitude - 0x38000000u + 0x0FFFu + (magnitude >> 13 & 1u)) >> 13;
    else
        half = magnitude > 0x7F800000u ? 0x7E00u | (magnitude >> 13 & 0x03FFu) : 0x7C00u;
    return (uint16_t)(half | (bits >> 16 & 0x8000u));
}

/* One finite half, exactly: the bits as a float's, whose exponent is then 112 too small, which a product
 * puts right for subnormals too. */
RKV_EVERYWHERE float rkv_half_finite(uint32_t half) {
    uint32_t sign = (half & 0x8000u) << 16;
    float value = rkv_float_of_bits((half & 0x7FFFu) << 13) * 0x1p112f;
    return rkv_float_of_bits(rkv_bits_of_float(value) | sign);
}

/* Any half: infinities and NaNs, which become quiet, have all bits of the exponent set in either form. */
RKV_EVERYWHERE float rkv_half_to_float(uint32_t half) {
    uint32_t magnitude = half & 0x7FFFu, bits = rkv_bits_of_float(rkv_half_finite(half));
    if (magnitude >= 0x7C00u) bits |= 0x7F800000u;
    if (magnitude > 0x7C00u) bits |= 0x00400000u;
    return rkv_float_of_bits(bits);
}

#endif
