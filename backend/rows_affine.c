/* rows_affine.c: scale and zero of whole numbers in float16. */
#include "backend/rows_affine.h"

static uint16_t nearest(float x) {
    uint16_t half;
    rkv_floats_to_halves(&x, &half, 1);
    return half & 0x7FFFu ? half : 0; /* no minus zero */
}

/* The largest float16 that is not above x; |x| <= RKV_HALF_MOST. */
static uint16_t round_down(float x) {
    uint16_t half = nearest(x);
    if (rkv_half_finite(half) <= x) return half;
    if (!half) return 0x8001u;
    return (uint16_t)(half & 0x8000u ? half + 1 : half - 1);
}

/* The smallest float16 that is not below x; 0 <= x < RKV_HALF_MOST. */
static uint16_t round_up(float x) {
    uint16_t half = nearest(x);
    return (uint16_t)(rkv_half_finite(half) < x ? half + 1 : half);
}

static float within_half(float x) {
    return x > RKV_HALF_MOST ? RKV_HALF_MOST : x < -RKV_HALF_MOST ? -RKV_HALF_MOST : x;
}

rkv_affine rkv_affine_of(float low, float high, float levels) {
    uint16_t zero = round_down(within_half(low));
    return (rkv_affine){round_up((within_half(high) - rkv_half_finite(zero)) / levels), zero};
}
