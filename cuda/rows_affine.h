/* rows_affine.h: scale and zero of the numbers that threads look at (backend/rows_number.h).
 *
 * Nobody has looked at them before: among them may be one that is not finite. Then zero is a NaN, and so is
 * all that is read with it. */
#ifndef RKV_CUDA_ROWS_AFFINE_H
#define RKV_CUDA_ROWS_AFFINE_H

#include <math.h>

#include "backend/rows_number.h"
#include "cuda/reduce.h"

#define RKV_HALF_NAN 0x7E00u

/* Of numbers: the least, the largest, and the bits of the largest magnitude. */
typedef struct rkv_range {
    float low, high;
    uint32_t most;
} rkv_range;

RKV_DEVICE rkv_range rkv_range_none(void) {
    rkv_range range = {INFINITY, -INFINITY, 0};
    return range;
}

RKV_DEVICE void rkv_range_add(rkv_range *range, float x) {
    uint32_t magnitude = rkv_bits_of_float(x) & 0x7FFFFFFFu;
    range->low = x < range->low ? x : range->low;
    range->high = x > range->high ? x : range->high;
    range->most = magnitude > range->most ? magnitude : range->most;
}

/* All of the warp's lanes together, for each of them. */
RKV_DEVICE rkv_range rkv_warp_range(rkv_range range) {
    range.low = -rkv_warp_max(-range.low);
    range.high = rkv_warp_max(range.high);
    for (int apart = RKV_WARP / 2; apart > 0; apart /= 2) {
        uint32_t other = __shfl_xor_sync(RKV_ALL, range.most, apart);
        range.most = other > range.most ? other : range.most;
    }
    return range;
}

RKV_DEVICE rkv_affine rkv_range_affine(rkv_range range, float levels) {
    rkv_affine none = {0, RKV_HALF_NAN};
    return range.most < 0x7F800000u ? rkv_affine_of(range.low, range.high, levels) : none;
}

/* The code of one of the numbers that scale and zero are of. */
RKV_DEVICE unsigned rkv_affine_code(rkv_affine affine, float x, float levels) {
    if (affine.zero == RKV_HALF_NAN) return 0;
    return rkv_code_of(x, rkv_half_finite(affine.zero), rkv_affine_inverse(affine), levels);
}

/* At any byte. */
RKV_DEVICE void rkv_affine_put(unsigned char *at, rkv_affine affine) {
    at[0] = (unsigned char)affine.scale, at[1] = (unsigned char)(affine.scale >> 8);
    at[2] = (unsigned char)affine.zero, at[3] = (unsigned char)(affine.zero >> 8);
}

RKV_DEVICE rkv_affine rkv_affine_get(const unsigned char *at) {
    rkv_affine affine = {(uint16_t)(at[0] | at[1] << 8), (uint16_t)(at[2] | at[3] << 8)};
    return affine;
}

#endif
