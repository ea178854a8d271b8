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
    bool shows_host;  /* the layer function sees ordinary memory; else the device's */
    float *attention; /* [H,T,T] device memory, when asked for */
    /* Host copies for the layer function, where device memory is not ordinary memory; else NULL. */
    float *host_k, *host_v, *host_attention; /* [G,T,D], [G,T,D], [H,T,T] */
    double callback_s;
} run;

/* Device memory for attention [H,T,T], and host copies of what the layer function looks at. */
static rkv_status allocate(run *r) {
    const rkv_config *c = &r->model->config;
    size_t n = r->n_tokens, kv = n * c->n_kv_heads * c->head_dim, all = 0;
    rkv_status status = RKV_OK;
    if (r->options->attention && (!rkv_multiply(c->n_heads * n, n, &all) || all > SIZE_MAX / sizeof(float)))
        return rkv_fail(RKV_NO_MEMORY, "out of memory: a tensor of %zu x %zu", c->n_heads * n, n);
    if (all) status = r->backend->ops->alloc(r->backend, &r->attention, all);
    if (r->backend->host_memory || !r->shows_host || !r->options->on_layer) return status;
    if (!status) status = rkv_alloc_raw(&r->host_k, kv, sizeof(float));
    if (!status) status = rkv_alloc_raw(&r->host_v, kv, sizeof(float));
    if (!status && all) status = rkv_alloc_raw(&r->host_attention, all, sizeof(float));
    return status;
}

static void release(run *r) {
    r->backend->ops->release(r->backend, r->attention);
    free(r->host_k);
    free(r->host_v);
    free(r->host_attention);
}

/* *out = n numbers of device memory where the layer function looks for them. */
static rkv_status fetch(const run *r, const float *device, size_t n, float *host, const float **out) {
    *out = device;
    if (r->backend->host_memory || !r->shows_host || !device) return RKV_OK;
    *out = host;
    return r->backend->ops->download(r->backend, host, device, n);
}

static rkv_status show_layer(run *r, const rkv_projection *p) {
    if (!r->options->on_layer) return RKV_OK;
    const rkv_attention_shape *s = &p->shape;
    size_t n = s->n_tokens, kv = n * s->n_kv_heads * s->head_dim;
    rkv_layer layer = {
        .index = p->layer,
        .n_layers = r->model->config.n_layers,
        .n_heads = s->n_heads,
        .n_kv_heads = s->n_kv_heads,
        .n_tokens = n,
        .head_dim = s->head_dim,
    };
    rkv_status status = r->backend->ops->wait(r->backend); /* its time is not the layer function's */
    if (!status) status = fetch(r, p->k, kv, r->host_k, &layer.keys);
    if (!status) status = fetch(r, p->v, kv, r->host_v, &layer.values);
    if (!status) status = fetch(r, r->attention, s->n_heads * n * n, r->host_attention, &layer.attention);
    if (status) return status;
    double start = rkv_now_s();
    status = r->options->on_layer(r->options->user, &layer);
    r->callback_s += rkv_now_s() - start;
    return status;
}

static rkv_status attend(void *user, const rkv_projection *p, float *out) {
    run *r = user;
    rkv_status status =
        r->backend->ops->attention(r->backend, p->q, p->k, p->v, &p->shape, r->attention, NULL, out);
    return status ? status : show_layer(r, p);
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
    if (!status && wanted) status = rkv_losses_finish(&losses, n, &out->token_nll, &out->perplexity);
    rkv_losses_clear(&losses);
    rkv_forward_free(forward);
    release(r);
    return status;
}

static rkv_status prefill(rkv_model *model, const int32_t *ids, size_t n, const rkv_prefill_options *options,
                          bool shows_host, rkv_prefill_result *out) {
    static const rkv_prefill_options defaults = {0};
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (status) return status;
    run r = {.model = model,
             .backend = model->backend,
             .options = options ? options : &defaults,
             .n_tokens = n,
             .shows_host = shows_host};
    rkv_prefill_result result = {.n_tokens = n, .n_vocab = model->config.n_vocab, .perplexity = NAN};
    double start = rkv_now_s();
    status = run_pass(&r, ids, &result);
    result.prefill_s = rkv_now_s() - start - result.load_s - r.callback_s;
    if (!status)
        *out = result;
    else
        rkv_prefill_result_clear(&result);
    return status;
}

rkv_status rkv_prefill(rkv_model *model, const int32_t *ids, size_t n, const rkv_prefill_options *options,
                       rkv_prefill_result *out) {
    return prefill(model, ids, n, options, true, out);
}

rkv_status rkv_prefill_on_device(rkv_model *model, const int32_t *ids, size_t n,
                                 const rkv_prefill_options *options, rkv_prefill_result *out) {
    return prefill(model, ids, n, options, false, out);
}

void rkv_prefill_result_clear(rkv_prefill_result *result) {
    free(result->last_logits);
    free(result->token_nll);
    *result = (rkv_prefill_result){0};
}
