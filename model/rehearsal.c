/* rehearsal.c: a model whose device only counts the memory that work would take. */
#include "model/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"

/* The weights decoded so far are the model's: they take nothing more. */
static rkv_status share_weights(rkv_model *r, const rkv_model *of) {
    size_t n_layers = of->config.n_layers, n = of->resident ? n_layers : 1;
    r->vectors = NULL, r->layers = NULL;
    rkv_status status = rkv_alloc(&r->vectors, n_layers, sizeof *r->vectors);
    if (!status) status = rkv_alloc(&r->layers, n, sizeof *r->layers);
    if (status) return status;
    memcpy(r->vectors, of->vectors, n_layers * sizeof *r->vectors);
    memcpy(r->layers, of->layers, n * sizeof *r->layers);
    return RKV_OK;
}

/* What is left is what the rehearsal has decoded itself. */
static void forget_shared(rkv_model *r, const rkv_model *of) {
    size_t n_layers = of->config.n_layers;
    for (size_t l = 0; r->layers && l < (of->resident ? n_layers : 1); l++)
        if (of->layers[l].down) r->layers[l] = (rkv_layer_weights){0};
    for (size_t l = 0; r->vectors && l < n_layers; l++)
        if (of->vectors[l].ffn_norm) r->vectors[l] = (rkv_layer_vectors){0};
    if (of->output) r->output = NULL;
    if (of->output_norm) r->output_norm = NULL;
}

rkv_status rkv_model_rehearse(const rkv_model *model, rkv_model **out) {
    rkv_model *r = NULL;
    *out = NULL;
    rkv_status status = rkv_model_check_weights(model);
    if (status) return status;
    if (!model->backend->ops->rehearse)
        return rkv_fail(RKV_UNAVAILABLE, "%s: its memory is not predicted", model->backend->device);
    status = rkv_alloc(&r, 1, sizeof *r);
    if (status) return status;
    *r = *model;
    r->backend = NULL;
    status = share_weights(r, model);
    if (!status) status = model->backend->ops->rehearse(model->backend, &r->backend);
    if (!status)
        *out = r;
    else
        rkv_model_rehearsal_free(r, model);
    return status;
}

void rkv_model_rehearsal_free(rkv_model *r, const rkv_model *of) {
    if (!r) return;
    forget_shared(r, of);
    rkv_model_release_weights(r);
    free(r);
}
