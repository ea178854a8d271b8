/* analyze.c: the analysis of a prompt as one call: prefill, and every layer ranked as it passes by. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/layer_ranks.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/text.h"
#include "model/prefill.h"

typedef struct work {
    rkv_analysis *analysis;
    rkv_backend *backend;
    const rkv_analyze_options *options;
    double *sigma;                    /* [H, T] of the layer at hand */
    float *attention, *keys, *values; /* what on_layer sees, where device memory is not ordinary memory */
} work;

/* One array of a layer in ordinary memory. */
static rkv_status fetch(const work *w, const float **array, size_t n, float **host) {
    rkv_status status = *host ? RKV_OK : rkv_alloc_raw(host, n, sizeof **host);
    if (!status) status = w->backend->ops->download(w->backend, *host, *array, n);
    *array = *host;
    return status;
}

/* A layer crosses to the host only when somebody looks at it. */
static rkv_status show(work *w, rkv_layer *layer) {
    size_t n = layer->n_tokens, kv = n * layer->n_kv_heads * layer->head_dim;
    rkv_status status = RKV_OK;
    if (!w->options->on_layer) return RKV_OK;
    if (!w->backend->host_memory) {
        status = fetch(w, &layer->attention, layer->n_heads * n * n, &w->attention);
        if (!status) status = fetch(w, &layer->keys, kv, &w->keys);
        if (!status) status = fetch(w, &layer->values, kv, &w->values);
    }
    return status ? status : w->options->on_layer(w->options->user, layer);
}

static rkv_status rank_passing_layer(void *user, const rkv_layer *layer) {
    work *w = user;
    double start = rkv_now_s();
    rkv_status status = rkv_analysis_rank_layer(w->analysis, w->backend, layer, w->sigma);
    w->analysis->rank_s += rkv_now_s() - start;
    rkv_layer ranked = *layer;
    ranked.erank = w->analysis->metric[RKV_ERANK] + layer->index * layer->n_heads;
    ranked.sigma = w->sigma;
    if (!status) status = show(w, &ranked);
    if (!status)
        status = rkv_progress_report(&w->options->progress, "analyze", layer->index + 1, layer->n_layers);
    return status;
}

static rkv_status token_as_text(const rkv_model *model, int32_t id, char **out) {
    size_t length = 0;
    const char *bytes = rkv_token_bytes(model, id, &length);
    rkv_text text = {0};
    rkv_text_add_printable(&text, bytes ? bytes : "", length);
    return rkv_text_finish(&text, out);
}

static rkv_status keep_tokens(rkv_analysis *a, const rkv_model *model, const int32_t *ids) {
    rkv_status status = rkv_alloc_raw(&a->token_ids, a->n_tokens, sizeof *a->token_ids);
    if (!status) memcpy(a->token_ids, ids, a->n_tokens * sizeof *ids);
    if (!status) status = rkv_alloc(&a->token_text, a->n_tokens, sizeof *a->token_text);
    for (size_t t = 0; !status && t < a->n_tokens; t++)
        status = token_as_text(model, ids[t], &a->token_text[t]);
    return status;
}

static rkv_status run(rkv_analysis *a, rkv_model *model, const int32_t *ids,
                      const rkv_analyze_options *options) {
    work w = {.analysis = a, .backend = rkv_model_backend(model), .options = options};
    rkv_prefill_options prefill = {
        .attention = true, .losses = true, .on_layer = rank_passing_layer, .user = &w};
    rkv_prefill_result result = {0};
    rkv_status status = rkv_alloc_raw(&w.sigma, a->model.n_heads * a->n_tokens, sizeof *w.sigma);
    if (!status) status = rkv_prefill_on_device(model, ids, a->n_tokens, &prefill, &result);
    free(w.sigma);
    free(w.attention);
    free(w.keys);
    free(w.values);
    if (status) return status;
    a->perplexity = result.perplexity;
    a->load_s = result.load_s;
    a->prefill_s = result.prefill_s;
    rkv_prefill_result_clear(&result);
    return RKV_OK;
}

rkv_status rkv_analyze(rkv_analysis **out, rkv_model *model, const int32_t *ids, size_t n,
                       const rkv_analyze_options *options) {
    static const rkv_analyze_options defaults = {0};
    if (!options) options = &defaults;
    double start = rkv_now_s();
    rkv_analysis *a = NULL;
    *out = NULL;
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (!status) status = rkv_analysis_new(&a, rkv_model_get_info(model), n, true, options);
    if (!status) status = keep_tokens(a, model, ids);
    if (!status) snprintf(a->device, sizeof a->device, "%s", rkv_model_device(model));
    if (!status) status = run(a, model, ids, options);
    if (status) {
        rkv_analysis_free(a);
        return status;
    }
    a->total_s = rkv_now_s() - start;
    *out = a;
    return RKV_OK;
}
