/* noise.h: what rehearsals hand out as numbers: random ones, so that whoever keeps as much as it finds finds
 * as much as there can be. */
#ifndef RKV_BACKEND_NOISE_H
#define RKV_BACKEND_NOISE_H

#include "core/random.h"

/* x [n, width], `stride` floats apart, in [-1, 1); the same every time. */
static inline void rkv_noise_fill(float *x, size_t n, size_t width, size_t stride) {
    rkv_random random = {0};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++)
            x[i * stride + k] = (float)(2 * rkv_random_unit(&random) - 1);
}

#endif
