/* half.c: whole arrays between float32 and IEEE half precision. */
#include "core/half.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define HAVE_F16C 1
#else
#define HAVE_F16C 0
#endif

void rkv_floats_to_halves_plain(const float *values, uint16_t *halves, size_t n) {
    for (size_t i = 0; i < n; i++)
        halves[i] = rkv_float_to_half(values[i]);
}

void rkv_halves_to_floats_plain(const uint16_t *halves, float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] = rkv_half_to_float(halves[i]);
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
