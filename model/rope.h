/* rope.h: rotary positions (Su et al. 2021): by which angles a model turns the pairs of a head vector. */
#ifndef RKV_MODEL_ROPE_H
#define RKV_MODEL_ROPE_H

#include <stdint.h>

#include "backend/backend.h"

typedef struct rkv_rope {
    rkv_rope_pairing pairing;
    size_t head_dim;   /* D */
    double *frequency; /* [D/2] radians per position: 1 / (base^(2i/D) scale factor_i) */
} rkv_rope;

/* Cosine and sine [D/2, 2] of every pair at a position, computed in float64. */
void rkv_rope_angles(const rkv_rope *rope, int64_t position, float *cosine_sine);

/* Turns row [D] forward by `positions`, back when that is negative. */
void rkv_rope_turn(const rkv_rope *rope, int64_t positions, float *row);

#endif
