/* cpu_matvec_baseline.c: the kernels of cpu_matvec.h in plain C, for any processor. */
#include <string.h>

#include "backend/cpu_matvec.h"

#define TARGET
#define SET      rkv_matvec_baseline
#define SET_NAME "baseline"
#define WIDTH    4

typedef float vector __attribute__((vector_size(16)));
typedef int32_t integers __attribute__((vector_size(16)));

static inline integers from_bytes(const unsigned char *bytes) {
    return (integers){bytes[0], bytes[1], bytes[2], bytes[3]};
}

static inline integers from_signed_bytes(const unsigned char *bytes) {
    const signed char *b = (const signed char *)bytes;
    return (integers){b[0], b[1], b[2], b[3]};
}

static inline vector low_nibbles(integers bytes) {
    return __builtin_convertvector(bytes & 15, vector);
}

static inline integers from_words(const unsigned char *bytes) {
    uint16_t word[WIDTH];
    memcpy(word, bytes, sizeof word);
    return (integers){word[0], word[1], word[2], word[3]};
}

/* Infinity and NaN keep their largest exponent; a subnormal half is a whole number of 2^-24. */
static inline vector from_halves(const unsigned char *bytes) {
    integers half = from_words(bytes), magnitude = half & 0x7FFF, below = magnitude < 0x0400;
    integers bits = (magnitude << 13) + (112 << 23) + ((magnitude >= 0x7C00) & (112 << 23));
    integers small = (integers)(__builtin_convertvector(magnitude, vector) * 0x1p-24f);
    return (vector)((small & below) | (bits & ~below) | (half & 0x8000) << 16);
}

static inline vector from_brains(const unsigned char *bytes) {
    return (vector)(from_words(bytes) << 16);
}

static inline void row_sums(const vector *v, float *sums) {
    for (size_t i = 0; i < 4; i++)
        sums[i] = (v[i][0] + v[i][1]) + (v[i][2] + v[i][3]);
}

#include "backend/cpu_matvec.inc.h"
