/* weights.c: the tensors of a model, found, checked and decoded. */
#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"

/* ---- finding ---- */

/* The tensor `name` of shape [rows, columns] (rows 0: a vector [columns]). NULL in *out when it may be
 * missing. */
static rkv_status find(const rkv_gguf *file, const char *name, size_t rows, size_t columns, bool optional,
                       const rkv_gguf_tensor **out) {
    const rkv_gguf_tensor *t = *out = rkv_gguf_tensor_find(file, name);
    if (!t && optional) return RKV_OK;
    if (!t) return rkv_fail(RKV_DATA, "%s: tensor '%s' is missing", rkv_gguf_path(file), name);
    if (t->dims[0] != columns || t->dims[1] != (rows ? rows : 1) || t->dims[2] != 1 || t->dims[3] != 1)
        return rkv_fail(
            RKV_DATA, "%s: tensor '%s' has shape [%llu, %llu], not the [%zu, %zu] that its metadata asks for",
            rkv_gguf_path(file), name, (unsigned long long)t->dims[0], (unsigned long long)t->dims[1],
            columns, rows ? rows : 1);
    return RKV_OK;
}

static rkv_status find_layer(rkv_layer_tensors *out, const rkv_gguf *file, const rkv_config *c,
                             size_t layer) {
    size_t e = c->n_embd, q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim, f = c->n_ff;
    const struct {
        const char *name;
        size_t rows, columns;
        bool optional;
        const rkv_gguf_tensor **tensor;
    } rows[] = {
        {"attn_norm.weight", 0, e, false, &out->attention_norm},
        {"attn_q.weight", q, e, false, &out->q},
        {"attn_k.weight", kv, e, false, &out->k},
        {"attn_v.weight", kv, e, false, &out->v},
        {"attn_q.bias", 0, q, true, &out->q_bias},
        {"attn_k.bias", 0, kv, true, &out->k_bias},
        {"attn_v.bias", 0, kv, true, &out->v_bias},
        {"attn_output.weight", e, q, false, &out->attention_out},
        {"ffn_norm.weight", 0, e, false, &out->ffn_norm},
        {"ffn_gate.weight", f, e, false, &out->gate},
        {"ffn_up.weight", f, e, false, &out->up},
        {"ffn_down.weight", e, f, false, &out->down},
    };
    char name[64];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(name, sizeof name, "blk.%zu.%s", layer, rows[i].name);
        rkv_status status = find(file, name, rows[i].rows, rows[i].columns, rows[i].optional, rows[i].tensor);
        if (status) return status;
    }
    if (!out->q_bias != !out->k_bias || !out->q_bias != !out->v_bias)
        return rkv_fail(RKV_DATA, "%s: layer %zu has some of attn_q.bias, attn_k.bias, attn_v.bias, not all",
                        rkv_gguf_path(file), layer);
    return RKV_OK;
}

/* The vocabulary's size is the embedding's: the tokenizer is held to it later. */
static rkv_status find_vocabulary(rkv_model_tensors *out, const rkv_gguf *file, rkv_config *c) {
    const rkv_gguf_tensor *embedding = rkv_gguf_tensor_find(file, "token_embd.weight");
    c->n_vocab = embedding ? (size_t)embedding->dims[1] : 1;
    rkv_status status = find(file, "token_embd.weight", c->n_vocab, c->n_embd, false, &out->embedding);
    if (!status && c->n_vocab > INT32_MAX)
        return rkv_fail(RKV_DATA, "%s: tensor 'token_embd.weight' has %zu rows: token ids end at %d",
                        rkv_gguf_path(file), c->n_vocab, INT32_MAX);
    if (!status) status = find(file, "output.weight", c->n_vocab, c->n_embd, true, &out->output);
    if (!status && !out->output) out->output = out->embedding;
    return status;
}

