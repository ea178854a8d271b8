/* rope_stand_in.c: rotation by plain loops, for as long as model/ has none of its own to link. */
#include <math.h>

#include "model/rope.h"

__attribute__((weak)) void rkv_rope_turn(const rkv_rope *rope, int64_t positions, float *row) {
    for (size_t i = 0; i < rope->head_dim / 2; i++) {
        double angle = (double)positions * rope->frequency[i];
        float *a = row + (rope->pairing == RKV_ROPE_ADJACENT ? 2 * i : i);
        float *b = a + (rope->pairing == RKV_ROPE_ADJACENT ? 1 : rope->head_dim / 2);
        double x = *a, y = *b;
        *a = (float)(x * cos(angle) - y * sin(angle));
        *b = (float)(x * sin(angle) + y * cos(angle));
    }
}
