/* forward.c: the forward pass over some tokens, layer by layer, up to the logits. */
#include "model/forward.h"

#include <assert.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/sizes.h"
#include "model/forward_parts.h"

/* ---- working memory ---- */

static rkv_status allocate(rkv_forward *f, float **out, size_t columns) {
    size_t n;
    if (!rkv_multiply(f->longest, columns, &n) || n > SIZE_MAX / sizeof(float))
        return rkv_fail(RKV_NO_MEMORY, "out of memory: a tensor of %zu x %zu", f->longest, columns);
    return f->backend->ops->alloc(f->backend, out, n);
}

static rkv_status allocate_rotation(rkv_forward *f) {
    size_t d = f->model->config.head_dim;
    rkv_status status = allocate(f, &f->rotation, d);
    if (status) return status;
    if (!f->backend->host_memory) return rkv_alloc_raw(&f->host_rotation, f->longest * d, sizeof(float));
    f->host_rotation = f->rotation;
    return RKV_OK;
}

static rkv_status allocate_all(rkv_forward *f) {
    const rkv_config *c = &f->model->config;
    size_t q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    rkv_status status = allocate(f, &f->x, c->n_embd);
    if (!status) status = allocate(f, &f->normed, c->n_embd);
    if (!status) status = allocate(f, &f->wide, rkv_larger(q + 2 * kv, 2 * c->n_ff));
    if (!status) status = allocate(f, &f->narrow, rkv_larger(q, c->n_ff));
    if (!status) status = allocate(f, &f->q, q);
    if (!status) status = allocate(f, &f->k, kv);
    if (!status) status = allocate(f, &f->v, kv);
    if (!status) status = allocate_rotation(f);
    return status;
}

rkv_status rkv_forward_new(rkv_forward **out, rkv_model *model, size_t longest) {
    rkv_forward *f = NULL;
    *out = NULL;
    rkv_status status = rkv_model_check_weights(model);
    if (!status) status = rkv_alloc(&f, 1, sizeof *f);
    if (status) return status;
    *f = (rkv_forward){.model = model, .backend = model->backend, .longest = longest};
    status = allocate_all(f);
    if (!status)
        *out = f;
    else
        rkv_forward_free(f);
    return status;
}

void rkv_forward_free(rkv_forward *f) {
    if (!f) return;
    float *device[] = {f->x, f->normed, f->wide, f->narrow, f->q, f->k, f->v, f->rotation};
    if (!f->backend->host_memory) free(f->host_rotation);
    for (size_t i = 0; i < sizeof device / sizeof *device; i++)
        f->backend->ops->release(f->backend, device[i]);
    free(f);
}

/* ---- before the first layer ---- */

static rkv_status embed(rkv_forward *f, const rkv_pass *pass) {
    double start = rkv_now_s();
    for (size_t t = 0; t < pass->n; t++)
        assert(pass->ids[t] >= 0 && (size_t)pass->ids[t] < f->model->config.n_vocab);
    rkv_status status =
        rkv_tensor_load_rows(f->backend, f->model->tensors.embedding, pass->ids, pass->n, f->x);
    f->load_s += rkv_now_s() - start;
    return status;
}

/* Fewer angles are made before other threads are awake. */
#define ANGLES_OF_SEVERAL ((size_t)4096)

/* Position 0 turns nothing. No layer can begin before. */
static rkv_status set_rotation(rkv_forward *f, const rkv_pass *pass) {
    size_t d = f->model->config.head_dim;
#pragma omp parallel for schedule(static) if (pass->n * d >= ANGLES_OF_SEVERAL)
    for (size_t t = 0; t < pass->n; t++)
        rkv_rope_angles(&f->model->rope, pass->unrotated ? 0 : pass->first + (int64_t)t,
                        f->host_rotation + t * d);
    return f->backend->ops->upload(f->backend, f->rotation, f->host_rotation, pass->n * d);
}

/* ---- the pass ---- */

static rkv_status run_layers(rkv_forward *f, const rkv_pass *pass) {
    size_t n_layers = f->model->config.n_layers;
    rkv_status status = RKV_OK;
    for (size_t l = 0; !status && l < n_layers; l++) {
        status = rkv_progress_report(&pass->progress, "prefill", l, n_layers);
        if (!status) status = rkv_forward_layer(f, pass, l);
    }
    if (!status) status = rkv_progress_report(&pass->progress, "prefill", n_layers, n_layers);
    return status;
}

rkv_status rkv_forward_run(rkv_forward *f, const rkv_pass *pass, double *load_s) {
    assert(pass->n >= 1 && pass->n <= f->longest);
    f->load_s = 0;
    rkv_status status = set_rotation(f, pass);
    if (!status) status = embed(f, pass);
    if (!status) status = run_layers(f, pass);
    if (!status) status = rkv_forward_output(f, pass);
    if (load_s) *load_s += f->load_s;
    return status;
}
