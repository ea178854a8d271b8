/* half.c: whole arrays between float32 and IEEE half precision. */
#include "core/half.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define HAVE_F16C 1
#else
#define HAVE_F16C 0
#endif

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Three ranges of the magnitude. Below 2^-14 the result is subnormal: adding 0.5, whose last bit is worth
 * 2^-24 as a subnormal half's is, lets the adder do the rounding. Up to 65520 the exponent is rebased and 13
 * bits are rounded off. Above are infinity and NaN, whose payload keeps its upper bits and becomes quiet, as
 * F16C does it. */
static uint16_t to_half(float value) {
    uint32_t bits = bits_of(value), magnitude = bits & 0x7FFFFFFFu, half;
    if (magnitude < 0x38800000u)
        half = bits_of(float_of(magnitude) + 0.5f) - 0x3F000000u;
    else if (magnitude < 0x477FF000u)
        half = (magnitude - 0x38000000u + 0x0FFFu + (magnitude >> 13 & 1u)) >> 13;
    else
        half = magnitude > 0x7F800000u ? 0x7E00u | (magnitude >> 13 & 0x03FFu) : 0x7C00u;
    return (uint16_t)(half | (bits >> 16 & 0x8000u));
}

/* A subnormal half is an integer number of 2^-24. */
static float to_float(uint16_t half) {
    uint32_t magnitude = half & 0x7FFFu, bits;
    if (magnitude < 0x0400u)
        bits = bits_of((float)magnitude * 0x1p-24f);
    else if (magnitude < 0x7C00u)
        bits = (magnitude << 13) + 0x38000000u;
    else
        bits = magnitude << 13 | 0x7F800000u | (magnitude > 0x7C00u ? 0x00400000u : 0u);
    return float_of(bits | (uint32_t)(half & 0x8000u) << 16);
}

void rkv_floats_to_halves_plain(const float *values, uint16_t *halves, size_t n) {
    for (size_t i = 0; i < n; i++)
        halves[i] = to_half(values[i]);
}

void rkv_halves_to_floats_plain(const uint16_t *halves, float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] = to_float(halves[i]);
}

#if HAVE_F16C
__attribute__((target("avx,f16c"))) static size_t to_halves_f16c(const float *values, uint16_t *halves,
                                                                 size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(halves + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT));
    return i;
}

__attribute__((target("avx,f16c"))) static size_t to_floats_f16c(const uint16_t *halves, float *values,
                                                                 size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(values + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(halves + i))));
    return i;
}

static int have_f16c(void) {
    return __builtin_cpu_supports("avx") && __builtin_cpu_supports("f16c");
}
#endif

void rkv_floats_to_halves(const float *values, uint16_t *halves, size_t n) {
    size_t done = 0;
#if HAVE_F16C
    if (have_f16c()) done = to_halves_f16c(values, halves, n);
#endif
    rkv_floats_to_halves_plain(values + done, halves + done, n - done);
}

void rkv_halves_to_floats(const uint16_t *halves, float *values, size_t n) {
    size_t done = 0;
#if HAVE_F16C
    if (have_f16c()) done = to_floats_f16c(halves, values, n);
#endif
    rkv_halves_to_floats_plain(halves + done, values + done, n - done);
}
