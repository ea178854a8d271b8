/* analyze.c: the analysis of a prompt as one call: prefill, and every layer ranked as it passes by. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/analyze.h"
#include "analyzer/layer_ranks.h"
#include "analyzer/needs.h"
#include "analyzer/rank_batch.h"
#include "analyzer/rank_jobs.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/text.h"
#include "model/prefill.h"

typedef struct work {
    rkv_analysis *analysis;
    rkv_backend *backend;
    const rkv_analyze_options *options;
    bool helped;
    double *sigma[2];      /* [H, T] of two layers in turn: one waits to be shown */
    rkv_rank_jobs *jobs;   /* in their place, where the device is helped */
    rkv_rank_batch *batch; /* or where layers wait for each other */
} work;

/* ---- layers as they pass by ---- */

static rkv_status report(const work *w, const rkv_layer *layer) {
    return rkv_progress_report(&w->options->progress, "analyze", layer->index + 1, layer->n_layers);
}

static rkv_status rank(void *user, const rkv_layer *layer) {
    work *w = user;
    double start = rkv_now_s();
    rkv_status status =
        rkv_analysis_rank_layers(w->analysis, w->backend, layer, 1, w->sigma[layer->index % 2]);
    w->analysis->rank_s += rkv_now_s() - start;
    return status ? status : report(w, layer);
}

static rkv_status settle(void *user, rkv_layer *layer) {
    const work *w = user;
    layer->erank = w->analysis->metric[RKV_ERANK] + layer->index * layer->n_heads;
    layer->sigma = w->sigma[layer->index % 2];
    return RKV_OK;
}

/* With helpers, the time of ranks is the time that is waited for them. */
static rkv_status begin_rank(void *user, const rkv_layer *layer) {
    work *w = user;
    double start = rkv_now_s();
    rkv_status status = rkv_rank_jobs_begin(w->jobs, layer);
    w->analysis->rank_s += rkv_now_s() - start;
    return status;
}

static rkv_status end_rank(void *user, rkv_layer *layer) {
    work *w = user;
    double start = rkv_now_s();
    rkv_status status = rkv_rank_jobs_end(w->jobs, layer->index, &layer->sigma);
    w->analysis->rank_s += rkv_now_s() - start;
    layer->erank = w->analysis->metric[RKV_ERANK] + layer->index * layer->n_heads;
    return status ? status : report(w, layer);
}

static rkv_status begin_batch(void *user, const rkv_layer *layer) {
    const work *w = user;
    return rkv_rank_batch_begin(w->batch, layer);
}

static rkv_status end_batch(void *user, rkv_layer *layer) {
    work *w = user;
    double start = rkv_now_s();
    rkv_status status = rkv_rank_batch_end(w->batch, layer->index);
    w->analysis->rank_s += rkv_now_s() - start;
    return status ? status : report(w, layer);
}

/* ---- the analysis ---- */

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

static rkv_status open_jobs(work *w, const rkv_layer *shape, rkv_layer_watch *watch) {
    *watch = (rkv_layer_watch){
        .look = begin_rank, .settle = end_rank, .user = w, .behind = w->backend->n_helpers, .queues = true};
    return rkv_rank_jobs_new(&w->jobs, w->analysis, w->backend, shape);
}

static rkv_status open_batch(work *w, const rkv_layer *shape, size_t n, rkv_layer_watch *watch) {
    *watch = (rkv_layer_watch){.look = begin_batch, .settle = end_batch, .user = w, .behind = n};
    return rkv_rank_batch_new(&w->batch, w->analysis, w->backend, shape, n);
}

/* Layers that somebody looks at do not wait for each other: they would in the host's memory, too. */
static rkv_status open_ranks(work *w, rkv_layer_watch *watch) {
    const rkv_model_info *m = &w->analysis->model;
    rkv_layer shape = {.n_layers = m->n_layers,
                       .n_heads = m->n_heads,
                       .n_kv_heads = m->n_kv_heads,
                       .n_tokens = w->analysis->n_tokens,
                       .head_dim = m->head_dim};
    rkv_status status = RKV_OK;
    if (w->helped) return open_jobs(w, &shape, watch);
    size_t together = w->options->on_layer ? 1 : rkv_rank_batch_layers(w->backend, &shape);
    if (together > 1) return open_batch(w, &shape, together, watch);
    *watch = (rkv_layer_watch){.look = rank, .settle = settle, .user = w};
    for (size_t i = 0; !status && i < 2; i++)
        status = rkv_alloc_raw(&w->sigma[i], shape.n_heads * shape.n_tokens, sizeof *w->sigma[i]);
    return status;
}

static rkv_status run(rkv_analysis *a, rkv_model *model, const int32_t *ids,
                      const rkv_analyze_options *options, bool helped) {
    work w = {.analysis = a, .backend = rkv_model_backend(model), .options = options};
    w.helped = helped && w.backend->n_helpers;
    rkv_prefill_options prefill = {
        .attention = true, .losses = true, .on_layer = options->on_layer, .user = options->user};
    rkv_layer_watch watch;
    rkv_prefill_result result = {0};
    rkv_status status = open_ranks(&w, &watch);
    if (!status) status = rkv_prefill_watched(model, ids, a->n_tokens, &prefill, &watch, &result);
    rkv_rank_jobs_free(w.jobs);
    rkv_rank_batch_free(w.batch);
    free(w.sigma[0]);
    free(w.sigma[1]);
    if (status) return status;
    a->perplexity = result.perplexity;
    a->load_s = result.load_s;
    a->prefill_s = result.prefill_s;
    rkv_prefill_result_clear(&result);
    return RKV_OK;
}

rkv_status rkv_analyze_with(rkv_analysis **out, rkv_model *model, const int32_t *ids, size_t n,
                            const rkv_analyze_options *options, bool helped) {
    static const rkv_analyze_options defaults = {0};
    if (!options) options = &defaults;
    double start = rkv_now_s();
    rkv_analysis *a = NULL;
    *out = NULL;
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (!status) status = rkv_analyze_check_needs(model, ids, n, options, helped);
    if (!status) status = rkv_analysis_new(&a, rkv_model_get_info(model), n, true, options);
    if (!status) status = keep_tokens(a, model, ids);
    if (!status) snprintf(a->device, sizeof a->device, "%s", rkv_model_device(model));
    if (!status) status = run(a, model, ids, options, helped);
    if (status) {
        rkv_analysis_free(a);
        return status;
    }
    a->total_s = rkv_now_s() - start;
    *out = a;
    return RKV_OK;
}

rkv_status rkv_analyze(rkv_analysis **out, rkv_model *model, const int32_t *ids, size_t n,
                       const rkv_analyze_options *options) {
    return rkv_analyze_with(out, model, ids, n, options, true);
}
