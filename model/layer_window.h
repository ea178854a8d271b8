/* layer_window.h: the layers of a prefill on their way to who looks at them: on the device while they are
 * there, and in ordinary memory, a layer or more behind, while the device computes the next ones.
 *
 *     device   | attend 0 | look 0 | attend 1 | look 1 | attend 2 ...
 *     copies               [ 0 ]               [ 1 ]
 *     host                            show 0              show 1
 *
 * Where device memory is ordinary memory, each layer is shown when it was looked at. */
#ifndef RKV_MODEL_LAYER_WINDOW_H
#define RKV_MODEL_LAYER_WINDOW_H

#include <rankkv/model.h>

#include "backend/backend.h"

/* Who looks at layers on the device. All may be NULL. */
typedef struct rkv_layer_watch {
    /* layer's arrays are device memory, there for the call and for what it queues. */
    rkv_status (*look)(void *user, const rkv_layer *layer);
    /* Later, layer by layer, before it is shown: what was found may be put into erank and sigma. */
    rkv_status (*settle)(void *user, rkv_layer *layer);
    void *user;
    size_t behind; /* layers that may have been looked at and not settled; at least 1 */
    bool queues;   /* look only queues work: it is called before the layer is there */
} rkv_layer_watch;

/* A layer on its way. */
typedef struct rkv_window_slot {
    rkv_layer layer;
    rkv_download *attention, *keys, *values;
} rkv_window_slot;

typedef struct rkv_layer_window {
    rkv_backend *backend;
    rkv_layer_watch watch;
    rkv_layer_fn on_layer; /* sees ordinary memory; NULL: nothing is copied */
    void *user;
    rkv_window_slot *slots; /* [watch.behind + 1] */
    size_t begun, shown;    /* layers */
    double watched_s;       /* spent in look, settle and on_layer */
} rkv_layer_window;

/* Room for layers whose arrays have these sizes; attention 0: there is none. rkv_layer_window_clear frees
 * what is there, before the device memory that was copied is given back. */
rkv_status rkv_layer_window_open(rkv_layer_window *window, size_t n_attention, size_t n_kv);
void rkv_layer_window_clear(rkv_layer_window *window);

/* Attention of a layer may be written over from now on. */
rkv_status rkv_layer_window_yield(rkv_layer_window *window);
/* The next layer, its arrays as the work queued so far leaves them; keys and values may be written over when
 * this returns. Shows the layer that is far enough behind. */
rkv_status rkv_layer_window_add(rkv_layer_window *window, const rkv_layer *layer);
/* Shows what is left. */
rkv_status rkv_layer_window_finish(rkv_layer_window *window);

#endif
