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

/* ---- one layer ---- */

/* Singular values and effective rank of one head again, by the other solver. */
static rkv_status solve_again(rkv_backend *backend, const rkv_layer *layer, size_t head, rkv_solver used,
                              double *sigma, double *erank, unsigned char *svd_used) {
    size_t n = layer->n_tokens;
    rkv_singular_task task = {
        .matrices = layer->attention + head * n * n,
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
static rkv_status put_ranks(rkv_analysis *a, rkv_backend *backend, const rkv_layer *layer, double *sigma,
                            const rkv_row_metrics *rows) {
    size_t n = layer->n_tokens, heads = layer->n_heads;
    unsigned char *svd_used = a->svd_used + layer->index * heads;
    double *erank = a->metric[RKV_ERANK] + layer->index * heads;
    for (size_t h = 0; h < heads; h++) {
        double *s = sigma + h * n;
        if (!rkv_sigma_identity_holds(s, n, rows[h].squared_norm)) {
            rkv_solver used = svd_used[h] ? RKV_SOLVER_SVD : RKV_SOLVER_GRAM;
            rkv_status status = solve_again(backend, layer, h, used, s, &erank[h], &svd_used[h]);
            if (status) return status;
            if (!rkv_sigma_identity_holds(s, n, rows[h].squared_norm))
                return rkv_fail(
                    RKV_ERROR,
                    "layer %zu head %zu: the squared singular values do not add up to the squared "
                    "norm %g with either solver",
                    layer->index, h, rows[h].squared_norm);
        }
        a->metric[RKV_STABLE_RANK][layer->index * heads + h] = rows[h].squared_norm / (s[0] * s[0]);
    }
    return RKV_OK;
}

static rkv_status rank_heads(rkv_analysis *a, rkv_backend *backend, const rkv_layer *layer,
                             const rkv_row_metrics *rows, double *sigma) {
    rkv_singular_task task = {
        .matrices = layer->attention,
        .n = layer->n_heads,
        .rows = layer->n_tokens,
        .cols = layer->n_tokens,
        .lower_triangular = true,
        .solver = a->solver,
        .sigma = sigma,
        .erank = a->metric[RKV_ERANK] + layer->index * layer->n_heads,
        .svd_used = a->svd_used + layer->index * layer->n_heads,
    };
    rkv_status status = backend->ops->singular_values(backend, &task);
    return status ? status : put_ranks(a, backend, layer, sigma, rows);
}

static rkv_status put_row_metrics(rkv_analysis *a, const rkv_layer *layer, const rkv_row_metrics *rows) {
    for (size_t h = 0; h < layer->n_heads; h++) {
        size_t at = layer->index * layer->n_heads + h;
        if (!rows[h].finite)
            return rkv_fail(RKV_DATA,
                            "layer %zu head %zu: the attention holds a value outside 0..1 or not a number",
                            layer->index, h);
        a->metric[RKV_ROW_PERPLEXITY][at] = rows[h].row_perplexity;
        a->metric[RKV_KEYS_95][at] = rows[h].keys_95;
        a->metric[RKV_SINK_4][at] = rows[h].sink_4;
        a->metric[RKV_LOCAL_32][at] = rows[h].local_32;
        a->metric[RKV_LONG_256][at] = rows[h].long_256;
        a->metric[RKV_IND1][at] = rows[h].ind1;
    }
    return RKV_OK;
}

/* Effective ranks of the G matrices [T, D] of keys or of values. */
static rkv_status rank_cache(rkv_analysis *a, rkv_backend *backend, const rkv_layer *layer,
                             const float *matrices, rkv_metric metric) {
    if (!a->metric[metric] || !matrices) return RKV_OK;
    size_t n = layer->n_tokens < layer->head_dim ? layer->n_tokens : layer->head_dim;
    double *sigma = NULL, *rank = a->metric[metric] + layer->index * layer->n_kv_heads;
    rkv_status status = rkv_alloc_raw(&sigma, layer->n_kv_heads * n, sizeof *sigma);
    rkv_singular_task task = {.matrices = matrices,
                              .n = layer->n_kv_heads,
                              .rows = layer->n_tokens,
                              .cols = layer->head_dim,
                              .solver = a->solver,
                              .sigma = sigma,
                              .erank = rank};
    if (!status) status = backend->ops->singular_values(backend, &task);
    if (status == RKV_DATA) status = rkv_fail_within(status, "%s", rkv_metric_get_info(metric)->name);
    for (size_t g = 0; !status && g < layer->n_kv_heads; g++)
        if (isnan(rank[g]))
            status = rkv_fail(RKV_DATA, "layer %zu KV head %zu: %s does not exist, for all values are zero",
                              layer->index, g, rkv_metric_get_info(metric)->name);
    free(sigma);
    return status;
}

/* The variant of the Python prototype: heads are averaged first, then one SVD. */
static rkv_status rank_head_mean(rkv_analysis *a, rkv_backend *backend, const rkv_layer *layer,
                                 double *rank) {
    size_t n = layer->n_tokens;
    float *mean = NULL;
    double *sigma = NULL;
    rkv_status status = backend->ops->alloc(backend, &mean, n * n);
    if (!status) status = rkv_alloc_raw(&sigma, n, sizeof *sigma);
    if (!status) status = backend->ops->head_mean(backend, layer->attention, layer->n_heads, n, mean);
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

static rkv_status rank_layer(rkv_analysis *a, rkv_backend *backend, const rkv_layer *layer,
                             rkv_row_metrics *rows, double *sigma) {
    rkv_status status = backend->ops->row_metrics(backend, layer->attention, layer->n_heads, layer->n_tokens,
                                                  a->token_ids, rows);
    if (!status) status = put_row_metrics(a, layer, rows);
    if (!status) status = rank_heads(a, backend, layer, rows, sigma);
    if (!status) status = rank_cache(a, backend, layer, layer->keys, RKV_ERANK_K);
    if (!status) status = rank_cache(a, backend, layer, layer->values, RKV_ERANK_V);
    double *rank = &a->layer_rank[layer->index];
    if (!status && a->aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX)
        return rank_head_mean(a, backend, layer, rank);
    if (!status)
        *rank = rkv_aggregate_values(a->aggregate, a->metric[RKV_ERANK] + layer->index * layer->n_heads,
                                     layer->n_heads);
    return status;
}

rkv_status rkv_analysis_rank_layer(rkv_analysis *analysis, rkv_backend *backend, const rkv_layer *layer,
                                   double *sigma) {
    rkv_row_metrics *rows = NULL;
    rkv_status status = rkv_alloc(&rows, layer->n_heads, sizeof *rows);
    if (!status) status = rank_layer(analysis, backend, layer, rows, sigma);
    free(rows);
    if (!status || strncmp(rkv_message(), "layer ", 6) == 0) return status;
    return rkv_fail_within(status, "layer %zu", layer->index);
}
