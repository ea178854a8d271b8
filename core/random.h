/* random.h: small, seeded, reproducible random numbers: the same on every machine. */
#ifndef RKV_CORE_RANDOM_H
#define RKV_CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* SplitMix64 (Steele, Lea and Flood 2014): its whole state is one word. */
typedef struct rkv_random {
    uint64_t state;
} rkv_random;

static inline uint64_t rkv_random_next(rkv_random *random) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static inline double rkv_random_unit(rkv_random *random) {
    return (double)(rkv_random_next(random) >> 11) * 0x1p-53;
}

/* Uniform in 0 .. n-1, n > 0, without bias (Lemire 2019). */
static inline size_t rkv_random_below(rkv_random *random, size_t n) {
    for (;;) {
        __uint128_t product = (__uint128_t)rkv_random_next(random) * n;
        if ((uint64_t)product >= -(uint64_t)n % n) return (size_t)(product >> 64);
    }
}

#endif
