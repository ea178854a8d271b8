/* layer_ranks.c: the effective ranks and metrics of one layer. */
#include "analyzer/layer_ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/rank_error.h"
#include "core/fail.h"
#include "core/memory.h"
#include "io/model_info.h"

/* ---- a new analysis ---- */

static rkv_status allocate_metrics(rkv_analysis *a, bool with_keys_values) {
    for (rkv_metric m = 0; m < RKV_METRIC_COUNT; m++) {
        bool kv = rkv_metric_get_info(m)->per_kv_head;
        if (kv && !with_keys_values) continue;
        size_t n = a->model.n_layers * (kv ? a->model.n_kv_heads : a->model.n_heads);
        rkv_status status = rkv_alloc(&a->metric[m], n, sizeof *a->metric[m]);
        if (status) return status;
    }
    return RKV_OK;
}

rkv_status rkv_analysis_new(rkv_analysis **out, const rkv_model_info *model, size_t n_tokens,
                            bool with_keys_values, const rkv_analyze_options *options) {
    rkv_analysis *a = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&a, 1, sizeof *a);
    if (status) return status;
    a->n_tokens = n_tokens;
    a->solver = options->solver;
    a->aggregate = options->aggregate;
    a->perplexity = NAN;
    status = rkv_model_info_copy(&a->model, model);
    if (!status)
        status = rkv_copy_string(&a->prompt_name, options->prompt_name ? options->prompt_name : "prompt");
    if (!status) status = allocate_metrics(a, with_keys_values);
    if (!status) status = rkv_alloc(&a->layer_rank, model->n_layers, sizeof *a->layer_rank);
    if (!status) status = rkv_alloc(&a->svd_used, model->n_layers * model->n_heads, sizeof *a->svd_used);
    if (!status)
        *out = a;
    else
        rkv_analysis_free(a);
    return status;
}

/* ---- some layers ----
 * Their arrays lie one behind the other, so that their heads are as good as one layer's. */

typedef struct layers {
    rkv_layer first;
    size_t n;
    size_t heads, kv_heads; /* of all of them */
    size_t at, kv_at;       /* where theirs begin among all of the model's */
} layers;

static layers layers_of(const rkv_layer *first, size_t n) {
    return (layers){.first = *first,
                    .n = n,
                    .heads = n * first->n_heads,
                    .kv_heads = n * first->n_kv_heads,
                    .at = first->index * first->n_heads,
                    .kv_at = first->index * first->n_kv_heads};
}

/* The layer of one of their heads. */
static size_t layer_of(const layers *l, size_t head) {
    return l->first.index + head / l->first.n_heads;
}

/* Singular values and effective rank of one head again, by the other solver. */
static rkv_status solve_again(rkv_backend *backend, const layers *l, size_t head, rkv_solver used,
                              double *sigma, double *erank, unsigned char *svd_used) {
    size_t n = l->first.n_tokens;
    rkv_singular_task task = {
        .matrices = l->first.attention + head * n * n,
        .n = 1,
        .rows = n,
        .cols = n,
        .lower_triangular = true,
        .solver = used == RKV_SOLVER_SVD ? RKV_SOLVER_GRAM : RKV_SOLVER_SVD,
        .sigma = sigma,
        .erank = erank,
        .svd_used = svd_used,
    };
    return backend->ops->singular_values(backend, &task);
}

/* The stable rank of each head; its effective rank is there, and stays if the identity holds. */
static rkv_status put_ranks(rkv_analysis *a, rkv_backend *backend, const layers *l, double *sigma,
                            const rkv_row_metrics *rows) {
    size_t n = l->first.n_tokens;
    unsigned char *svd_used = a->svd_used + l->at;
    double *erank = a->metric[RKV_ERANK] + l->at;
    for (size_t h = 0; h < l->heads; h++) {
        double *s = sigma + h * n;
        if (!rkv_sigma_identity_holds(s, n, rows[h].squared_norm)) {
            rkv_solver used = svd_used[h] ? RKV_SOLVER_SVD : RKV_SOLVER_GRAM;
            rkv_status status = solve_again(backend, l, h, used, s, &erank[h], &svd_used[h]);
            if (status) return status;
            if (!rkv_sigma_identity_holds(s, n, rows[h].squared_norm))
                return rkv_fail(
                    RKV_ERROR,
                    "layer %zu head %zu: the squared singular values do not add up to the squared "
                    "norm %g with either solver",
                    layer_of(l, h), h % l->first.n_heads, rows[h].squared_norm);
        }
        a->metric[RKV_STABLE_RANK][l->at + h] = rows[h].squared_norm / (s[0] * s[0]);
    }
    return RKV_OK;
}

static rkv_status rank_heads(rkv_analysis *a, rkv_backend *backend, const layers *l,
                             const rkv_row_metrics *rows, double *sigma) {
    rkv_singular_task task = {
        .matrices = l->first.attention,
        .n = l->heads,
        .rows = l->first.n_tokens,
        .cols = l->first.n_tokens,
        .lower_triangular = true,
        .solver = a->solver,
        .sigma = sigma,
        .erank = a->metric[RKV_ERANK] + l->at,
        .svd_used = a->svd_used + l->at,
    };
    rkv_status status = backend->ops->singular_values(backend, &task);
    return status ? status : put_ranks(a, backend, l, sigma, rows);
}

