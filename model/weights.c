/* weights.c: the tensors of a model, found, checked and put into device memory. */
#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>

#include "backend/weight_block.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/sizes.h"

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

/* Tensors of a layer that other programs compute with: passing over one would change the result silently. */
static rkv_status refuse_unknown(const rkv_gguf *file, const char *name) {
    if (!rkv_gguf_tensor_find(file, name)) return RKV_OK;
    return rkv_fail(RKV_DATA, "%s: tensor '%s' is not computed by RankKV", rkv_gguf_path(file), name);
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
    static const char *const unknown[] = {"attn_output.bias", "ffn_gate.bias",       "ffn_up.bias",
                                          "ffn_down.bias",    "attn_q_norm.weight",  "attn_k_norm.weight",
                                          "attn_norm.bias",   "attn_sub_norm.weight"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        snprintf(name, sizeof name, "blk.%zu.%s", layer, unknown[i]);
        rkv_status status = refuse_unknown(file, name);
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

/* ---- forms ---- */

static bool is_held(const rkv_backend *backend, rkv_weight_form form) {
    return form != RKV_WEIGHT_OTHER && (backend->ops->weight_forms >> form & 1u);
}

rkv_weight_form rkv_joined_form(const rkv_backend *backend, rkv_joined_tensors tensors) {
    rkv_weight_form form = tensors.part[0]->type->form;
    for (size_t i = 1; i < 3 && tensors.part[i]; i++)
        if (tensors.part[i]->type->form != form) return RKV_WEIGHT_F32;
    return is_held(backend, form) ? form : RKV_WEIGHT_F32;
}

/* ---- loading ---- */

const void *rkv_tensor_row(const rkv_gguf_tensor *tensor, size_t row) {
    size_t blocks = row * (size_t)tensor->dims[0] / tensor->type->block_elements;
    return (const unsigned char *)tensor->data + blocks * tensor->type->block_bytes;
}

rkv_status rkv_tensor_load_row(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t row, float *to) {
    size_t n = (size_t)tensor->dims[0];
    float *host = NULL;
    rkv_status status = rkv_alloc_raw(&host, n, sizeof *host);
    if (!status) tensor->type->decode(rkv_tensor_row(tensor, row), host, n);
    if (!status) status = backend->ops->upload(backend, to, host, n);
    free(host);
    return status;
}

/* What is decoded for a device at a time: each copy has a price of its own. */
#define PIECE_BYTES ((size_t)4 << 20)

/* Of `rows` rows, so many are decoded at a time; on the host, as few as stay in its cache. */
static size_t rows_at_once(const rkv_backend *backend, size_t rows, size_t columns) {
    size_t steps = backend->host_memory ? 1 : PIECE_BYTES / (RKV_MATRIX_STEP * columns * sizeof(float));
    return rkv_smaller(rows, RKV_MATRIX_STEP * rkv_larger(steps, 1));
}

rkv_status rkv_tensor_load_rows(rkv_backend *backend, const rkv_gguf_tensor *tensor, const int32_t *ids,
                                size_t n, float *to) {
    size_t columns = (size_t)tensor->dims[0], most = rows_at_once(backend, n, columns);
    float *host = NULL;
    rkv_status status = rkv_alloc_raw(&host, most, columns * sizeof *host);
    for (size_t i = 0; !status && i < n; i += most) {
        size_t rows = rkv_smaller(n - i, most);
        for (size_t j = 0; j < rows; j++)
            tensor->type->decode(rkv_tensor_row(tensor, (size_t)ids[i + j]), host + j * columns, columns);
        status = backend->ops->upload(backend, to + i * columns, host, rows * columns);
    }
    free(host);
    return status;
}

static rkv_status decode_matrix(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t first,
                                size_t rows, rkv_matrix *matrix, size_t to) {
    size_t columns = (size_t)tensor->dims[0], most = rows_at_once(backend, rows, columns);
    rkv_first_failure failure = {0};
#pragma omp parallel
    {
        float *host = NULL;
        rkv_first_failure_note(&failure, rkv_alloc_raw(&host, most * columns, sizeof *host));
#pragma omp for schedule(static)
        for (size_t i = 0; i < rows; i += most) {
            if (rkv_first_failure_seen(&failure)) continue;
            size_t n = rkv_smaller(rows - i, most);
            tensor->type->decode(rkv_tensor_row(tensor, first + i), host, n * columns);
            rkv_first_failure_note(&failure, backend->ops->matrix_put(backend, matrix, to + i, n, host));
        }
        free(host);
    }
    return rkv_first_failure_raise(&failure);
}

rkv_status rkv_tensor_load_matrix(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t first,
                                  size_t rows, rkv_matrix *matrix, size_t to) {
    rkv_weight_form form = tensor->type->form;
    if (backend->rehearses) return RKV_OK;
    if (matrix->form != form || !is_held(backend, form))
        return decode_matrix(backend, tensor, first, rows, matrix, to);
    return backend->ops->matrix_put(backend, matrix, to, rows, rkv_tensor_row(tensor, first));
}

/* Vectors, joined into device memory that is allocated when *to is NULL. */
static rkv_status join_vectors(rkv_backend *backend, float **to, rkv_joined_tensors from) {
    size_t n = 0, at = 0;
    for (size_t i = 0; i < 3; i++)
        n += from.part[i] ? from.part[i]->n_elements : 0;
    if (n == 0) return RKV_OK;
    rkv_status status = *to ? RKV_OK : backend->ops->alloc(backend, to, n);
    for (size_t i = 0; !status && i < 3 && from.part[i]; i++) {
        status = rkv_tensor_load_row(backend, from.part[i], 0, *to + at);
        at += from.part[i]->n_elements;
    }
    return status;
}

/* All their rows. */
static size_t rows_of(rkv_joined_tensors tensors) {
    size_t n = 0;
    for (size_t i = 0; i < 3 && tensors.part[i]; i++)
        n += (size_t)tensors.part[i]->dims[1];
    return n;
}

/* Matrices, joined row below row. The matrix may be another layer's, whose form need not be this one's. */
static rkv_status join_matrices(rkv_backend *backend, rkv_matrix **to, rkv_joined_tensors from) {
    size_t at = 0;
    rkv_weight_form form = rkv_joined_form(backend, from);
    if (*to && (*to)->form != form) {
        backend->ops->matrix_free(backend, *to);
        *to = NULL;
    }
    rkv_status status =
        *to ? RKV_OK
            : backend->ops->matrix_new(backend, form, rows_of(from), (size_t)from.part[0]->dims[0], to);
    for (size_t i = 0; !status && i < 3 && from.part[i]; i++) {
        size_t rows = (size_t)from.part[i]->dims[1];
        status = rkv_tensor_load_matrix(backend, from.part[i], 0, rows, *to, at);
        at += rows;
    }
    return status;
}

/* What each matrix of a layer is made of. */
enum { LAYER_MATRICES = 4 };
static void list_matrices(const rkv_layer_tensors *t, rkv_joined_tensors list[LAYER_MATRICES]) {
    list[0] = (rkv_joined_tensors){{t->q, t->k, t->v}};
    list[1] = (rkv_joined_tensors){{t->attention_out}};
    list[2] = (rkv_joined_tensors){{t->gate, t->up}};
    list[3] = (rkv_joined_tensors){{t->down}};
}

rkv_status rkv_layer_weights_load(rkv_layer_weights *w, rkv_backend *backend, const rkv_layer_tensors *t) {
    rkv_matrix **const matrices[LAYER_MATRICES] = {&w->qkv, &w->attention_out, &w->gate_up, &w->down};
    rkv_joined_tensors list[LAYER_MATRICES];
    rkv_status status = RKV_OK;
    list_matrices(t, list);
    for (size_t i = 0; !status && i < LAYER_MATRICES; i++)
        status = join_matrices(backend, matrices[i], list[i]);
    return status;
}

void rkv_layer_weights_clear(rkv_layer_weights *w, rkv_backend *backend) {
    backend->ops->matrix_free(backend, w->qkv);
    backend->ops->matrix_free(backend, w->attention_out);
    backend->ops->matrix_free(backend, w->gate_up);
    backend->ops->matrix_free(backend, w->down);
    *w = (rkv_layer_weights){0};
}

rkv_status rkv_layer_vectors_load(rkv_layer_vectors *v, rkv_backend *backend, const rkv_layer_tensors *t) {
    rkv_joined_tensors bias = {{t->q_bias, t->k_bias, t->v_bias}};
    rkv_status status = join_vectors(backend, &v->attention_norm, (rkv_joined_tensors){{t->attention_norm}});
    if (!status) status = join_vectors(backend, &v->qkv_bias, bias);
    if (!status) status = join_vectors(backend, &v->ffn_norm, (rkv_joined_tensors){{t->ffn_norm}});
    return status;
}

void rkv_layer_vectors_clear(rkv_layer_vectors *v, rkv_backend *backend) {
    backend->ops->release(backend, v->attention_norm);
    backend->ops->release(backend, v->qkv_bias);
    backend->ops->release(backend, v->ffn_norm);
    *v = (rkv_layer_vectors){0};
}

/* ---- sizes ---- */

static size_t matrix_bytes(const rkv_backend *backend, rkv_joined_tensors tensors) {
    return rows_of(tensors) *
           rkv_weight_bytes(rkv_joined_form(backend, tensors), (size_t)tensors.part[0]->dims[0]);
}

size_t rkv_layer_weights_bytes(const rkv_backend *backend, const rkv_layer_tensors *t) {
    const rkv_gguf_tensor *const vectors[] = {t->attention_norm, t->ffn_norm, t->q_bias, t->k_bias,
                                              t->v_bias};
    rkv_joined_tensors list[LAYER_MATRICES];
    size_t bytes = 0;
    list_matrices(t, list);
    for (size_t i = 0; i < LAYER_MATRICES; i++)
        bytes += matrix_bytes(backend, list[i]);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        bytes += vectors[i] ? vectors[i]->n_elements * sizeof(float) : 0;
    return bytes;
}

size_t rkv_model_weights_bytes(const rkv_backend *backend, const rkv_model_tensors *tensors,
                               const rkv_config *config) {
    size_t bytes = matrix_bytes(backend, (rkv_joined_tensors){{tensors->output}});
    bytes += tensors->output_norm->n_elements * sizeof(float);
    for (size_t l = 0; l < config->n_layers; l++)
        bytes += rkv_layer_weights_bytes(backend, &tensors->layers[l]);
    return bytes;
}
