/* prefill.c: a forward pass over a whole prompt, its attention shown to a layer function. */
#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "model/forward.h"
#include "model/prefill.h"

/* What one prefill needs beside the pass. */
typedef struct run {
    rkv_model *model;
    rkv_backend *backend;
    const rkv_prefill_options *options;
    size_t n_tokens;
    float *attention; /* [H,T,T] device memory, when asked for */
    rkv_layer_window window;
} run;

rkv_status rkv_prefill_attention_size(const rkv_model *model, size_t n, size_t *out) {
    size_t n_heads = model->config.n_heads;
    if (rkv_multiply(n_heads * n, n, out) && *out <= SIZE_MAX / sizeof(float)) return RKV_OK;
    return rkv_fail(RKV_NO_MEMORY, "out of memory: a tensor of %zu x %zu", n_heads * n, n);
}

/* Device memory for attention [H,T,T], and what is needed to show it. */
static rkv_status allocate(run *r) {
    const rkv_config *c = &r->model->config;
    size_t all = 0;
    rkv_status status = RKV_OK;
    if (r->options->attention) status = rkv_prefill_attention_size(r->model, r->n_tokens, &all);
    if (!status && all) status = r->backend->ops->alloc(r->backend, &r->attention, all);
    return status ? status
                  : rkv_layer_window_open(&r->window, all, r->n_tokens * c->n_kv_heads * c->head_dim);
}

static rkv_status attend(void *user, const rkv_projection *p, float *out) {
    run *r = user;
    const rkv_attention_shape *s = &p->shape;
    rkv_layer layer = {
        .index = p->layer,
        .n_layers = r->model->config.n_layers,
        .n_heads = s->n_heads,
        .n_kv_heads = s->n_kv_heads,
        .n_tokens = s->n_tokens,
        .head_dim = s->head_dim,
        .attention = r->attention,
        .keys = p->k,
        .values = p->v,
    };
    rkv_status status = rkv_layer_window_yield(&r->window);
    if (!status)
        status = r->backend->ops->attention(r->backend, p->q, p->k, p->v, s, r->attention, NULL, out);
    return status ? status : rkv_layer_window_add(&r->window, &layer);
}

static rkv_status run_pass(run *r, const int32_t *ids, rkv_prefill_result *out) {
    size_t n = r->n_tokens;
    bool wanted = r->options->losses && n > 1;
    rkv_forward *forward = NULL;
    rkv_losses losses = {0};
    rkv_pass pass = {.ids = ids, .n = n, .attend = attend, .user = r, .progress = r->options->progress};
    rkv_status status = allocate(r);
    if (!status) status = rkv_forward_new(&forward, r->model, n);
    if (!status) status = rkv_alloc_raw(&out->last_logits, out->n_vocab, sizeof *out->last_logits);
    if (!status && wanted) status = rkv_losses_new(&losses, ids, n);
    pass.last_logits = out->last_logits;
    pass.losses = wanted ? &losses : NULL;
    if (!status) status = rkv_forward_run(forward, &pass, &out->load_s);
    if (!status) status = rkv_layer_window_finish(&r->window);
    if (!status && wanted) status = rkv_losses_finish(&losses, n, &out->token_nll, &out->perplexity);
    rkv_losses_clear(&losses);
    rkv_layer_window_clear(&r->window); /* copies of the pass's memory have arrived */
    rkv_forward_free(forward);
    r->backend->ops->release(r->backend, r->attention);
    return status;
}

rkv_status rkv_prefill_watched(rkv_model *model, const int32_t *ids, size_t n,
                               const rkv_prefill_options *options, const rkv_layer_watch *watch,
                               rkv_prefill_result *out) {
    static const rkv_prefill_options defaults = {0};
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (status) return status;
    if (!options) options = &defaults;
    run r = {.model = model, .backend = model->backend, .options = options, .n_tokens = n};
    r.window = (rkv_layer_window){.backend = model->backend, .user = options->user};
    if (!model->backend->rehearses) r.window.on_layer = options->on_layer; /* there is nothing to see */
    if (watch) r.window.watch = *watch;
    rkv_prefill_result result = {.n_tokens = n, .n_vocab = model->config.n_vocab, .perplexity = NAN};
    double start = rkv_now_s();
    status = run_pass(&r, ids, &result);
    result.prefill_s = rkv_now_s() - start - result.load_s - r.window.watched_s;
    if (!status)
        *out = result;
    else
        rkv_prefill_result_clear(&result);
    return status;
}

rkv_status rkv_prefill(rkv_model *model, const int32_t *ids, size_t n, const rkv_prefill_options *options,
                       rkv_prefill_result *out) {
    return rkv_prefill_watched(model, ids, n, options, NULL, out);
}

void rkv_prefill_result_clear(rkv_prefill_result *result) {
    free(result->last_logits);
    free(result->token_nll);
    *result = (rkv_prefill_result){0};
}
