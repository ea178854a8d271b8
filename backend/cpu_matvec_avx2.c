/* cpu_matvec_avx2.c: the kernels of cpu_matvec.h for AVX2 with FMA and F16C. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "backend/cpu_matvec.h"

#define TARGET   __attribute__((target("arch=x86-64-v3"), optimize("no-tree-vectorize")))
#define SET      rkv_matvec_avx2
#define SET_NAME "AVX2"
#define WIDTH    8

typedef float vector __attribute__((vector_size(32)));
typedef int32_t integers __attribute__((vector_size(32)));

TARGET static inline integers from_bytes(const unsigned char *bytes) {
    return (integers)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)bytes));
}

TARGET static inline integers from_signed_bytes(const unsigned char *bytes) {
    return (integers)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)bytes));
}

TARGET static inline vector low_nibbles(integers bytes) {
    return __builtin_convertvector(bytes & 15, vector);
}

TARGET static inline vector from_halves(const unsigned char *bytes) {
    return (vector)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)bytes));
}

TARGET static inline vector from_brains(const unsigned char *bytes) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)bytes));
    return (vector)_mm256_slli_epi32(wide, 16);
}

TARGET static inline void row_sums(const vector *v, float *sums) {
    __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps((__m256)v[0], (__m256)v[1]),
                                  _mm256_hadd_ps((__m256)v[2], (__m256)v[3]));
    _mm_storeu_ps(sums, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
}

#include "backend/cpu_matvec.inc.h"
#endif
