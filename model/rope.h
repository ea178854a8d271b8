/* rope.h: rotary positions (Su et al. 2021): by which angles a model turns the pairs of a head vector. */
#ifndef RKV_MODEL_ROPE_H
#define RKV_MODEL_ROPE_H

#include <stdint.h>

#include "backend/backend.h"
#include "io/gguf.h"
#include "model/config.h"

typedef struct rkv_rope {
    rkv_rope_pairing pairing;
    size_t head_dim;   /* D */
    double *frequency; /* [D/2] radians per position: 1 / (base^(2i/D) scale factor_i) */
} rkv_rope;

/* The rotation of a model; factors [D/2] is its tensor rope_freqs.weight, or NULL: all 1. rkv_rope_clear
 * frees. */
rkv_status rkv_rope_make(rkv_rope *out, const rkv_config *config, const rkv_gguf_tensor *factors);
void rkv_rope_clear(rkv_rope *rope);

/* Cosine and sine [D/2, 2] of every pair at a position, computed in float64. */
void rkv_rope_angles(const rkv_rope *rope, int64_t position, float *cosine_sine);

/* Turns row [D] by angles that rkv_rope_angles gave: many rows may share them. */
void rkv_rope_rotate(const rkv_rope *rope, const float *cosine_sine, float *row);

/* Turns row [D] forward by `positions`, back when that is negative. */
void rkv_rope_turn(const rkv_rope *rope, int64_t positions, float *row);

/* The same of lists of rows in a device's memory, or back. */
rkv_status rkv_rope_turn_rows(const rkv_rope *rope, rkv_backend *backend, const rkv_turned_rows *lists,
                              size_t n_lists, bool back);

#endif