rkv_status rkv_model_tensors_find(rkv_model_tensors *out, const rkv_gguf *file, rkv_config *config) {
    *out = (rkv_model_tensors){0};
    rkv_status status = find_vocabulary(out, file, config);
    if (!status) status = find(file, "output_norm.weight", 0, config->n_embd, false, &out->output_norm);
    if (!status) status = find(file, "rope_freqs.weight", 0, config->head_dim / 2, true, &out->rope_factors);
    if (!status) status = rkv_alloc(&out->layers, config->n_layers, sizeof *out->layers);
    for (size_t l = 0; !status && l < config->n_layers; l++)
        status = find_layer(&out->layers[l], file, config, l);
    if (status) rkv_model_tensors_clear(out);
    return status;
}

void rkv_model_tensors_clear(rkv_model_tensors *tensors) {
    free(tensors->layers);
    *tensors = (rkv_model_tensors){0};
}

/* ---- decoding ---- */

/* Elements decoded at a time by one thread; a multiple of every block size. */
#define CHUNK ((size_t)1 << 16)

static rkv_status decode(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t first, size_t n,
                         float *to) {
    const rkv_tensor_type *type = tensor->type;
    const unsigned char *from =
        (const unsigned char *)tensor->data + first / type->block_elements * type->block_bytes;
    float *host = to;
    rkv_status status = backend->host_memory ? RKV_OK : rkv_alloc_raw(&host, n, sizeof *host);
    if (status) return status;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i += CHUNK)
        type->decode(from + i / type->block_elements * type->block_bytes, host + i,
                     n - i < CHUNK ? n - i : CHUNK);
    if (!backend->host_memory) {
        status = backend->ops->upload(backend, to, host, n);
        free(host);
    }
    return status;
}

rkv_status rkv_tensor_load_rows(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t first,
                                size_t rows, float *to) {
    size_t columns = (size_t)tensor->dims[0];
    return decode(backend, tensor, first * columns, rows * columns, to);
}

/* Decodes up to three tensors one after the other into one buffer, allocated when *to is NULL. */
static rkv_status join(rkv_backend *backend, float **to, const rkv_gguf_tensor *a, const rkv_gguf_tensor *b,
                       const rkv_gguf_tensor *c) {
    const rkv_gguf_tensor *parts[] = {a, b, c};
    size_t n = 0, at = 0;
    for (size_t i = 0; i < 3; i++)
        n += parts[i] ? parts[i]->n_elements : 0;
    if (n == 0) return RKV_OK;
    rkv_status status = *to ? RKV_OK : backend->ops->alloc(backend, to, n);
    for (size_t i = 0; !status && i < 3; i++) {
        if (!parts[i]) continue;
        status = decode(backend, parts[i], 0, parts[i]->n_elements, *to + at);
        at += parts[i]->n_elements;
    }
    return status;
}

rkv_status rkv_layer_weights_load(rkv_layer_weights *w, rkv_backend *backend, const rkv_layer_tensors *t) {
    rkv_status status = join(backend, &w->attention_norm, t->attention_norm, NULL, NULL);
    if (!status) status = join(backend, &w->qkv, t->q, t->k, t->v);
    if (!status) status = join(backend, &w->qkv_bias, t->q_bias, t->k_bias, t->v_bias);
    if (!status) status = join(backend, &w->attention_out, t->attention_out, NULL, NULL);
    if (!status) status = join(backend, &w->ffn_norm, t->ffn_norm, NULL, NULL);
    if (!status) status = join(backend, &w->gate_up, t->gate, t->up, NULL);
    if (!status) status = join(backend, &w->down, t->down, NULL, NULL);
    return status;
}

void rkv_layer_weights_clear(rkv_layer_weights *w, rkv_backend *backend) {
    float *parts[] = {w->attention_norm, w->qkv,     w->qkv_bias, w->attention_out,
                      w->ffn_norm,       w->gate_up, w->down};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        backend->ops->release(backend, parts[i]);
    *w = (rkv_layer_weights){0};
}

size_t rkv_layer_weights_bytes(const rkv_config *c) {
    size_t attention = (2 * c->n_heads + 2 * c->n_kv_heads) * c->head_dim * c->n_embd;
    return (attention + 3 * c->n_ff * c->n_embd + 2 * c->n_embd) * sizeof(float);
}

size_t rkv_model_weights_bytes(const rkv_config *c) {
    return c->n_layers * rkv_layer_weights_bytes(c) + (c->n_vocab + 1) * c->n_embd * sizeof(float);
}
