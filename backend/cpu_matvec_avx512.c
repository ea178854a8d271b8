/* cpu_matvec_avx512.c: the kernels of cpu_matvec.h for AVX-512. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "backend/cpu_matvec.h"

/* Left to itself, the compiler turns the copying of halves into vector code that takes longer. */
#define TARGET   __attribute__((target("arch=x86-64-v4"), optimize("no-tree-vectorize")))
#define SET      rkv_matvec_avx512
#define SET_NAME "AVX-512"
#define WIDTH    16

typedef float vector __attribute__((vector_size(64)));
typedef int32_t integers __attribute__((vector_size(64)));

TARGET static inline integers from_bytes(const unsigned char *bytes) {
    return (integers)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)bytes));
}

TARGET static inline integers from_signed_bytes(const unsigned char *bytes) {
    return (integers)_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)bytes));
}

/* A permutation looks at the four lowest bits of its indices: it masks and converts at once. */
TARGET static inline vector low_nibbles(integers bytes) {
    const vector values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return (vector)_mm512_permutexvar_ps((__m512i)bytes, (__m512)values);
}

TARGET static inline vector from_halves(const unsigned char *bytes) {
    return (vector)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)bytes));
}

TARGET static inline vector from_brains(const unsigned char *bytes) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)bytes));
    return (vector)_mm512_slli_epi32(wide, 16);
}

TARGET static inline __m256 fold(vector v) {
    return _mm256_add_ps(_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1));
}

TARGET static inline void row_sums(const vector *v, float *sums) {
    __m256 pairs =
        _mm256_hadd_ps(_mm256_hadd_ps(fold(v[0]), fold(v[1])), _mm256_hadd_ps(fold(v[2]), fold(v[3])));
    _mm_storeu_ps(sums, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
}

#include "backend/cpu_matvec.inc.h"
#endif
