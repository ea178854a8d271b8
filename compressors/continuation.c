/* continuation.c: what the model foresees along a continuation, and what that costs: one pass after which the
 * cache is as it was. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compressors/executor.h"
#include "core/fail.h"
#include "core/memory.h"

/* To a copy of the layer's cache that lasts for the call. */
rkv_status rkv_session_attend_copy(const rkv_session *s, const rkv_projection *p, float *out) {
    rkv_entries *heads = NULL;
    rkv_status status = rkv_alloc(&heads, p->shape.n_kv_heads, sizeof *heads);
    if (!status) status = rkv_entries_copy_all(heads, s->layers[p->layer].heads, p->shape.n_kv_heads);
    if (!status) status = rkv_layer_append(heads, p, (int64_t)s->n_seen);
    if (!status) status = rkv_layer_attend(s, heads, p, false, out);
    for (size_t g = 0; heads && g < p->shape.n_kv_heads; g++)
        rkv_entries_clear(&heads[g]);
    free(heads);
    return status;
}

static rkv_status attend_copy(void *user, const rkv_projection *p, float *out) {
    return rkv_session_attend_copy(user, p, out);
}

/* -ln softmax(logits)[id]. */
static double loss_of(const float *logits, size_t n, int32_t id) {
    double largest = logits[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > largest) largest = logits[i];
    for (size_t i = 0; i < n; i++)
        sum += exp(logits[i] - largest);
    return largest + log(sum) - logits[id];
}

/* One pass over the n tokens ids after the cache; it makes losses or all logits, whichever is not NULL. */
static rkv_status run_continuation(rkv_session *s, const int32_t *ids, size_t n, rkv_losses *losses,
                                   float *logits) {
    rkv_forward *forward = NULL;
    rkv_status status = rkv_session_make_rotation(s, n);
    if (!status) status = rkv_forward_new(&forward, s->model, n);
    rkv_pass pass = {.ids = ids,
                     .n = n,
                     .first = (int64_t)s->n_seen,
                     .unrotated = s->options.positions == RKV_POSITIONS_CACHE,
                     .attend = attend_copy,
                     .user = s,
                     .losses = losses,
                     .all_logits = logits,
                     .progress = s->options.progress};
    if (!status) status = rkv_forward_run(forward, &pass, NULL);
    rkv_forward_free(forward);
    return status;
}

static rkv_status check_continuation(const rkv_session *s, const int32_t *ids, size_t n) {
    rkv_status status = rkv_session_check_usable(s, true);
    if (!status && n == 0) status = rkv_fail(RKV_USAGE, "the continuation has no tokens");
    if (!status) status = rkv_session_check_ids(s, ids, n);
    if (!status && n > INT32_MAX - s->n_seen)
        status = rkv_fail(RKV_USAGE, "a text of more than %d tokens has no positions", INT32_MAX);
    return status;
}

/* nll [n - 1] of the tokens after the first; n > 1. */
static rkv_status later_losses(rkv_session *s, const int32_t *ids, size_t n, double *nll) {
    rkv_losses losses = {0};
    double *rest = NULL, perplexity;
    rkv_status status = rkv_losses_new(&losses, ids, n);
    if (!status) status = run_continuation(s, ids, n - 1, &losses, NULL);
    if (!status) status = rkv_losses_finish(&losses, n, &rest, &perplexity);
    if (!status) memcpy(nll, rest, (n - 1) * sizeof *rest);
    free(rest);
    rkv_losses_clear(&losses);
    return status;
}

rkv_status rkv_session_losses(rkv_session *s, const int32_t *ids, size_t n, double *nll) {
    rkv_status status = check_continuation(s, ids, n);
    if (status) return status;
    double first = loss_of(s->logits, s->model->config.n_vocab, ids[0]);
    if (n > 1) status = later_losses(s, ids, n, nll + 1);
    if (!status) nll[0] = first;
    return status;
}

rkv_status rkv_session_foresee(rkv_session *s, const int32_t *ids, size_t n, float *logits) {
    size_t n_vocab = s->model->config.n_vocab;
    rkv_status status = check_continuation(s, ids, n);
    if (!status && n > 1) status = run_continuation(s, ids, n - 1, NULL, logits + n_vocab);
    if (!status) memcpy(logits, s->logits, n_vocab * sizeof *logits);
    return status;
}
