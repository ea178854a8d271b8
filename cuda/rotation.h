/* rotation.h: what kernels share that turn pairs of a head vector [D] by positions. */
#ifndef RKV_CUDA_ROTATION_H
#define RKV_CUDA_ROTATION_H

#include <math.h>

#include "cuda/kernel.h"

/* Where a pair's first number lies, and how far behind it the second. */
RKV_DEVICE size_t rkv_pair_first(size_t pair, int adjacent) {
    return adjacent ? 2 * pair : pair;
}
RKV_DEVICE size_t rkv_pair_step(size_t d, int adjacent) {
    return adjacent ? 1 : d / 2;
}

/* turn [2]: cosine and sine of an angle in float64, rounded: positions may be far from the first. */
RKV_DEVICE void rkv_turn_of(int64_t position, double frequency, float *turn) {
    double angle = (double)position * frequency;
    turn[0] = (float)cos(angle);
    turn[1] = (float)sin(angle);
}

#endif
