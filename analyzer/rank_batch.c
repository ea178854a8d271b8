/* rank_batch.c: the ranks of several layers in one call of the device. */
#include "analyzer/rank_batch.h"

#include <stdlib.h>

#include "core/memory.h"
#include "core/sizes.h"

struct rkv_rank_batch {
    rkv_analysis *analysis;
    rkv_backend *backend;
    size_t n_layers;
    size_t n_attention, n_kv;         /* numbers of a layer */
    float *attention, *keys, *values; /* [n_layers, a layer's] on the device */
    double *sigma;                    /* [n_layers, H, T], which nobody asks for */
    rkv_layer first;                  /* of those that are not ranked yet; its arrays are the room's */
    size_t waiting;                   /* layers */
    size_t ranked;                    /* layers before this one */
};

static size_t attention_of(const rkv_layer *shape) {
    return shape->n_heads * shape->n_tokens * shape->n_tokens;
}

static size_t kv_of(const rkv_layer *shape) {
    return shape->n_kv_heads * shape->n_tokens * shape->head_dim;
}

size_t rkv_rank_batch_layers(rkv_backend *backend, const rkv_layer *shape) {
    size_t bytes = (attention_of(shape) + 2 * kv_of(shape)) * sizeof(float);
    size_t busy = (backend->matrices_at_once + shape->n_heads - 1) / shape->n_heads;
    size_t fitting = backend->ops->memory_available(backend) / 4 / bytes;
    return rkv_larger(rkv_smaller(rkv_smaller(busy, fitting), shape->n_layers), 1);
}

/* ---- room ---- */

rkv_status rkv_rank_batch_new(rkv_rank_batch **out, rkv_analysis *analysis, rkv_backend *backend,
                              const rkv_layer *shape, size_t n_layers) {
    rkv_rank_batch *b = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&b, 1, sizeof *b);
    if (status) return status;
    *b = (rkv_rank_batch){.analysis = analysis,
                          .backend = backend,
                          .n_layers = n_layers,
                          .n_attention = attention_of(shape),
                          .n_kv = kv_of(shape)};
    status = backend->ops->alloc(backend, &b->attention, n_layers * b->n_attention);
    if (!status) status = backend->ops->alloc(backend, &b->keys, n_layers * b->n_kv);
    if (!status) status = backend->ops->alloc(backend, &b->values, n_layers * b->n_kv);
    if (!status)
        status = rkv_alloc_raw(&b->sigma, n_layers * shape->n_heads * shape->n_tokens, sizeof *b->sigma);
    if (!status)
        *out = b;
    else
        rkv_rank_batch_free(b);
    return status;
}

void rkv_rank_batch_free(rkv_rank_batch *b) {
    if (!b) return;
    b->backend->ops->release(b->backend, b->attention);
    b->backend->ops->release(b->backend, b->keys);
    b->backend->ops->release(b->backend, b->values);
    free(b->sigma);
    free(b);
}

/* ---- work ---- */

/* The device copies from itself, in its own order. */
static rkv_status take(const rkv_rank_batch *b, float *to, const float *from, size_t n) {
    return b->backend->ops->receive(b->backend, to, b->backend, from, n);
}

rkv_status rkv_rank_batch_begin(rkv_rank_batch *b, const rkv_layer *layer) {
    size_t i = b->waiting;
    rkv_status status = take(b, b->attention + i * b->n_attention, layer->attention, b->n_attention);
    if (!status) status = take(b, b->keys + i * b->n_kv, layer->keys, b->n_kv);
    if (!status) status = take(b, b->values + i * b->n_kv, layer->values, b->n_kv);
    if (i == 0) {
        b->first = *layer;
        b->first.attention = b->attention, b->first.keys = b->keys, b->first.values = b->values;
    }
    b->waiting++;
    return status;
}

rkv_status rkv_rank_batch_end(rkv_rank_batch *b, size_t layer) {
    if (layer < b->ranked) return RKV_OK;
    size_t n = b->waiting;
    b->ranked = b->first.index + n;
    b->waiting = 0;
    return rkv_analysis_rank_layers(b->analysis, b->backend, &b->first, n, b->sigma);
}
