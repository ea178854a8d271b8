/* twin.c: a model that shares everything with another but its device. */
#include "model/twin.h"

#include <stdlib.h>

#include "core/memory.h"

rkv_status rkv_model_twin_new(const rkv_model *model, rkv_backend *backend, rkv_model **out) {
    rkv_model *t = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&t, 1, sizeof *t);
    if (status) return status;
    *t = *model;
    t->backend = backend;
    t->vectors = NULL, t->layers = NULL, t->output = NULL, t->output_norm = NULL;
    status = rkv_alloc(&t->vectors, t->config.n_layers, sizeof *t->vectors);
    if (!status) status = rkv_alloc(&t->layers, t->resident ? t->config.n_layers : 1, sizeof *t->layers);
    if (!status) status = backend->ops->set_precision(backend, t->precision);
    if (!status)
        *out = t;
    else
        rkv_model_twin_free(t);
    return status;
}

void rkv_model_twin_free(rkv_model *t) {
    if (!t) return;
    rkv_model_release_weights(t);
    free(t);
}
