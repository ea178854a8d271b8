/* needs.c: the memory that a session takes, by rehearsing it. */
#include "compressors/needs.h"

#include <stdio.h>

#include "compressors/executor.h"
#include "core/progress.h"
#include "model/rehearsal.h"

/* What is known at the end, and the most that lay in host memory of what is always there. */
typedef struct life {
    rkv_cache_stats stats;
    size_t host_bytes;
} life;

static rkv_status look(life *l, const rkv_session *s) {
    rkv_status status = rkv_session_get_stats(s, &l->stats);
    size_t host = l->stats.allocated_bytes - l->stats.kv_bytes;
    if (host > l->host_bytes) l->host_bytes = host;
    return status;
}

/* The session without those who watch its cache. The last token is drawn, not read. */
static rkv_status rehearse(life *l, rkv_model *rehearsal, const rkv_session_options *options,
                           const int32_t *ids, size_t n, size_t n_new) {
    rkv_session_options unseen = options ? *options : (rkv_session_options){0};
    rkv_session *s = NULL;
    unseen.on_event = NULL;
    unseen.verify = false;
    rkv_status status = rkv_session_new(&s, rehearsal, &unseen);
    if (!status) status = look(l, s);
    if (!status) status = rkv_session_prefill(s, ids, n);
    if (!status) status = look(l, s);
    for (size_t i = 1; !status && i < n_new; i++) {
        status = rkv_progress_report(&unseen.progress, "generate", i, n_new);
        if (!status) status = rkv_session_decode(s, ids[n - 1]);
    }
    if (!status) status = look(l, s);
    rkv_session_free(s);
    return status;
}

void rkv_session_needs_fill(rkv_session_needs *out, const rkv_model *model, const rkv_memory_use *use,
                            size_t host_bytes, const rkv_cache_stats *cache) {
    rkv_backend *b = model->backend;
    size_t beside = b->host_memory ? host_bytes : 0; /* the same memory */
    size_t left = b->ops->memory_available(b);
    *out = (rkv_session_needs){.needed_bytes = use->peak + beside,
                               .free_bytes = left ? left + use->held : 0,
                               .held_bytes = use->held,
                               .weights_bytes = use->weights,
                               .cache_bytes = use->rows + beside,
                               .activations_bytes = use->tensors,
                               .workspace_bytes = use->workspaces,
                               .host_bytes = host_bytes - beside,
                               .resident = model->resident,
                               .cache = *cache};
    out->cache.prefill_s = out->cache.compress_s = 0;
    snprintf(out->device, sizeof out->device, "%s", b->device);
}

rkv_status rkv_session_foretell(rkv_session_needs *out, rkv_model *model, const rkv_session_options *options,
                                const int32_t *ids, size_t n, size_t n_new) {
    rkv_model *rehearsal;
    rkv_memory_use use;
    life l = {0};
    *out = (rkv_session_needs){0};
    rkv_status status = rkv_model_check_prompt(model, ids, n);
    if (!status) status = rkv_model_rehearse(model, &rehearsal);
    if (status) return status;
    status = rehearse(&l, rehearsal, options, ids, n, n_new);
    rehearsal->backend->ops->memory_use(rehearsal->backend, &use);
    rkv_model_rehearsal_free(rehearsal, model);
    if (!status) rkv_session_needs_fill(out, model, &use, l.host_bytes, &l.stats);
    return status;
}
