/* rehearsal.c: a model whose device only counts the memory that work would take. */
#include "model/rehearsal.h"

#include <string.h>

#include "core/fail.h"
#include "model/twin.h"

/* The weights decoded so far are the model's: they take nothing more. */
static void share_weights(rkv_model *r, const rkv_model *of) {
    size_t n_layers = of->config.n_layers;
    memcpy(r->vectors, of->vectors, n_layers * sizeof *r->vectors);
    memcpy(r->layers, of->layers, (of->resident ? n_layers : 1) * sizeof *r->layers);
    r->output = of->output, r->output_norm = of->output_norm;
}

/* What is left is what the rehearsal has decoded itself. */
static void forget_shared(rkv_model *r, const rkv_model *of) {
    size_t n_layers = of->config.n_layers;
    for (size_t l = 0; l < (of->resident ? n_layers : 1); l++)
        if (of->layers[l].down) r->layers[l] = (rkv_layer_weights){0};
    for (size_t l = 0; l < n_layers; l++)
        if (of->vectors[l].ffn_norm) r->vectors[l] = (rkv_layer_vectors){0};
    if (of->output) r->output = NULL;
    if (of->output_norm) r->output_norm = NULL;
}

static rkv_status rehearse(rkv_backend *of, rkv_backend **out) {
    if (of->ops->rehearse) return of->ops->rehearse(of, out);
    if (of->host_memory) return rkv_cpu_rehearse(of, out);
    return rkv_fail(RKV_UNAVAILABLE, "%s: its memory is not predicted", of->device);
}

rkv_status rkv_model_rehearse(const rkv_model *model, rkv_model **out) {
    rkv_backend *backend;
    *out = NULL;
    rkv_status status = rkv_model_check_weights(model);
    if (status) return status;
    status = rehearse(model->backend, &backend);
    if (status) return status;
    status = rkv_model_twin_new(model, backend, out);
    if (status)
        rkv_backend_close(backend);
    else
        share_weights(*out, model);
    return status;
}

void rkv_model_rehearsal_free(rkv_model *r, const rkv_model *of) {
    if (!r) return;
    rkv_backend *backend = r->backend;
    forget_shared(r, of);
    rkv_model_twin_free(r);
    rkv_backend_close(backend);
}
