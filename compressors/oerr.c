/* oerr.c: what attention blocks lose when a method cuts the cache of one head, or of one layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compressors/executor.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"
#include "model/host_copy.h"

#define STANDARD_QUERIES 256
#define STANDARD_RATIO   0.1

/* One text: its beginning in two caches, its last tokens attending to both. Attention and projections are the
 * device's, sums and differences the host's. */
typedef struct text_pass {
    rkv_backend *backend;
    rkv_session *full, *cut;
    rkv_forward *forward;
    size_t n_heads, n_kv_heads, head_dim, n_embd;
    float *cut_out, *rows, *projected; /* [m, H D], [m, H D], [m, E] device memory */
    float *difference;                 /* [m, H D] of the heads' outputs */
    float *one;                        /* [m, H D] of one group of heads, else 0 */
    double *scale, *lost;              /* [m] norms of the residual stream, and of what it lacks */
    rkv_host_copy copies[2];
    double *by_head;  /* [L, G] sums over texts */
    double *by_layer; /* [L] likewise */
} text_pass;

/* ---- one layer ---- */

/* The columns of KV head g's query heads. */
static void take_group(const text_pass *t, size_t m, size_t g) {
    size_t width = t->n_heads * t->head_dim, group = width / t->n_kv_heads;
    memset(t->one, 0, m * width * sizeof *t->one);
    for (size_t i = 0; i < m; i++)
        memcpy(t->one + i * width + g * group, t->difference + i * width + g * group, group * sizeof *t->one);
}

