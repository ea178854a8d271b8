/* forward_layer.c: one layer of the forward pass. */
#include "core/clock.h"
#include "model/forward_parts.h"

/* What a layer computes with. A matrix that was not loaded is NULL: it is read in the file. */
typedef struct weights {
    const rkv_layer_tensors *tensors;
    const rkv_layer_vectors *vectors;
    rkv_layer_weights matrices; /* borrowed */
} weights;

static bool reads_file(const rkv_forward *f, size_t n, const rkv_layer_tensors *t) {
    return rkv_forward_reads_file(f, n, (rkv_joined_tensors){{t->q, t->k, t->v}}) &&
           rkv_forward_reads_file(f, n, (rkv_joined_tensors){{t->attention_out}}) &&
           rkv_forward_reads_file(f, n, (rkv_joined_tensors){{t->gate, t->up}}) &&
           rkv_forward_reads_file(f, n, (rkv_joined_tensors){{t->down}});
}

/* The matrices on the device: kept when the model is resident, else put into the one scratch layer. */
static rkv_status load_matrices(rkv_forward *f, size_t layer, rkv_layer_weights *out) {
    rkv_model *m = f->model;
    rkv_layer_weights *w = &m->layers[m->resident ? layer : 0];
    rkv_status status = RKV_OK;
    if (!m->resident || !w->down) {
        status = rkv_layer_weights_load(w, f->backend, &m->tensors.layers[layer]);
        if (status) rkv_layer_weights_clear(w, f->backend);
        rkv_gguf_forget_pages(m->file);
    }
    *out = *w;
    return status;
}

static rkv_status load_vectors(rkv_forward *f, size_t layer) {
    rkv_layer_vectors *v = &f->model->vectors[layer];
    if (v->ffn_norm) return RKV_OK;
    rkv_status status = rkv_layer_vectors_load(v, f->backend, &f->model->tensors.layers[layer]);
    if (status) rkv_layer_vectors_clear(v, f->backend);
    return status;
}

static rkv_status find_weights(rkv_forward *f, size_t n, size_t layer, weights *out) {
    double start = rkv_now_s();
    *out = (weights){.tensors = &f->model->tensors.layers[layer], .vectors = &f->model->vectors[layer]};
    rkv_status status = load_vectors(f, layer);
    if (!status && !reads_file(f, n, out->tensors)) status = load_matrices(f, layer, &out->matrices);
    f->load_s += rkv_now_s() - start;
    return status;
}

/* y [n, rows] = x [n, k] w^T + (accumulate ? y : 0) */
static rkv_status multiply(rkv_forward *f, const float *x, size_t n, const rkv_matrix *matrix,
                           rkv_joined_tensors w, bool accumulate, float *y) {
    if (!matrix) return rkv_forward_multiply_all(f, x, n, w, accumulate, y);
    size_t rows = 0;
    for (size_t i = 0; i < 3 && w.part[i]; i++)
        rows += (size_t)w.part[i]->dims[1];
    return f->backend->ops->matmul(f->backend, x, n, matrix, 0, rows, accumulate, y);
}

static rkv_status attention_block(rkv_forward *f, const rkv_pass *pass, size_t layer, const weights *w) {
    const rkv_backend_ops *ops = f->backend->ops;
    const rkv_config *c = &f->model->config;
    const rkv_layer_tensors *t = w->tensors;
    const rkv_layer_vectors *v = w->vectors;
    rkv_joined_tensors qkv = {{t->q, t->k, t->v}}, output = {{t->attention_out}};
    size_t n = pass->n;
    rkv_projection p = {layer, {n, c->n_heads, c->n_kv_heads, c->head_dim}, f->q, f->k, f->v};
    rkv_status status =
        ops->rms_norm(f->backend, f->x, v->attention_norm, n, c->n_embd, c->norm_eps, f->normed);
    if (!status) status = multiply(f, f->normed, n, w->matrices.qkv, qkv, false, f->wide);
    if (!status)
        status = ops->split_rotate(f->backend, f->wide, v->qkv_bias, f->rotation, f->model->rope.pairing,
                                   &p.shape, f->q, f->k, f->v);
    if (!status) status = pass->attend(pass->user, &p, f->narrow);
    if (!status) status = multiply(f, f->narrow, n, w->matrices.attention_out, output, true, f->x);
    return status;
}

static rkv_status feed_forward_block(rkv_forward *f, size_t n, const weights *w) {
    const rkv_backend_ops *ops = f->backend->ops;
    const rkv_config *c = &f->model->config;
    rkv_joined_tensors gate_up = {{w->tensors->gate, w->tensors->up}}, down = {{w->tensors->down}};
    rkv_status status =
        ops->rms_norm(f->backend, f->x, w->vectors->ffn_norm, n, c->n_embd, c->norm_eps, f->normed);
    if (!status) status = multiply(f, f->normed, n, w->matrices.gate_up, gate_up, false, f->wide);
    if (!status) status = ops->swiglu(f->backend, f->wide, n, c->n_ff, f->narrow);
    if (!status) status = multiply(f, f->narrow, n, w->matrices.down, down, true, f->x);
    return status;
}

rkv_status rkv_forward_layer(rkv_forward *f, const rkv_pass *pass, size_t layer) {
    weights w;
    rkv_status status = find_weights(f, pass->n, layer, &w);
    if (!status) status = attention_block(f, pass, layer, &w);
    if (!status) status = feed_forward_block(f, pass->n, &w);
    return status;
}

const float *rkv_forward_residual(const rkv_forward *forward) {
    return forward->x;
}

rkv_status rkv_forward_project(rkv_forward *forward, size_t layer, const float *rows, size_t n, float *out) {
    weights w;
    rkv_status status = find_weights(forward, n, layer, &w);
    if (status) return status;
    rkv_joined_tensors output = {{w.tensors->attention_out}};
    return multiply(forward, rows, n, w.matrices.attention_out, output, false, out);
}
