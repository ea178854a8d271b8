/* foretell.c: the memory that an evaluation takes, by rehearsing it. */
#include "compressors/needs.h"
#include "core/fail.h"
#include "core/memory.h"
#include "evaluation/plan.h"
#include "evaluation/run.h"
#include "model/model.h"
#include "model/rehearsal.h"

/* What logits and probabilities take is the host's memory: on the CPU a part of what is needed of it. */
static void fill(rkv_eval_needs *out, const rkv_model *model, const rkv_memory_use *use,
                 const rkv_eval_count *count) {
    rkv_session_needs *m = &out->memory;
    rkv_session_needs_fill(m, model, use, count->host_bytes, &count->cache);
    if (model->backend->host_memory) {
        m->needed_bytes += count->prediction_bytes;
        m->activations_bytes += count->prediction_bytes;
    } else {
        m->host_bytes += count->prediction_bytes;
    }
    out->host_free_bytes = rkv_memory_available();
    out->largest = count->largest;
    out->n_cells = count->n_cells;
    out->n_sessions = count->n_sessions;
    out->limit_bytes = count->limit_bytes;
}

rkv_status rkv_eval_foretell(rkv_eval_needs *out, rkv_model *model, const rkv_windows *windows,
                             const rkv_setting *settings, size_t n_settings,
                             const rkv_eval_options *options) {
    rkv_eval_options unseen = options ? *options : (rkv_eval_options){0};
    rkv_eval_count count = {0};
    rkv_memory_use use;
    rkv_model *rehearsal;
    unseen.is_known = NULL;
    unseen.on_cell = NULL;
    *out = (rkv_eval_needs){0};
    rkv_status status = rkv_model_rehearse(model, &rehearsal);
    if (status) return status;
    status = rkv_eval_work(rehearsal, windows, settings, n_settings, &unseen, &count);
    rehearsal->backend->ops->memory_use(rehearsal->backend, &use);
    rkv_model_rehearsal_free(rehearsal, model);
    if (!status) fill(out, model, &use, &count);
    return status;
}

static rkv_status judge(const rkv_eval_needs *needs, const rkv_setting *settings) {
    const rkv_session_needs *m = &needs->memory;
    char text[256];
    if (!m->free_bytes || m->needed_bytes <= m->free_bytes) return RKV_OK;
    rkv_setting_describe(&settings[needs->largest], text, sizeof text);
    return rkv_fail(
        RKV_NO_MEMORY,
        "the evaluation needs %zu bytes of the memory of %s, where %zu are free: %zu for weights, %zu for "
        "caches, %zu of them at once, the largest under %s",
        m->needed_bytes, m->device, m->free_bytes, m->weights_bytes, m->cache_bytes, needs->n_sessions, text);
}

/* Cells that are rehearsed are none that are done. */
static int report_memory(void *user, const char *stage, size_t done, size_t total) {
    const rkv_progress *p = user;
    (void)stage, (void)done;
    return p->report ? p->report(p->user, "memory", 0, total) : 0;
}

/* The host's memory is not asked for before the work: what it lacks it may swap. */
rkv_status rkv_eval_check_memory(rkv_model *model, const rkv_windows *windows, const rkv_setting *settings,
                                 size_t n_settings, const rkv_eval_options *options) {
    rkv_eval_options unseen = options ? *options : (rkv_eval_options){0};
    rkv_progress progress = unseen.progress;
    rkv_eval_needs needs;
    unseen.progress = (rkv_progress){report_memory, &progress};
    if (model->backend->host_memory) return RKV_OK;
    rkv_status status = rkv_eval_foretell(&needs, model, windows, settings, n_settings, &unseen);
    if (status == RKV_UNAVAILABLE) return RKV_OK; /* what else the work lacks it says itself */
    return status ? status : judge(&needs, settings);
}
