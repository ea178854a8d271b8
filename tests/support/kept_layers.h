/* kept_layers.h: the layers that a layer function was shown, copied. */
#ifndef RKV_TESTS_KEPT_LAYERS_H
#define RKV_TESTS_KEPT_LAYERS_H

#include <rankkv/model.h>

#define KEPT_LAYERS_MOST 8

/* Start from {0}, or from a layer at which the work is to be cancelled. */
typedef struct kept_layers {
    size_t stop_at; /* 0: none */
    size_t n, n_attention, n_kv;
    float *attention[KEPT_LAYERS_MOST], *keys[KEPT_LAYERS_MOST], *values[KEPT_LAYERS_MOST];
} kept_layers;

/* An rkv_layer_fn; user is a kept_layers. Layers must come in order. */
rkv_status kept_layers_add(void *user, const rkv_layer *layer);
void kept_layers_clear(kept_layers *layers);

/* As many layers, at least one, and every number within 1e-4: what two devices make of a tiny model. */
void kept_layers_assert_same(const kept_layers *a, const kept_layers *b);

#endif
