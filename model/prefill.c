/* prefill.c: the forward pass over a prompt, layer by layer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"
#include "model/losses.h"
#include "model/model.h"

/* What one prefill works in; device memory unless said. */
typedef struct run {
    rkv_model *model;
    rkv_backend *backend;
    const rkv_prefill_options *options;
    size_t n_tokens;
    rkv_attention_shape shape;
    float *x;         /* [T, E] residual stream */
    float *normed;    /* [T, E] */
    float *wide;      /* [T, max((H+2G) D, 2F)]: queries, keys and values, or gate and up */
    float *narrow;    /* [T, max(H D, F)]: heads' outputs, or the feed-forward layer's */
    float *q, *k, *v; /* [H,T,D], [G,T,D], [G,T,D] */
    float *attention; /* [H,T,T] when asked for */
    float *rotation;  /* [T, D/2, 2] cosine and sine */
    float *host_k, *host_v,
        *host_attention; /* host copies for the layer function; aliases when memory is shared */
    double load_s, callback_s;
} run;

/* ---- setting up ---- */

/* The angle of pair i at position t is t / (base^(2i/D) scale factor_i), computed in float64. */
static rkv_status make_rotation(run *r) {
    const rkv_config *c = &r->model->config;
    size_t half = c->head_dim / 2;
    float *factors = NULL, *host = NULL;
    rkv_status status = rkv_alloc_raw(&host, r->n_tokens * half * 2, sizeof *host);
    const rkv_gguf_tensor *tensor = r->model->tensors.rope_factors;
    if (!status && tensor) status = rkv_alloc_raw(&factors, half, sizeof *factors);
    if (!status && tensor) tensor->type->decode(tensor->data, factors, half);
    for (size_t i = 0; !status && i < half; i++) {
        double frequency = pow(c->rope_base, -2.0 * (double)i / (double)c->head_dim) / c->rope_scale;
        if (factors) frequency /= (double)factors[i];
        for (size_t t = 0; t < r->n_tokens; t++) {
            host[(t * half + i) * 2] = (float)cos((double)t * frequency);
            host[(t * half + i) * 2 + 1] = (float)sin((double)t * frequency);
        }
    }
    if (!status) status = r->backend->ops->upload(r->backend, r->rotation, host, r->n_tokens * half * 2);
    free(factors);
    free(host);
    return status;
}

