/* simd_math.h: exponential and logarithm that compilers turn into vector code.
 *
 * Cephes' expf and logf (Moshier 1992): argument reduction and a minimax polynomial; error below 2 units in
 * the last place over the ranges given here (tests/test_backend.c holds them to libm). */
#ifndef RKV_BACKEND_SIMD_MATH_H
#define RKV_BACKEND_SIMD_MATH_H

#include <stdint.h>
#include <string.h>

/* exp(x) for x <= 88; at most 1 for x <= 0 (cpu_stream.h's mix_affine relies on it); exactly 0 below
 * -87.3 (where the result would be subnormal), NaN for NaN. */
static inline float rkv_exp(float x) {
    float clamped = x < -87.3f ? -87.3f : x;
    float shifted = clamped * 1.44269504088896341f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    float n = shifted - 12582912.0f;
    float r = clamped - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int32_t)((uint32_t)(bits - 0x4B400000 + 127) << 23); /* 2^n */
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return x < -87.3f ? 0.0f : p * scale;
}

/* ln(x) for normal x > 0. */
static inline float rkv_log(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    int32_t exponent = (bits - 0x3F3504F3) >> 23; /* so that the mantissa lies in sqrt(1/2) .. sqrt(2) */
    bits -= (int32_t)((uint32_t)exponent << 23);
    float m, e = (float)exponent;
    memcpy(&m, &bits, sizeof m);
    m -= 1.0f;
    float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * z - 2.12194440e-4f * e - 0.5f * z;
    return m + p + 0.693359375f * e;
}

#endif