static rkv_status put_row_metrics(rkv_analysis *a, const layers *l, const rkv_row_metrics *rows) {
    for (size_t h = 0; h < l->heads; h++) {
        size_t at = l->at + h;
        if (!rows[h].finite)
            return rkv_fail(RKV_DATA,
                            "layer %zu head %zu: the attention holds a value outside 0..1 or not a number",
                            layer_of(l, h), h % l->first.n_heads);
        a->metric[RKV_ROW_PERPLEXITY][at] = rows[h].row_perplexity;
        a->metric[RKV_KEYS_95][at] = rows[h].keys_95;
        a->metric[RKV_SINK_4][at] = rows[h].sink_4;
        a->metric[RKV_LOCAL_32][at] = rows[h].local_32;
        a->metric[RKV_LONG_256][at] = rows[h].long_256;
        a->metric[RKV_IND1][at] = rows[h].ind1;
    }
    return RKV_OK;
}

/* Effective ranks of the matrices [T, D] of keys or of values, one for each KV head. */
static rkv_status rank_cache(rkv_analysis *a, rkv_backend *backend, const layers *l, const float *matrices,
                             rkv_metric metric) {
    if (!a->metric[metric] || !matrices) return RKV_OK;
    size_t n = l->first.n_tokens < l->first.head_dim ? l->first.n_tokens : l->first.head_dim;
    double *sigma = NULL, *rank = a->metric[metric] + l->kv_at;
    rkv_status status = rkv_alloc_raw(&sigma, l->kv_heads * n, sizeof *sigma);
    rkv_singular_task task = {.matrices = matrices,
                              .n = l->kv_heads,
                              .rows = l->first.n_tokens,
                              .cols = l->first.head_dim,
                              .solver = a->solver,
                              .sigma = sigma,
                              .erank = rank};
    if (!status) status = backend->ops->singular_values(backend, &task);
    if (status == RKV_DATA) status = rkv_fail_within(status, "%s", rkv_metric_get_info(metric)->name);
    for (size_t g = 0; !status && g < l->kv_heads; g++)
        if (isnan(rank[g]))
            status = rkv_fail(RKV_DATA, "layer %zu KV head %zu: %s does not exist, for all values are zero",
                              l->first.index + g / l->first.n_kv_heads, g % l->first.n_kv_heads,
                              rkv_metric_get_info(metric)->name);
    free(sigma);
    return status;
}

/* The variant of the Python prototype: heads are averaged first, then one SVD. */
static rkv_status rank_head_mean(rkv_analysis *a, rkv_backend *backend, const rkv_layer *layer,
                                 const float *attention, double *rank) {
    size_t n = layer->n_tokens;
    float *mean = NULL;
    double *sigma = NULL;
    rkv_status status = backend->ops->alloc(backend, &mean, n * n);
    if (!status) status = rkv_alloc_raw(&sigma, n, sizeof *sigma);
    if (!status) status = backend->ops->head_mean(backend, attention, layer->n_heads, n, mean);
    rkv_singular_task task = {.matrices = mean,
                              .n = 1,
                              .rows = n,
                              .cols = n,
                              .lower_triangular = true,
                              .solver = a->solver,
                              .sigma = sigma,
                              .erank = rank};
    if (!status) status = backend->ops->singular_values(backend, &task);
    free(sigma);
    backend->ops->release(backend, mean);
    return status;
}

/* One number of the i-th layer's heads. */
static rkv_status aggregate(rkv_analysis *a, rkv_backend *backend, const layers *l, size_t i) {
    const rkv_layer *f = &l->first;
    double *rank = &a->layer_rank[f->index + i];
    if (a->aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX)
        return rank_head_mean(a, backend, f, f->attention + i * f->n_heads * f->n_tokens * f->n_tokens, rank);
    *rank = rkv_aggregate_values(a->aggregate, a->metric[RKV_ERANK] + l->at + i * f->n_heads, f->n_heads);
    return RKV_OK;
}

static rkv_status rank_all(rkv_analysis *a, rkv_backend *backend, const layers *l, rkv_row_metrics *rows,
                           double *sigma) {
    rkv_status status = backend->ops->row_metrics(backend, l->first.attention, l->heads, l->first.n_tokens,
                                                  a->token_ids, rows);
    if (!status) status = put_row_metrics(a, l, rows);
    if (!status) status = rank_heads(a, backend, l, rows, sigma);
    if (!status) status = rank_cache(a, backend, l, l->first.keys, RKV_ERANK_K);
    if (!status) status = rank_cache(a, backend, l, l->first.values, RKV_ERANK_V);
    for (size_t i = 0; !status && i < l->n; i++)
        status = aggregate(a, backend, l, i);
    return status;
}

rkv_status rkv_analysis_rank_layers(rkv_analysis *analysis, rkv_backend *backend, const rkv_layer *first,
                                    size_t n, double *sigma) {
    layers l = layers_of(first, n);
    rkv_row_metrics *rows = NULL;
    rkv_status status = rkv_alloc(&rows, l.heads, sizeof *rows);
    if (!status) status = rank_all(analysis, backend, &l, rows, sigma);
    free(rows);
    if (!status || strncmp(rkv_message(), "layer ", 6) == 0) return status;
    if (n == 1) return rkv_fail_within(status, "layer %zu", first->index);
    return rkv_fail_within(status, "layers %zu to %zu", first->index, first->index + n - 1);
}