/* Device memory for `rows` rows of `columns`; a host twin too when the layer function will look at it. */
static rkv_status allocate(run *r, float **device, float **host, size_t rows, size_t columns) {
    size_t n;
    if (!rkv_multiply(rows, columns, &n) || n > SIZE_MAX / sizeof(float))
        return rkv_fail(RKV_NO_MEMORY, "out of memory: a tensor of %zu x %zu", rows, columns);
    rkv_status status = r->backend->ops->alloc(r->backend, device, n);
    if (status || !host) return status;
    if (r->backend->host_memory)
        *host = *device;
    else
        status = rkv_alloc_raw(host, n, sizeof **host);
    return status;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static rkv_status allocate_all(run *r) {
    const rkv_config *c = &r->model->config;
    size_t n = r->n_tokens, q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    rkv_status status = allocate(r, &r->x, NULL, n, c->n_embd);
    if (!status) status = allocate(r, &r->normed, NULL, n, c->n_embd);
    if (!status) status = allocate(r, &r->wide, NULL, n, larger(q + 2 * kv, 2 * c->n_ff));
    if (!status) status = allocate(r, &r->narrow, NULL, n, larger(q, c->n_ff));
    if (!status) status = allocate(r, &r->q, NULL, n, q);
    if (!status) status = allocate(r, &r->k, &r->host_k, n, kv);
    if (!status) status = allocate(r, &r->v, &r->host_v, n, kv);
    if (!status) status = allocate(r, &r->rotation, NULL, n, c->head_dim);
    if (!status && r->options->attention)
        status = allocate(r, &r->attention, &r->host_attention, c->n_heads * n, n);
    return status;
}

static void release_all(run *r) {
    float *device[] = {r->x, r->normed, r->wide, r->narrow, r->q, r->k, r->v, r->attention, r->rotation};
    float *host[] = {r->host_k, r->host_v, r->host_attention};
    for (size_t i = 0; !r->backend->host_memory && i < sizeof host / sizeof *host; i++)
        free(host[i]);
    for (size_t i = 0; i < sizeof device / sizeof *device; i++)
        r->backend->ops->release(r->backend, device[i]);
}

static rkv_status embed(run *r, const int32_t *ids) {
    double start = rkv_now_s();
    size_t width = r->model->config.n_embd;
    rkv_status status = RKV_OK;
    for (size_t t = 0; !status && t < r->n_tokens; t++)
        status =
            rkv_tensor_load_row(r->backend, r->model->tensors.embedding, (size_t)ids[t], r->x + t * width);
    r->load_s += rkv_now_s() - start;
    return status;
}

/* ---- one layer ---- */

/* The weights of a layer: kept when the model is resident, else decoded into the one scratch layer. */
static rkv_status layer_weights(run *r, size_t layer, const rkv_layer_weights **out) {
    rkv_model *m = r->model;
    rkv_layer_weights *w = &m->layers[m->resident ? layer : 0];
    *out = w;
    if (m->resident && w->down) return RKV_OK;
    double start = rkv_now_s();
    rkv_status status = rkv_layer_weights_load(w, r->backend, &m->tensors.layers[layer]);
    if (status) rkv_layer_weights_clear(w, r->backend);
    rkv_gguf_forget_pages(m->file);
    r->load_s += rkv_now_s() - start;
    return status;
}

static rkv_status attention_block(run *r, const rkv_layer_weights *w) {
    const rkv_backend_ops *ops = r->backend->ops;
    const rkv_config *c = &r->model->config;
    size_t n = r->n_tokens, e = c->n_embd, q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    rkv_status status = ops->rms_norm(r->backend, r->x, w->attention_norm, n, e, c->norm_eps, r->normed);
    if (!status) status = ops->matmul(r->backend, r->normed, n, w->qkv, 0, q + 2 * kv, false, r->wide);
    if (!status)
        status = ops->split_rotate(r->backend, r->wide, w->qkv_bias, r->rotation, c->architecture->pairing,
                                   &r->shape, r->q, r->k, r->v);
    if (!status) status = ops->attention(r->backend, r->q, r->k, r->v, &r->shape, r->attention, NULL, r->narrow);
    if (!status) status = ops->matmul(r->backend, r->narrow, n, w->attention_out, 0, e, true, r->x);
    return status;
}

static rkv_status feed_forward_block(run *r, const rkv_layer_weights *w) {
    const rkv_backend_ops *ops = r->backend->ops;
    const rkv_config *c = &r->model->config;
    size_t n = r->n_tokens, e = c->n_embd, f = c->n_ff;
    rkv_status status = ops->rms_norm(r->backend, r->x, w->ffn_norm, n, e, c->norm_eps, r->normed);
    if (!status) status = ops->matmul(r->backend, r->normed, n, w->gate_up, 0, 2 * f, false, r->wide);
    if (!status) status = ops->swiglu(r->backend, r->wide, n, f, r->narrow);
    if (!status) status = ops->matmul(r->backend, r->narrow, n, w->down, 0, e, true, r->x);
    return status;
}

static rkv_status show_layer(run *r, size_t index) {
    if (!r->options->on_layer) return RKV_OK;
    const rkv_config *c = &r->model->config;
    const rkv_backend_ops *ops = r->backend->ops;
    size_t n = r->n_tokens, kv = c->n_kv_heads * c->head_dim;
    rkv_status status = RKV_OK;
    if (!r->backend->host_memory) {
        status = ops->download(r->backend, r->host_k, r->k, n * kv);
        if (!status) status = ops->download(r->backend, r->host_v, r->v, n * kv);
        if (!status && r->attention)
            status = ops->download(r->backend, r->host_attention, r->attention, c->n_heads * n * n);
    }
    if (status) return status;
    rkv_layer layer = {
        .index = index,
        .n_layers = c->n_layers,
        .n_heads = c->n_heads,
        .n_kv_heads = c->n_kv_heads,
        .n_tokens = n,
        .head_dim = c->head_dim,
        .attention = r->host_attention,
        .keys = r->host_k,
        .values = r->host_v,
    };
    double start = rkv_now_s();
    status = r->options->on_layer(r->options->user, &layer);
    r->callback_s += rkv_now_s() - start;
    return status;
}

static rkv_status run_layers(run *r) {
    size_t n_layers = r->model->config.n_layers;
    rkv_status status = RKV_OK;
    for (size_t l = 0; !status && l < n_layers; l++) {
        const rkv_layer_weights *w;
        status = rkv_progress_report(&r->options->progress, "prefill", l, n_layers);
        if (!status) status = layer_weights(r, l, &w);
        if (!status) status = attention_block(r, w);
        if (!status) status = show_layer(r, l);
        if (!status) status = feed_forward_block(r, w);
    }
    if (!status) status = rkv_progress_report(&r->options->progress, "prefill", n_layers, n_layers);
    return status;
}

/* ---- after the last layer ---- */

/* Rows of the output matrix that are multiplied at a time: logits of a whole prompt would be T x V. */
#define VOCABULARY_CHUNK ((size_t)4096)

/* The output matrix: kept when the model is resident, else a scratch chunk that output_rows fills anew. */
static rkv_status output_matrix(run *r, rkv_matrix **out) {
    rkv_model *m = r->model;
    const rkv_config *c = &m->config;
    *out = m->output;
    if (m->output) return RKV_OK;
    size_t rows = m->resident || c->n_vocab < VOCABULARY_CHUNK ? c->n_vocab : VOCABULARY_CHUNK;
    rkv_status status = r->backend->ops->matrix_new(r->backend, rows, c->n_embd, out);
    if (!status && m->resident)
        status = rkv_tensor_load_matrix(r->backend, m->tensors.output, 0, rows, *out, 0);
    if (status) {
        r->backend->ops->matrix_free(r->backend, *out);
        *out = NULL;
    } else if (m->resident) {
        m->output = *out;
        rkv_gguf_forget_pages(m->file);
    }
    return status;
}

/* logits [rows, n] of the tokens x [rows, E] for the vocabulary [first, first + n). */
static rkv_status chunk_of_logits(run *r, const float *x, size_t rows, size_t first, size_t n,
                                  rkv_matrix *output, float *logits) {
    double start = rkv_now_s();
    rkv_status status = RKV_OK;
    if (!r->model->resident)
        status = rkv_tensor_load_matrix(r->backend, r->model->tensors.output, first, n, output, 0);
    r->load_s += rkv_now_s() - start;
    if (status) return status;
    return r->backend->ops->matmul(r->backend, x, rows, output, r->model->resident ? first : 0, n, false,
                                   logits);
}

/* Logits of tokens [first_token, T) chunk by chunk: the last token's are kept, all of them folded into the
 * losses. */
static rkv_status project(run *r, size_t first_token, rkv_losses *l, float *last_logits) {
    const rkv_config *c = &r->model->config;
    const rkv_backend_ops *ops = r->backend->ops;
    size_t rows = r->n_tokens - first_token,
           chunk = c->n_vocab < VOCABULARY_CHUNK ? c->n_vocab : VOCABULARY_CHUNK;
    float *logits = NULL;
    rkv_matrix *output = NULL;
    double start = rkv_now_s();
    rkv_status status = output_matrix(r, &output);
    r->load_s += rkv_now_s() - start;
    if (!status) status = ops->alloc(r->backend, &logits, rows * chunk);
    for (size_t first = 0; !status && first < c->n_vocab; first += chunk) {
        size_t n = c->n_vocab - first < chunk ? c->n_vocab - first : chunk;
        status = chunk_of_logits(r, r->normed + first_token * c->n_embd, rows, first, n, output, logits);
        if (!status) status = ops->download(r->backend, last_logits + first, logits + (rows - 1) * n, n);
        if (!status && l->target)
            status = ops->fold_logits(r->backend, logits, rows, n, first, l->target, l->maximum, l->sum,
                                      l->target_logit);
    }
    ops->release(r->backend, logits);
    if (!r->model->resident) ops->matrix_free(r->backend, output);
    return status;
}

static rkv_status norm_output(run *r) {
    rkv_model *m = r->model;
    rkv_status status = RKV_OK;
    if (!m->output_norm) {
        status = r->backend->ops->alloc(r->backend, &m->output_norm, m->config.n_embd);
        if (!status) status = rkv_tensor_load_row(r->backend, m->tensors.output_norm, 0, m->output_norm);
    }
    if (status) return status;
    return r->backend->ops->rms_norm(r->backend, r->x, m->output_norm, r->n_tokens, m->config.n_embd,
                                     m->config.norm_eps, r->normed);
}

static rkv_status finish(run *r, const int32_t *ids, rkv_prefill_result *out) {
    rkv_losses l = {0};
    bool wanted = r->options->losses && r->n_tokens > 1;
    rkv_status status = norm_output(r);
    if (!status)
        status = rkv_alloc_raw(&out->last_logits, r->model->config.n_vocab, sizeof *out->last_logits);
    if (!status && wanted) status = rkv_losses_new(&l, ids, r->n_tokens);
    if (!status) status = project(r, wanted ? 0 : r->n_tokens - 1, &l, out->last_logits);
    if (!status && wanted) status = rkv_losses_finish(&l, r->n_tokens, &out->token_nll, &out->perplexity);
    rkv_losses_clear(&l);
    return status;
}

rkv_status rkv_model_check_prompt(const rkv_model *model, const int32_t *ids, size_t n) {
    const rkv_config *c = &model->config;
    if (!model->backend)
        return rkv_fail(RKV_USAGE, "%s: was opened for its vocabulary alone", model->info.path);
    if (n == 0) return rkv_fail(RKV_USAGE, "the prompt has no tokens");
    if (n > c->n_context)
        return rkv_fail(RKV_USAGE, "the prompt has %zu tokens, the context of %s ends at %zu", n,
                        model->info.name, c->n_context);
    for (size_t t = 0; t < n; t++)
        if (ids[t] < 0 || (size_t)ids[t] >= c->n_vocab)
            return rkv_fail(RKV_USAGE, "token %zu of the prompt is %d: the vocabulary has 0 to %zu", t,
                            (int)ids[t], c->n_vocab - 1);
    return RKV_OK;
}

rkv_status rkv_prefill(rkv_model *model, const int32_t *ids, size_t n, const rkv_prefill_options *options,
                       rkv_prefill_result *out) {
    static const rkv_prefill_options defaults = {0};
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (status) return status;
    const rkv_config *c = &model->config;
    run r = {.model = model,
             .backend = model->backend,
             .options = options ? options : &defaults,
             .n_tokens = n,
             .shape = {n, c->n_heads, c->n_kv_heads, c->head_dim}};
    rkv_prefill_result result = {.n_tokens = n, .n_vocab = c->n_vocab, .perplexity = NAN};
    double start = rkv_now_s();
    status = allocate_all(&r);
    if (!status) status = make_rotation(&r);
    if (!status) status = embed(&r, ids);
    if (!status) status = run_layers(&r);
    if (!status) status = finish(&r, ids, &result);
    release_all(&r);
    result.load_s = r.load_s;
    result.prefill_s = rkv_now_s() - start - r.load_s - r.callback_s;
    if (!status)
        *out = result;
    else
        rkv_prefill_result_clear(&result);
    return status;
}

void rkv_prefill_result_clear(rkv_prefill_result *result) {
    free(result->last_logits);
    free(result->token_nll);
    *result = (rkv_prefill_result){0};
}
