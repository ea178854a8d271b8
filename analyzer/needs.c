/* needs.c: the device's memory that an analysis takes, by rehearsing it. */
#include "analyzer/needs.h"

#include <stdio.h>

#include "analyzer/analyze.h"
#include "analyzer/rank_jobs.h"
#include "core/fail.h"
#include "core/memory.h"
#include "model/prefill.h"
#include "model/rehearsal.h"
#include "model/twin.h"

static rkv_memory_needs needs_of(const rkv_memory_use *use, rkv_backend *backend, size_t attention) {
    size_t left = backend->ops->memory_available(backend);
    rkv_memory_needs needs = {.needed_bytes = use->peak,
                              .free_bytes = left ? left + use->held : 0,
                              .held_bytes = use->held,
                              .weights_bytes = use->weights,
                              .attention_bytes = attention,
                              .activations_bytes = use->tensors - attention,
                              .workspace_bytes = use->workspaces};
    snprintf(needs.device, sizeof needs.device, "%s", backend->device);
    return needs;
}

/* ---- a prompt ---- */

/* The analysis, told to nobody. */
static rkv_status rehearse(rkv_model *model, const int32_t *ids, size_t n, const rkv_analyze_options *options,
                           bool helped, rkv_memory_use *out) {
    rkv_analyze_options unseen = options ? *options : (rkv_analyze_options){0};
    rkv_model *rehearsal;
    rkv_analysis *analysis = NULL;
    unseen.progress = (rkv_progress){0};
    rkv_status status = rkv_model_rehearse(model, &rehearsal);
    if (status) return status;
    status = rkv_analyze_with(&analysis, rehearsal, ids, n, &unseen, helped);
    rkv_analysis_free(analysis);
    rehearsal->backend->ops->memory_use(rehearsal->backend, out);
    rkv_model_rehearsal_free(rehearsal, model);
    return status;
}

static rkv_status ask_needs(rkv_memory_needs *out, rkv_model *model, const int32_t *ids, size_t n,
                            const rkv_analyze_options *options, bool helped) {
    rkv_memory_use use;
    size_t attention;
    *out = (rkv_memory_needs){0};
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (!status && !model->backend->ops->rehearse)
        status = rkv_fail(RKV_UNAVAILABLE, "%s: its memory is not predicted", model->backend->device);
    if (!status) status = rkv_prefill_attention_size(model, n, &attention);
    if (!status) status = rehearse(model, ids, n, options, helped, &use);
    if (status) return status;
    bool twice = helped && model->backend->n_helpers; /* a helper's copy too */
    *out = needs_of(&use, model->backend, attention * (twice ? 2 : 1) * sizeof(float));
    out->resident = model->resident;
    return RKV_OK;
}

rkv_status rkv_analyze_needs(rkv_memory_needs *out, rkv_model *model, const int32_t *ids, size_t n,
                             const rkv_analyze_options *options) {
    return ask_needs(out, model, ids, n, options, true);
}

rkv_status rkv_analyze_needs_on(rkv_memory_needs *out, rkv_model *model, size_t helper,
                                const rkv_prompt *prompt) {
    rkv_model *twin;
    rkv_status status = rkv_model_twin_new(model, model->backend->helpers[helper], &twin);
    if (status) return status;
    status = ask_needs(out, twin, prompt->ids, prompt->n, &prompt->options, false);
    rkv_model_twin_free(twin);
    return status;
}

/* ---- a layer, on a helper ---- */

static rkv_status rank_a_layer(const rkv_model *model, rkv_backend *rehearsal, size_t n,
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

static rkv_status ask_helper(rkv_memory_needs *out, const rkv_model *model, rkv_backend *helper, size_t n,
                             const rkv_analyze_options *options) {
    rkv_memory_use use = {0};
    rkv_backend *rehearsal;
    size_t attention;
    rkv_status status = rkv_prefill_attention_size(model, n, &attention);
    if (!status) status = helper->ops->rehearse(helper, &rehearsal);
    if (status) return status;
    status = rank_a_layer(model, rehearsal, n, options);
    rehearsal->ops->memory_use(rehearsal, &use);
    rkv_backend_close(rehearsal);
    if (!status) *out = needs_of(&use, helper, attention * sizeof(float));
    return status;
}

/* ---- every device ---- */

static rkv_status ask_device(rkv_memory_needs *out, rkv_model *model, size_t device, const rkv_prompt *prompt,
                             bool alone) {
    const rkv_backend *b = model->backend;
    const rkv_analyze_options *options = &prompt->options;
    rkv_status status = device == 0 ? ask_needs(out, model, prompt->ids, prompt->n, options, !alone)
                        : alone     ? rkv_analyze_needs_on(out, model, device, prompt)
                                    : ask_helper(out, model, b->helpers[device], prompt->n, options);
    if (!status && b->n_helpers) snprintf(out->device, sizeof out->device, "%s", b->helpers[device]->device);
    return status;
}

rkv_status rkv_analyze_device_needs(rkv_memory_needs **out, size_t *n_devices, rkv_model *model,
                                    const rkv_prompt *prompt, bool alone) {
    *out = NULL;
    rkv_status status = rkv_model_check_weights(model);
    size_t n = status || !model->backend->n_helpers ? 1 : model->backend->n_helpers;
    if (!status) status = rkv_alloc(out, n, sizeof **out);
    for (size_t i = 0; !status && i < n; i++)
        status = ask_device(&(*out)[i], model, i, prompt, alone);
    *n_devices = status ? 0 : n;
    if (!status) return RKV_OK;
    free(*out);
    *out = NULL;
    return status;
}

/* ---- before the work ---- */

/* 0 bytes: what is free is unknown. */
bool rkv_memory_lacks(const rkv_memory_needs *needs) {
    return needs->free_bytes && needs->needed_bytes > needs->free_bytes;
}

static rkv_status check_first(rkv_model *model, const int32_t *ids, size_t n,
                              const rkv_analyze_options *options, bool helped) {
    rkv_memory_needs needs;
    rkv_status status = ask_needs(&needs, model, ids, n, options, helped);
    if (status || !rkv_memory_lacks(&needs)) return status;
    return rkv_fail(RKV_NO_MEMORY,
                    "%zu tokens need %zu bytes of the memory of %s, where %zu are free: %zu for weights, %zu "
                    "for attention, %zu for activations, %zu to compute ranks in",
                    n, needs.needed_bytes, needs.device, needs.free_bytes, needs.weights_bytes,
                    needs.attention_bytes, needs.activations_bytes, needs.workspace_bytes);
}

static rkv_status check_helper(const rkv_model *model, rkv_backend *helper, size_t n,
                               const rkv_analyze_options *options) {
    rkv_memory_needs needs;
    rkv_status status = ask_helper(&needs, model, helper, n, options);
    if (status || !rkv_memory_lacks(&needs)) return status;
    return rkv_fail(RKV_NO_MEMORY,
                    "to rank a layer of %zu tokens takes %zu bytes of the memory of %s, where %zu are free",
                    n, needs.needed_bytes, needs.device, needs.free_bytes);
}

rkv_status rkv_analyze_check_needs(rkv_model *model, const int32_t *ids, size_t n,
                                   const rkv_analyze_options *options, bool helped) {
    const rkv_backend *b = model->backend;
    if (!b->ops->rehearse) return RKV_OK;
    rkv_status status = check_first(model, ids, n, options, helped);
    for (size_t i = 0; helped && !status && i < b->n_helpers; i++)
        status = check_helper(model, b->helpers[i], n, options);
    return status;
}
