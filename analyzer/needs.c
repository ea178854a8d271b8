/* needs.c: the device's memory that an analysis takes, by rehearsing it. */
#include "analyzer/needs.h"

#include "analyzer/rank_jobs.h"
#include "core/fail.h"
#include "model/prefill.h"
#include "model/rehearsal.h"

/* ---- the analysis ---- */

/* The analysis without those who watch it. */
static rkv_status rehearse(rkv_model *model, const int32_t *ids, size_t n, const rkv_analyze_options *options,
                           rkv_memory_use *out) {
    rkv_analyze_options unseen = options ? *options : (rkv_analyze_options){0};
    rkv_model *rehearsal;
    rkv_analysis *analysis = NULL;
    unseen.on_layer = NULL;
    unseen.progress = (rkv_progress){0};
    rkv_status status = rkv_model_rehearse(model, &rehearsal);
    if (status) return status;
    status = rkv_analyze(&analysis, rehearsal, ids, n, &unseen);
    rkv_analysis_free(analysis);
    rehearsal->backend->ops->memory_use(rehearsal->backend, out);
    rkv_model_rehearsal_free(rehearsal, model);
    return status;
}

rkv_status rkv_analyze_needs(rkv_memory_needs *out, rkv_model *model, const int32_t *ids, size_t n,
                             const rkv_analyze_options *options) {
    rkv_memory_use use;
    size_t attention;
    *out = (rkv_memory_needs){0};
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (!status) status = rkv_prefill_attention_size(model, n, &attention);
    if (!status) status = rehearse(model, ids, n, options, &use);
    if (status) return status;
    attention *= model->backend->n_helpers ? 2 * sizeof(float) : sizeof(float); /* a helper's copy too */
    *out = (rkv_memory_needs){.needed_bytes = use.peak,
                              .free_bytes = model->backend->ops->memory_available(model->backend),
                              .weights_bytes = use.weights,
                              .attention_bytes = attention,
                              .activations_bytes = use.tensors - attention,
                              .workspace_bytes = use.workspaces,
                              .resident = model->resident};
    return RKV_OK;
}

/* ---- before the work ---- */

static rkv_status check_first(rkv_model *model, const int32_t *ids, size_t n,
                              const rkv_analyze_options *options) {
    rkv_memory_needs needs;
    rkv_status status = rkv_analyze_needs(&needs, model, ids, n, options);
    /* 0 bytes: what is free is unknown. */
    if (status || !needs.free_bytes || needs.needed_bytes <= needs.free_bytes) return status;
    return rkv_fail(RKV_NO_MEMORY,
                    "%zu tokens need %zu bytes of the memory of %s, where %zu are free: %zu for weights, %zu "
                    "for attention, %zu for activations, %zu to compute ranks in",
                    n, needs.needed_bytes, model->backend->device, needs.free_bytes, needs.weights_bytes,
                    needs.attention_bytes, needs.activations_bytes, needs.workspace_bytes);
}

/* A helper ranks a layer. */
static rkv_status rehearse_helper(const rkv_model *model, rkv_backend *rehearsal, size_t n,
                                  const rkv_analyze_options *options) {
    const rkv_model_info *m = &model->info;
    rkv_backend of = {.helpers = &rehearsal, .n_helpers = 1};
    rkv_layer layer = {
        .n_heads = m->n_heads, .n_kv_heads = m->n_kv_heads, .n_tokens = n, .head_dim = m->head_dim};
    rkv_analysis *analysis = NULL;
    rkv_rank_jobs *jobs = NULL;
    const double *sigma;
    rkv_status status = rkv_analysis_new(&analysis, m, n, true, options);
    if (!status) status = rkv_rank_jobs_new(&jobs, analysis, &of, &layer);
    if (!status) status = rkv_rank_jobs_begin(jobs, &layer);
    if (!status) status = rkv_rank_jobs_end(jobs, 0, &sigma);
    rkv_rank_jobs_free(jobs);
    rkv_analysis_free(analysis);
    return status;
}

static rkv_status check_helper(const rkv_model *model, rkv_backend *helper, size_t n,
                               const rkv_analyze_options *options) {
    size_t at_hand = helper->ops->memory_available(helper);
    rkv_memory_use use = {0};
    rkv_backend *rehearsal;
    rkv_status status = helper->ops->rehearse(helper, &rehearsal);
    if (status) return status;
    status = rehearse_helper(model, rehearsal, n, options);
    rehearsal->ops->memory_use(rehearsal, &use);
    rkv_backend_close(rehearsal);
    if (status || !at_hand || use.peak <= at_hand) return status;
    return rkv_fail(RKV_NO_MEMORY,
                    "to rank a layer of %zu tokens takes %zu bytes of the memory of %s, where %zu are free",
                    n, use.peak, helper->device, at_hand);
}

rkv_status rkv_analyze_check_needs(rkv_model *model, const int32_t *ids, size_t n,
                                   const rkv_analyze_options *options) {
    if (!model->backend->ops->rehearse) return RKV_OK;
    rkv_status status = check_first(model, ids, n, options);
    for (size_t i = 0; !status && i < model->backend->n_helpers; i++)
        status = check_helper(model, model->backend->helpers[i], n, options);
    return status;
}
