/* needs.c: the device's memory that an analysis takes, by rehearsing it. */
#include "analyzer/needs.h"

#include "core/fail.h"
#include "model/prefill.h"
#include "model/rehearsal.h"

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

rkv_status rkv_analyze_check_needs(rkv_model *model, const int32_t *ids, size_t n,
                                   const rkv_analyze_options *options) {
    rkv_memory_needs needs;
    if (!model->backend->ops->rehearse) return RKV_OK;
    rkv_status status = rkv_analyze_needs(&needs, model, ids, n, options);
    /* 0 bytes: what is free is unknown. */
    if (status || !needs.free_bytes || needs.needed_bytes <= needs.free_bytes) return status;
    return rkv_fail(RKV_NO_MEMORY,
                    "%zu tokens need %zu bytes of the memory of %s, where %zu are free: %zu for weights, %zu "
                    "for attention, %zu for activations, %zu to compute ranks in",
                    n, needs.needed_bytes, model->backend->device, needs.free_bytes, needs.weights_bytes,
                    needs.attention_bytes, needs.activations_bytes, needs.workspace_bytes);
}
