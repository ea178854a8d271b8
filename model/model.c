/* model.c: opening a model, and what it says of itself. */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/hash.h"
#include "core/memory.h"

/* ---- what the model is ---- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static rkv_status read_name(char **out, const rkv_gguf *file) {
    rkv_gguf_string name = {0};
    if (rkv_gguf_has(file, "general.name")) {
        rkv_status status = rkv_gguf_str(file, "general.name", &name);
        if (status) return status;
    }
    if (name.length) return rkv_copy_bytes(out, name.bytes, name.length);
    return rkv_copy_string(out, base_name(rkv_gguf_path(file)));
}

/* The type that holds most elements, and the number of them all. */
static const char *main_type(const rkv_gguf *file, size_t *n_parameters) {
    size_t most = 0;
    const char *name = "";
    *n_parameters = 0;
    const rkv_tensor_type *type;
    for (size_t k = 0; (type = rkv_tensor_type_at(k)); k++) {
        size_t n = 0;
        for (size_t i = 0; i < rkv_gguf_tensor_count(file); i++) {
            const rkv_gguf_tensor *t = rkv_gguf_tensor_at(file, i);
            if (t->type == type) n += t->n_elements;
        }
        *n_parameters += n;
        if (n > most) {
            most = n;
            name = type->name;
        }
    }
    return name;
}

static rkv_status describe(rkv_model *m, const char *path) {
    const rkv_config *c = &m->config;
    size_t n_parameters, size;
    const void *bytes = rkv_gguf_bytes(m->file, &size);
    m->info = (rkv_model_info){
        .n_layers = c->n_layers,
        .n_heads = c->n_heads,
        .n_kv_heads = c->n_kv_heads,
        .head_dim = c->head_dim,
        .n_embd = c->n_embd,
        .n_ff = c->n_ff,
        .n_vocab = c->n_vocab,
        .n_context = c->n_context,
        .file_bytes = size,
        .architecture = c->architecture->name,
        .file_type = main_type(m->file, &n_parameters),
    };
    m->info.n_parameters = n_parameters;
    char *copy = NULL, *name = NULL;
    rkv_status status = rkv_copy_string(&copy, path);
    m->info.path = copy;
    if (!status) status = read_name(&name, m->file);
    m->info.name = name;
    if (!status) status = rkv_sha256(bytes, size, m->info.sha256);
    rkv_gguf_forget_pages(m->file);
    return status;
}

/* ---- opening and closing ---- */

static rkv_status read_tokenizer(rkv_model *m) {
    rkv_status status = rkv_tokenizer_new(&m->tokenizer, m->file);
    if (status) return status;
    size_t vocabulary = rkv_tokenizer_vocabulary_size(m->tokenizer);
    if (vocabulary > m->config.n_vocab)
        return rkv_fail(RKV_DATA, "%s: tokenizer.ggml.tokens has %zu tokens, the embedding %zu rows",
                        rkv_gguf_path(m->file), vocabulary, m->config.n_vocab);
    return RKV_OK;
}

static rkv_status prepare_weights(rkv_model *m, const char *device) {
    rkv_status status = rkv_backend_open(&m->backend, device);
    if (!status) status = m->backend->ops->set_precision(m->backend, m->precision);
    if (status) return status;
    m->resident =
        m->weights == RKV_WEIGHTS_RESIDENT ||
        (m->weights == RKV_WEIGHTS_AUTO && rkv_model_weights_bytes(m->backend, &m->tensors, &m->config) <
                                               m->backend->ops->memory_available(m->backend) / 2);
    status = rkv_alloc(&m->vectors, m->config.n_layers, sizeof *m->vectors);
    if (status) return status;
    return rkv_alloc(&m->layers, m->resident ? m->config.n_layers : 1, sizeof *m->layers);
}