static double norm(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* Norms [m] of rows [m, E], device memory. */
static rkv_status take_norms(text_pass *t, const float *rows, size_t m, double *norms) {
    rkv_status status = rkv_host_copy_take(&t->copies[0], t->backend, &rows, m * t->n_embd);
    for (size_t i = 0; !status && i < m; i++)
        norms[i] = norm(rows + i * t->n_embd, t->n_embd);
    return status;
}

/* Mean over queries of |W_o rows| / |residual|; a residual stream of zeros counts as no loss. */
static rkv_status measure(text_pass *t, size_t layer, const float *rows, size_t m, double *mean) {
    rkv_status status = t->backend->ops->upload(t->backend, t->rows, rows, m * t->n_heads * t->head_dim);
    if (!status) status = rkv_forward_project(t->forward, layer, t->rows, m, t->projected);
    if (!status) status = take_norms(t, t->projected, m, t->lost);
    double sum = 0;
    for (size_t i = 0; !status && i < m; i++)
        sum += t->scale[i] > 0 ? t->lost[i] / t->scale[i] : 0;
    *mean = sum / (double)m;
    return status;
}

/* difference [n] = the cut cache's attention less the full one's, out. */
static rkv_status attend_and_compare(text_pass *t, const rkv_projection *p, float *out, size_t n) {
    const float *full = out, *cut = t->cut_out;
    rkv_status status = rkv_session_attend_copy(t->full, p, out);
    if (!status) status = rkv_session_attend_copy(t->cut, p, t->cut_out);
    if (!status) status = rkv_host_copy_take(&t->copies[0], t->backend, &full, n);
    if (!status) status = rkv_host_copy_take(&t->copies[1], t->backend, &cut, n);
    for (size_t i = 0; !status && i < n; i++)
        t->difference[i] = cut[i] - full[i];
    return status;
}

/* What the layers go on with is the full cache's attention. */
static rkv_status attend_both(void *user, const rkv_projection *p, float *out) {
    text_pass *t = user;
    size_t m = p->shape.n_tokens;
    double loss;
    rkv_status status = attend_and_compare(t, p, out, m * t->n_heads * t->head_dim);
    if (!status) status = take_norms(t, rkv_forward_residual(t->forward), m, t->scale);
    if (!status) status = measure(t, p->layer, t->difference, m, &loss);
    if (!status) t->by_layer[p->layer] += loss;
    for (size_t g = 0; !status && g < t->n_kv_heads; g++) {
        take_group(t, m, g);
        status = measure(t, p->layer, t->one, m, &loss);
        if (!status) t->by_head[p->layer * t->n_kv_heads + g] += loss;
    }
    return status;
}

/* ---- one text ---- */

static rkv_status open_sessions(text_pass *t, rkv_model *model, const int32_t *ids, size_t n,
                                const rkv_oerr_options *o) {
    rkv_session_options full = {.method = "full", .progress = o->progress};
    rkv_session_options cut = {.method = o->method,
                               .ratio = o->ratio > 0 ? o->ratio : STANDARD_RATIO,
                               .hold = RKV_HOLD_PROMPT,
                               .seed = o->seed};
    rkv_status status = rkv_session_new(&t->full, model, &full);
    if (!status) status = rkv_session_new(&t->cut, model, &cut);
    rkv_session *const both[] = {t->full, t->cut};
    return status ? status : rkv_session_prefill_all(both, 2, ids, n);
}

static rkv_status allocate(text_pass *t, rkv_model *model, size_t m) {
    size_t width = t->n_heads * t->head_dim;
    rkv_status status = rkv_alloc_raw(&t->difference, m * width, sizeof *t->difference);
    if (!status) status = rkv_alloc_raw(&t->one, m * width, sizeof *t->one);
    if (!status) status = rkv_alloc_raw(&t->scale, m, sizeof *t->scale);
    if (!status) status = rkv_alloc_raw(&t->lost, m, sizeof *t->lost);
    if (!status) status = t->backend->ops->alloc(t->backend, &t->cut_out, m * width);
    if (!status) status = t->backend->ops->alloc(t->backend, &t->rows, m * width);
    if (!status) status = t->backend->ops->alloc(t->backend, &t->projected, m * t->n_embd);
    return status ? status : rkv_forward_new(&t->forward, model, m);
}

static void close_text(text_pass *t) {
    rkv_session_free(t->full);
    rkv_session_free(t->cut);
    rkv_forward_free(t->forward);
    t->backend->ops->release(t->backend, t->cut_out);
    t->backend->ops->release(t->backend, t->rows);
    t->backend->ops->release(t->backend, t->projected);
    rkv_host_copy_clear(&t->copies[0]);
    rkv_host_copy_clear(&t->copies[1]);
    free(t->difference);
    free(t->one);
    free(t->scale);
    free(t->lost);
}

/* Adds one text's losses to by_head [L, G] and by_layer [L]. */
static rkv_status add_text(rkv_model *model, const int32_t *ids, size_t n, const rkv_oerr_options *o,
                           double *by_head, double *by_layer) {
    const rkv_config *c = &model->config;
    size_t m = o->n_queries > 0 ? o->n_queries : STANDARD_QUERIES;
    if (n < 2) return rkv_fail(RKV_USAGE, "a text of %zu tokens cannot be cut in two", n);
    if (m > n / 2) m = n / 2;
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (status) return status;
    text_pass t = {.backend = model->backend,
                   .n_heads = c->n_heads,
                   .n_kv_heads = c->n_kv_heads,
                   .head_dim = c->head_dim,
                   .n_embd = c->n_embd,
                   .by_head = by_head,
                   .by_layer = by_layer};
    rkv_pass pass = {
        .ids = ids + n - m, .n = m, .first = (int64_t)(n - m), .attend = attend_both, .user = &t};
    status = open_sessions(&t, model, ids, n - m, o);
    if (!status) status = allocate(&t, model, m);
    if (!status) status = rkv_forward_run(t.forward, &pass, NULL);
    close_text(&t);
    return status;
}

/* ---- all texts ---- */

static rkv_status put(rkv_profile *profile, const char *name, const char *summary, const char *origin,
                      double *values) {
    static char unit[] = "ratio";
    rkv_signal signal = {.name = (char *)name,
                         .unit = unit,
                         .summary = (char *)summary,
                         .origin = (char *)origin,
                         .per_kv_head = true,
                         .values = values};
    return rkv_profile_put(profile, &signal);
}

static rkv_status put_both(rkv_profile *profile, const rkv_model *model, const rkv_oerr_options *o,
                           size_t n_texts, double *by_head, const double *by_layer) {
    size_t g = profile->model.n_kv_heads, n = profile->model.n_layers * g;
    char origin[256], products[RKV_PRODUCTS_SIZE];
    rkv_model_say_products(model, products);
    snprintf(origin, sizeof origin, "%s at %g of the tokens, %zu text%s%s", o->method,
             o->ratio > 0 ? o->ratio : STANDARD_RATIO, n_texts, n_texts == 1 ? "" : "s", products);
    for (size_t i = 0; i < n; i++)
        by_head[i] /= (double)n_texts;
    rkv_status status = put(profile, "oerr", "error of the attention block's output when this KV head is cut",
                            origin, by_head);
    for (size_t i = 0; i < n; i++)
        by_head[i] = by_layer[i / g] / (double)n_texts;
    if (!status)
        status = put(profile, "oerr_layer", "error of the attention block's output when its layer is cut",
                     origin, by_head);
    return status;
}

rkv_status rkv_profile_add_oerr(rkv_profile *profile, rkv_model *model, const int32_t *const *ids,
                                const size_t *n, size_t n_texts, const rkv_oerr_options *o) {
    const rkv_config *c = &model->config;
    double *by_head = NULL, *by_layer = NULL;
    rkv_status status = rkv_profile_check_model(profile, rkv_model_get_info(model));
    if (!status && n_texts == 0) status = rkv_fail(RKV_USAGE, "there is no text to measure oerr on");
    if (!status && !(o->ratio >= 0 && o->ratio <= 1))
        status = rkv_fail(RKV_USAGE, "ratio %g is not above 0 and at most 1", o->ratio);
    if (!status) status = rkv_alloc(&by_head, c->n_layers * c->n_kv_heads, sizeof *by_head);
    if (!status) status = rkv_alloc(&by_layer, c->n_layers, sizeof *by_layer);
    for (size_t i = 0; !status && i < n_texts; i++) {
        status = rkv_progress_report(&o->progress, "oerr", i, n_texts);
        if (!status) status = add_text(model, ids[i], n[i], o, by_head, by_layer);
        if (status) rkv_fail_within(status, "text %zu", i);
    }
    if (!status) status = put_both(profile, model, o, n_texts, by_head, by_layer);
    free(by_head);
    free(by_layer);
    return status;
}
