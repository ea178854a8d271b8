/* kept_layers.c: the layers that a layer function was shown, copied. */
#include "support/kept_layers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static float *copy_of(const float *x, size_t n) {
    float *copy = malloc(n * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, x, n * sizeof *copy);
    return copy;
}

rkv_status kept_layers_add(void *user, const rkv_layer *layer) {
    kept_layers *l = user;
    assert_int_equal(layer->index, l->n);
    if (l->stop_at && l->n == l->stop_at) return RKV_CANCELLED;
    assert_true(l->n < KEPT_LAYERS_MOST);
    l->n_attention = layer->n_heads * layer->n_tokens * layer->n_tokens;
    l->n_kv = layer->n_kv_heads * layer->n_tokens * layer->head_dim;
    l->attention[l->n] = copy_of(layer->attention, l->n_attention);
    l->keys[l->n] = copy_of(layer->keys, l->n_kv);
    l->values[l->n++] = copy_of(layer->values, l->n_kv);
    return RKV_OK;
}

void kept_layers_clear(kept_layers *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->attention[i]), free(l->keys[i]), free(l->values[i]);
    *l = (kept_layers){0};
}

static void assert_close(const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= 1e-4))
            fail_msg("element %zu is %.9g, not %.9g", i, (double)a[i], (double)b[i]);
}

void kept_layers_assert_same(const kept_layers *a, const kept_layers *b) {
    assert_true(a->n > 0);
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_close(b->attention[i], a->attention[i], a->n_attention);
        assert_close(b->keys[i], a->keys[i], a->n_kv);
        assert_close(b->values[i], a->values[i], a->n_kv);
    }
}