void rkv_model_release_weights(rkv_model *m) {
    for (size_t l = 0; m->layers && l < (m->resident ? m->config.n_layers : 1); l++)
        rkv_layer_weights_clear(&m->layers[l], m->backend);
    for (size_t l = 0; m->vectors && l < m->config.n_layers; l++)
        rkv_layer_vectors_clear(&m->vectors[l], m->backend);
    free(m->layers);
    free(m->vectors);
    if (m->backend) {
        m->backend->ops->matrix_free(m->backend, m->output);
        m->backend->ops->release(m->backend, m->output_norm);
    }
    m->layers = NULL, m->vectors = NULL, m->output = NULL, m->output_norm = NULL;
}

rkv_status rkv_model_open(rkv_model **out, const char *path, const rkv_model_options *options) {
    static const rkv_model_options defaults = {0};
    if (!options) options = &defaults;
    *out = NULL;
    rkv_model *m = NULL;
    rkv_status status = rkv_alloc(&m, 1, sizeof *m);
    if (status) return status;
    m->weights = options->weights, m->precision = options->precision;
    status = rkv_gguf_open(&m->file, path);
    if (!status) status = rkv_config_read(&m->config, m->file);
    if (!status) status = rkv_model_tensors_find(&m->tensors, m->file, &m->config);
    if (!status) status = rkv_rope_make(&m->rope, &m->config, m->tensors.rope_factors);
    if (!status) status = read_tokenizer(m);
    if (!status) status = describe(m, path);
    if (!status && !options->vocabulary_only) status = prepare_weights(m, options->device);
    if (!status)
        *out = m;
    else
        rkv_model_close(m);
    return status;
}

void rkv_model_close(rkv_model *m) {
    if (!m) return;
    rkv_model_release_weights(m);
    rkv_backend_close(m->backend);
    rkv_tokenizer_free(m->tokenizer);
    rkv_rope_clear(&m->rope);
    rkv_model_tensors_clear(&m->tensors);
    rkv_gguf_close(m->file);
    free((char *)m->info.path);
    free((char *)m->info.name);
    free(m);
}

/* ---- asking ---- */

const rkv_model_info *rkv_model_get_info(const rkv_model *model) {
    return &model->info;
}

const char *rkv_model_device(const rkv_model *model) {
    return model->backend ? model->backend->device : "";
}

void rkv_model_say_products(const rkv_model *model, char text[RKV_PRODUCTS_SIZE]) {
    bool less = model->precision != RKV_PRECISION_FLOAT32;
    snprintf(text, RKV_PRODUCTS_SIZE, "%s%s", less ? ", products in " : "",
             less ? rkv_precision_name(model->precision) : "");
}

rkv_backend *rkv_model_backend(const rkv_model *model) {
    return model->backend;
}

rkv_status rkv_model_check_weights(const rkv_model *model) {
    if (model->backend) return RKV_OK;
    return rkv_fail(RKV_USAGE, "%s: was opened for its vocabulary alone", model->info.path);
}

rkv_status rkv_model_check_prompt(const rkv_model *model, const int32_t *ids, size_t n) {
    const rkv_config *c = &model->config;
    rkv_status status = rkv_model_check_weights(model);
    if (status) return status;
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

rkv_status rkv_tokenize(const rkv_model *model, const char *text, size_t length,
                        const rkv_tokenize_options *options, int32_t **ids, size_t *n) {
    return rkv_tokenizer_encode(model->tokenizer, text, length, options, ids, n);
}

const char *rkv_token_bytes(const rkv_model *model, int32_t id, size_t *length) {
    return rkv_tokenizer_bytes(model->tokenizer, id, length);
}

bool rkv_token_is_end(const rkv_model *model, int32_t id) {
    return id >= 0 && id == rkv_tokenizer_eos(model->tokenizer);
}

rkv_status rkv_detokenize(const rkv_model *model, const int32_t *ids, size_t n, char **text, size_t *length) {
    return rkv_tokenizer_decode(model->tokenizer, ids, n, text, length);
}
