/* snapkv.c: SnapKV's scores (Li et al. 2024): what the newest queries look at. */
#include "compressors/snapkv.h"

#include <math.h>
#include <string.h>

#include "compressors/select.h"
#include "core/fail.h"
#include "core/memory.h"
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
    rkv_window_observe(state, rkv_value_size(values, RKV_SNAPKV_WINDOW), shape, new_queries);
    return RKV_OK;
}

/* mean [count] over the m rows of p [m, n], of their first columns. */
RKV_CLONES static void mean_of_rows(const float *p, size_t m, size_t n, size_t count, float *mean) {
    memset(mean, 0, count * sizeof *mean);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < count; j++)
            mean[j] += p[i * n + j];
    for (size_t j = 0; j < count; j++)
        mean[j] /= (float)m;
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

/* One head's memory: q [H/G, m, D], p [H/G, m, n], mean [old], pooled [H/G, old]. */
typedef struct scratch {
    float *q, *p, *mean, *pooled;
} scratch;

static rkv_status scratch_new(scratch *s, size_t group, size_t m, size_t n, size_t old, size_t head_dim) {
    rkv_status status = rkv_alloc_raw(&s->q, group * m * (head_dim + n) + (group + 1) * old, sizeof *s->q);
    if (status) return status;
    s->p = s->q + group * m * head_dim;
    s->mean = s->p + group * m * n;
    s->pooled = s->mean + old;
    return RKV_OK;
}

/* The scores of KV head g's entries that are older than the window. */
static rkv_status score_old(const rkv_option_values *values, const rkv_layer_view *view, size_t g, size_t m,
                            size_t old, float *score) {
    size_t group = view->n_heads / view->n_kv_heads, n = view->heads[g].n;
    size_t kernel = rkv_value_size(values, RKV_SNAPKV_KERNEL);
    bool maximum = rkv_value_size(values, RKV_SNAPKV_POOLING) == RKV_POOLING_MAX;
    scratch s = {0};
    rkv_status status = scratch_new(&s, group, m, n, old, view->head_dim);
    if (status) return status;
    rkv_window_queries(view->state, rkv_value_size(values, RKV_SNAPKV_WINDOW), view, g, s.q);
    status = rkv_view_attention(view, g, s.q, m, s.p);
    for (size_t h = 0; !status && h < group; h++) {
        mean_of_rows(s.p + h * m * n, m, n, old, s.mean);
        (maximum ? pool_maximum : pool_average)(s.mean, old, kernel, s.pooled + h * old);
    }
    if (!status) rkv_view_group_scores(view, s.pooled, old, score);
    free(s.q);
    return status;
}

/* No query seen yet (a method that takes over in the middle of a text): every score is 0. */
static rkv_status score_head(const rkv_option_values *values, const rkv_layer_view *view, size_t g,
                             float *score) {
    const rkv_head_view *head = &view->heads[g];
    size_t old = count_old(view, head, rkv_value_size(values, RKV_SNAPKV_WINDOW));
    size_t m = rkv_window_count(view->state);
    for (size_t i = old; i < head->n; i++)
        score[i] = INFINITY;
    if (old && m) return score_old(values, view, g, m, old, score);
    memset(score, 0, old * sizeof *score);
    return RKV_OK;
}

rkv_status rkv_snapkv_score(const rkv_option_values *values, const rkv_layer_view *view,
                            float *const *score) {
    rkv_first_failure failure = {0};
#pragma omp parallel for schedule(dynamic)
    for (size_t g = 0; g < view->n_kv_heads; g++)
        if (!rkv_first_failure_seen(&failure))
            rkv_first_failure_note(&failure, score_head(values, view, g, score[g]));
    return rkv_first_failure_raise(&failure);
}
