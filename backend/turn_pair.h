/* turn_pair.h: one pair of a head vector, turned by an angle (Su et al. 2021). */
#ifndef RKV_BACKEND_TURN_PAIR_H
#define RKV_BACKEND_TURN_PAIR_H

#include "backend/backend.h"

/* Pair i of to [D] = that of from [D], which may be `to` itself, turned. */
static inline void rkv_turn_pair(rkv_rope_pairing pairing, size_t head_dim, size_t i, float cosine,
                                 float sine, const float *from, float *to) {
    bool adjacent = pairing == RKV_ROPE_ADJACENT;
    size_t a = adjacent ? 2 * i : i, b = a + (adjacent ? 1 : head_dim / 2);
    float x = from[a], y = from[b];
    to[a] = x * cosine - y * sine;
    to[b] = x * sine + y * cosine;
}

#endif
