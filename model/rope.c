/* rope.c: rotary positions. */
#include "model/rope.h"

#include <math.h>
#include <stdlib.h>

#include "backend/turn_pair.h"
#include "core/memory.h"

/* float32 factors of every pair, from whatever type the file keeps them in. */
static rkv_status decode_factors(float **out, const rkv_gguf_tensor *factors) {
    rkv_status status = rkv_alloc_raw(out, factors->n_elements, sizeof **out);
    if (!status) factors->type->decode(factors->data, *out, factors->n_elements);
    return status;
}

rkv_status rkv_rope_make(rkv_rope *out, const rkv_config *c, const rkv_gguf_tensor *factors) {
    size_t half = c->head_dim / 2;
    float *factor = NULL;
    *out = (rkv_rope){.pairing = c->architecture->pairing, .head_dim = c->head_dim};
    rkv_status status = rkv_alloc(&out->frequency, half, sizeof *out->frequency);
    if (!status && factors) status = decode_factors(&factor, factors);
    for (size_t i = 0; !status && i < half; i++) {
        double frequency = pow(c->rope_base, -2.0 * (double)i / (double)c->head_dim) / c->rope_scale;
        out->frequency[i] = factor ? frequency / (double)factor[i] : frequency;
    }
    free(factor);
    if (status) rkv_rope_clear(out);
    return status;
}

void rkv_rope_clear(rkv_rope *rope) {
    free(rope->frequency);
    *rope = (rkv_rope){0};
}

void rkv_rope_angles(const rkv_rope *rope, int64_t position, float *cosine_sine) {
    for (size_t i = 0; i < rope->head_dim / 2; i++) {
        double angle = (double)position * rope->frequency[i];
        cosine_sine[2 * i] = (float)cos(angle);
        cosine_sine[2 * i + 1] = (float)sin(angle);
    }
}

void rkv_rope_rotate(const rkv_rope *rope, const float *cosine_sine, float *row) {
    for (size_t i = 0; i < rope->head_dim / 2; i++)
        rkv_turn_pair(rope->pairing, rope->head_dim, i, cosine_sine[2 * i], cosine_sine[2 * i + 1], row, row);
}

void rkv_rope_turn(const rkv_rope *rope, int64_t positions, float *row) {
    for (size_t i = 0; i < rope->head_dim / 2; i++) {
        double angle = (double)positions * rope->frequency[i];
        rkv_turn_pair(rope->pairing, rope->head_dim, i, (float)cos(angle), (float)sin(angle), row, row);
    }
}

rkv_status rkv_rope_turn_rows(const rkv_rope *rope, rkv_backend *backend, const rkv_turned_rows *lists,
                              size_t n_lists, bool back) {
    const rkv_turning task = {.lists = lists,
                              .n_lists = n_lists,
                              .head_dim = rope->head_dim,
                              .frequency = rope->frequency,
                              .pairing = rope->pairing,
                              .back = back};
    return backend->ops->turn(backend, &task);
}
