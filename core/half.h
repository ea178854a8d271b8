/* half.h: whole arrays between float32 and IEEE half precision (binary16). */
#ifndef RKV_CORE_HALF_H
#define RKV_CORE_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Rounds to the nearest half, ties to even: beyond 65504 + 1/2 ulp to infinity, subnormals kept, a NaN stays
 * a quiet NaN. Uses F16C where the processor has it. */
void rkv_floats_to_halves(const float *values, uint16_t *halves, size_t n);
/* Exact. */
void rkv_halves_to_floats(const uint16_t *halves, float *values, size_t n);

/* The same in plain C, bit for bit: what processors without F16C run. */
void rkv_floats_to_halves_plain(const float *values, uint16_t *halves, size_t n);
void rkv_halves_to_floats_plain(const uint16_t *halves, float *values, size_t n);

/* One finite half, exactly: the bits as a float's, whose exponent is then 112 too small, which a product
 * puts right for subnormals too. */
static inline float rkv_half_finite(uint32_t half) {
    uint32_t bits = (half & 0x7FFFu) << 13, sign = (half & 0x8000u) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    value *= 0x1p112f;
    memcpy(&bits, &value, sizeof bits);
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
