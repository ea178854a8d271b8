/* snapkv.c: SnapKV's scores (Li et al. 2024): what the newest queries look at. */
#include "compressors/snapkv.h"

#include <math.h>
#include <string.h>

#include "compressors/select.h"
#include "core/simd.h"

size_t rkv_snapkv_least(const rkv_option_values *values) {
    return rkv_value_size(values, RKV_SNAPKV_WINDOW);
}

size_t rkv_snapkv_state_size(const rkv_option_values *values, const rkv_attention_shape *shape) {
    return rkv_window_size(rkv_value_size(values, RKV_SNAPKV_WINDOW), shape);
}

rkv_status rkv_snapkv_observe(const rkv_option_values *values, const rkv_observation *new_queries,
                              const rkv_attention_shape *shape, const rkv_rope *rope, float *state) {
    (void)rope;
    return rkv_window_observe(state, rkv_value_size(values, RKV_SNAPKV_WINDOW), shape, new_queries);
}

/* out [n]: sums over the neighbours i - kernel / 2 .. i - kernel / 2 + kernel - 1, over the kernel. As
 * torch's avg_pool1d: what lies outside counts as zero, in the divisor too. Neighbours are added in ascending
 * order, so that equal neighbourhoods get equal scores. */
RKV_CLONES static void pool_average(const float *x, size_t n, size_t kernel, float *out) {
    size_t before = kernel / 2;
    memset(out, 0, n * sizeof *out);
    for (size_t k = 0; k < kernel; k++) {
        size_t first = k < before ? before - k : 0, past = k > before ? k - before : 0;
        for (size_t i = first; i + past < n; i++)
            out[i] += x[i + k - before];
    }
    for (size_t i = 0; i < n; i++)
        out[i] /= (float)kernel;
}

/* out [n]: the largest of those neighbours that there are. */
RKV_CLONES static void pool_maximum(const float *x, size_t n, size_t kernel, float *out) {
    size_t before = kernel / 2;
    memcpy(out, x, n * sizeof *out);
    for (size_t k = 0; k < kernel; k++) {
        size_t first = k < before ? before - k : 0, past = k > before ? k - before : 0;
        for (size_t i = first; i + past < n; i++)
            out[i] = x[i + k - before] > out[i] ? x[i + k - before] : out[i];
    }
}

/* Entries of a head that are older than the window. */
static size_t count_old(const rkv_layer_view *view, const rkv_head_view *head, size_t window) {
    size_t old = head->n, limit = view->n_seen > window ? view->n_seen - window : 0;
    while (old && (size_t)head->positions[old - 1] >= limit)
        old--;
    return old;
}

/* Writes INFINITY for the window of a head, and returns how many entries are older. */
static size_t keep_window(const rkv_option_values *values, const rkv_layer_view *view, size_t g,
                          float *score) {
    const rkv_head_view *head = &view->heads[g];
    size_t old = count_old(view, head, rkv_value_size(values, RKV_SNAPKV_WINDOW));
    for (size_t i = old; i < head->n; i++)
        score[i] = INFINITY;
    return old;
}

/* From the attention each [H/G, n] to all entries of KV head g; pooled [H/G, n] is room. */
static void score_head(const rkv_option_values *values, const rkv_layer_view *view, size_t g,
                       const float *each, float *pooled, float *score) {
    size_t n = view->heads[g].n, old = keep_window(values, view, g, score);
    size_t group = view->n_heads / view->n_kv_heads, kernel = rkv_value_size(values, RKV_SNAPKV_KERNEL);
    bool maximum = rkv_value_size(values, RKV_SNAPKV_POOLING) == RKV_POOLING_MAX;
    if (!old) return;
    for (size_t h = 0; h < group; h++)
        (maximum ? pool_maximum : pool_average)(each + h * n, old, kernel, pooled + h * old);
    rkv_view_group_scores(view, pooled, old, score);
}

/* No query seen yet (a method that takes over in the middle of a text): every score is 0. */
static rkv_status score_unseen(const rkv_option_values *values, const rkv_layer_view *view,
                               float *const *score) {
    for (size_t g = 0; g < view->n_kv_heads; g++)
        memset(score[g], 0, keep_window(values, view, g, score[g]) * sizeof **score);
    return RKV_OK;
}

rkv_status rkv_snapkv_score(const rkv_option_values *values, const rkv_layer_view *view,
                            float *const *score) {
    size_t group = view->n_heads / view->n_kv_heads;
    float **each = NULL, **pooled = NULL;
    if (!rkv_window_count(view->state)) return score_unseen(values, view, score);
    rkv_status status = rkv_view_rows_new(view, group, &each);
    if (!status) status = rkv_view_rows_new(view, group, &pooled);
    if (!status) status = rkv_view_attention_means(view, rkv_value_size(values, RKV_SNAPKV_WINDOW), each);
    size_t n_heads = status ? 0 : view->n_kv_heads;
#pragma omp parallel for schedule(dynamic)
    for (size_t g = 0; g < n_heads; g++)
        score_head(values, view, g, each[g], pooled[g], score[g]);
    rkv_view_rows_free(pooled);
    rkv_view_rows_free(each);
    return status;
}
