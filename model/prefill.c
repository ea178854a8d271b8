/* prefill.c: a forward pass over a whole prompt, its attention shown to a layer function. */
#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "model/host_copy.h"
#include "model/prefill.h"

/* What one prefill needs beside the pass. */
typedef struct run {
    rkv_model *model;
    rkv_backend *backend;
    const rkv_prefill_options *options;
    size_t n_tokens;
    bool shows_host;  /* the layer function sees ordinary memory; else the device's */
    float *attention; /* [H,T,T] device memory, when asked for */
    rkv_host_copies copies;
    double callback_s;
} run;

rkv_status rkv_prefill_attention_size(const rkv_model *model, size_t n, size_t *out) {
    size_t n_heads = model->config.n_heads;
    if (rkv_multiply(n_heads * n, n, out) && *out <= SIZE_MAX / sizeof(float)) return RKV_OK;
    return rkv_fail(RKV_NO_MEMORY, "out of memory: a tensor of %zu x %zu", n_heads * n, n);
}

/* Device memory for attention [H,T,T]. */
static rkv_status allocate(run *r) {
    size_t all;
    if (!r->options->attention) return RKV_OK;
    rkv_status status = rkv_prefill_attention_size(r->model, r->n_tokens, &all);
    return status ? status : r->backend->ops->alloc(r->backend, &r->attention, all);
}

static void release(run *r) {
    r->backend->ops->release(r->backend, r->attention);
    rkv_host_copies_clear(&r->copies);
}

static rkv_status show_layer(run *r, const rkv_projection *p) {
    if (!r->options->on_layer) return RKV_OK;
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
    rkv_status status = r->backend->ops->wait(r->backend); /* its time is not the layer function's */
    if (!status && r->shows_host) status = rkv_host_copies_of_layer(&r->copies, r->backend, &layer);
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
