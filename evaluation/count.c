/* count.c: what the rehearsal of an evaluation adds up. */
#include "evaluation/answer.h"
#include "evaluation/run.h"
#include "model/model.h"

static bool are_alike(const rkv_window *a, const rkv_window *b) {
    bool alike = a->n_context == b->n_context && a->n_questions == b->n_questions;
    for (size_t q = 0; alike && q < a->n_questions; q++)
        alike = a->questions[q].n == b->questions[q].n &&
                a->questions[q].first_scored == b->questions[q].first_scored;
    return alike;
}

/* The first window is like no other: weights are decoded in the course of it. */
bool rkv_window_is_repeated(const rkv_windows *windows, size_t window) {
    for (size_t w = 1; w < window; w++)
        if (are_alike(&windows->items[w], &windows->items[window])) return true;
    return false;
}

static void keep_most(size_t *most, size_t bytes) {
    if (bytes > *most) *most = bytes;
}

void rkv_eval_count_open(rkv_eval_count *count, const rkv_model *model, const rkv_window *window,
                         rkv_session *const *sessions, size_t n) {
    size_t host = 0, n_open = 0, n_vocab = rkv_model_get_info(model)->n_vocab;
    for (size_t i = 0; i < n; i++) {
        rkv_cache_stats stats = {0};
        if (!sessions[i] || rkv_session_get_stats(sessions[i], &stats)) continue;
        n_open++;
        host += stats.allocated_bytes - stats.kv_bytes;
    }
    keep_most(&count->n_sessions, n_open);
    keep_most(&count->host_bytes, host);
    keep_most(&count->prediction_bytes,
              rkv_answers_bytes(window, n_vocab) + n_open * n_vocab * sizeof(float));
}

void rkv_eval_count_session(rkv_eval_count *count, const rkv_session *session, size_t setting) {
    rkv_cache_stats stats;
    if (rkv_session_get_stats(session, &stats) || stats.peak_bytes <= count->cache.peak_bytes) return;
    count->cache = stats;
    count->cache.prefill_s = count->cache.compress_s = 0;
    count->largest = setting;
}

static rkv_status see_layer(void *user, const rkv_layer *layer) {
    (void)user, (void)layer;
    return RKV_OK;
}

static rkv_status count_attention(rkv_model *model, const rkv_window *w, rkv_progress progress) {
    rkv_prefill_options options = {.attention = true, .on_layer = see_layer, .progress = progress};
    rkv_prefill_result result = {0};
    rkv_status status = rkv_prefill(model, w->context, w->n_context, &options, &result);
    rkv_prefill_result_clear(&result);
    return status;
}

/* On the CPU, ranks would be computed. */
rkv_status rkv_eval_count_analysis(rkv_model *model, const rkv_window *w, rkv_progress progress) {
    rkv_analyze_options options = {.progress = progress};
    rkv_analysis *analysis = NULL;
    if (rkv_model_backend(model)->host_memory) return count_attention(model, w, progress);
    rkv_status status = rkv_analyze(&analysis, model, w->context, w->n_context, &options);
    rkv_analysis_free(analysis);
    return status;
}
