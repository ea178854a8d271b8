/* layer_window.c: the layers of a prefill on their way to who looks at them. */
#include "model/layer_window.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"

static bool copies(const rkv_layer_window *w) {
    return w->on_layer && !w->backend->host_memory;
}

static rkv_window_slot *slot_of(const rkv_layer_window *w, size_t layer) {
    return &w->slots[layer % (w->watch.behind + 1)];
}

/* ---- room ---- */

static rkv_status slot_open(const rkv_layer_window *w, rkv_window_slot *s, size_t n_attention, size_t n_kv) {
    const rkv_backend_ops *ops = w->backend->ops;
    rkv_status status = RKV_OK;
    if (n_attention) status = ops->download_new(w->backend, n_attention, &s->attention);
    if (!status) status = ops->download_new(w->backend, n_kv, &s->keys);
    return status ? status : ops->download_new(w->backend, n_kv, &s->values);
}

rkv_status rkv_layer_window_open(rkv_layer_window *w, size_t n_attention, size_t n_kv) {
    if (!w->watch.behind) w->watch.behind = 1;
    rkv_status status = rkv_alloc(&w->slots, w->watch.behind + 1, sizeof *w->slots);
    for (size_t i = 0; !status && copies(w) && i <= w->watch.behind; i++)
        status = slot_open(w, &w->slots[i], n_attention, n_kv);
    return status;
}

void rkv_layer_window_clear(rkv_layer_window *w) {
    for (size_t i = 0; w->slots && copies(w) && i <= w->watch.behind; i++) {
        rkv_window_slot *s = &w->slots[i];
        w->backend->ops->download_free(w->backend, s->attention);
        w->backend->ops->download_free(w->backend, s->keys);
        w->backend->ops->download_free(w->backend, s->values);
    }
    free(w->slots);
    w->slots = NULL;
}

/* ---- copies ---- */

static rkv_status begin(const rkv_layer_window *w, rkv_download *d, const float *array, size_t n) {
    return d && array ? w->backend->ops->download_begin(w->backend, d, array, n) : RKV_OK;
}

/* Keys and values first: the forward pass writes over them soon, and waits for them. */
static rkv_status begin_copies(const rkv_layer_window *w, const rkv_window_slot *s) {
    const rkv_layer *l = &s->layer;
    const rkv_backend_ops *ops = w->backend->ops;
    size_t kv = l->n_kv_heads * l->n_tokens * l->head_dim;
    rkv_status status = begin(w, s->keys, l->keys, kv);
    if (!status) status = begin(w, s->values, l->values, kv);
    if (!status) status = ops->download_yield(w->backend, s->values); /* and so the keys, before it */
    return status ? status : begin(w, s->attention, l->attention, l->n_heads * l->n_tokens * l->n_tokens);
}

static rkv_status end_copies(const rkv_layer_window *w, rkv_window_slot *s) {
    const rkv_backend_ops *ops = w->backend->ops;
    rkv_status status = ops->download_end(w->backend, s->keys, &s->layer.keys);
    if (!status) status = ops->download_end(w->backend, s->values, &s->layer.values);
    if (!status && s->attention) status = ops->download_end(w->backend, s->attention, &s->layer.attention);
    return status;
}

rkv_status rkv_layer_window_yield(rkv_layer_window *w) {
    if (!w->begun || !copies(w)) return RKV_OK;
    rkv_window_slot *s = slot_of(w, w->begun - 1);
    return s->attention ? w->backend->ops->download_yield(w->backend, s->attention) : RKV_OK;
}

/* ---- showing ---- */

static rkv_status show(rkv_layer_window *w) {
    rkv_window_slot *s = slot_of(w, w->shown++);
    rkv_status status = copies(w) ? end_copies(w, s) : RKV_OK;
    double start = rkv_now_s();
    if (!status && w->watch.settle) status = w->watch.settle(w->watch.user, &s->layer);
    if (!status && w->on_layer) status = w->on_layer(w->user, &s->layer);
    w->watched_s += rkv_now_s() - start;
    return status;
}

/* What the work so far takes is not the looker's time. */
static rkv_status look(rkv_layer_window *w, const rkv_layer *layer) {
    rkv_status status = w->watch.queues ? RKV_OK : w->backend->ops->wait(w->backend);
    double start = rkv_now_s();
    if (!status) status = w->watch.look(w->watch.user, layer);
    w->watched_s += rkv_now_s() - start;
    return status;
}

rkv_status rkv_layer_window_add(rkv_layer_window *w, const rkv_layer *layer) {
    rkv_window_slot *s = slot_of(w, w->begun++);
    rkv_status status = RKV_OK;
    s->layer = *layer;
    if (copies(w)) status = begin_copies(w, s);
    if (!status && w->begun - w->shown > w->watch.behind) status = show(w);
    if (!status && w->watch.look) status = look(w, layer);
    if (!status && w->backend->host_memory) status = rkv_layer_window_finish(w);
    return status;
}

rkv_status rkv_layer_window_finish(rkv_layer_window *w) {
    rkv_status status = RKV_OK;
    while (!status && w->shown < w->begun)
        status = show(w);
    return status;
}
