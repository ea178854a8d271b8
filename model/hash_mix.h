/* hash_mix.h: mixing for the tokenizer's hash tables.
 *
 * The seed differs from run to run, so that no file can be made whose tokens all collide; nothing but time
 * depends on it. */
#ifndef RKV_MODEL_HASH_MIX_H
#define RKV_MODEL_HASH_MIX_H

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static inline uint64_t rkv_hash_seed(void) {
    uint64_t seed;
    return getentropy(&seed, sizeof seed) ? 0x9E3779B97F4A7C15u : seed;
}

/* Folds the 128-bit product of two words into one: every bit of both reaches the result. */
static inline uint64_t rkv_hash_mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)(a ^ 0xA0761D6478BD642Fu) * (b ^ 0xE7037ED1A0B428DBu);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t rkv_hash_bytes(uint64_t seed, const char *bytes, size_t length) {
    uint64_t hash = rkv_hash_mix(seed, length);
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, length - i < 8 ? length - i : 8);
        hash = rkv_hash_mix(hash ^ word, seed);
    }
    return hash;
}

#endif
