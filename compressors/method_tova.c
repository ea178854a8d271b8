/* method_tova.c: keeps what the newest query looks at. */
#include <math.h>
#include <string.h>

#include "compressors/methods.h"
#include "compressors/select.h"
#include "core/memory.h"

static const rkv_method_option options[] = {{0}};

static size_t least(const rkv_option_values *values) {
    (void)values;
    return 1;
}

static size_t state_size(const rkv_option_values *values, const rkv_attention_shape *shape) {
    (void)values;
    return rkv_window_size(1, shape);
}

static rkv_status observe(const rkv_option_values *values, const rkv_observation *new_queries,
                          const rkv_attention_shape *shape, const rkv_rope *rope, float *state) {
    (void)values, (void)rope;
    return rkv_window_observe(state, 1, shape, new_queries);
}

/* Adds what `other` received for the positions that `head` holds too, both ascending; holders counts. */
static void add_common(const rkv_head_view *head, const rkv_head_view *other, const float *received,
                       float *score, uint32_t *holders) {
    for (size_t i = 0, j = 0; i < head->n && j < other->n;) {
        if (head->positions[i] == other->positions[j]) {
            score[i] += received[j];
            holders[i]++;
        }
        bool ahead = head->positions[i] > other->positions[j];
        i += !ahead;
        j += ahead;
    }
}

/* The mean over the query heads of the layer whose KV head still holds the entry. While all KV heads hold the
 * same positions that is the mean over all query heads, and the score of a position is the same in every
 * head. The newest entry stays. */
static void score_head(const rkv_layer_view *view, size_t g, float *const *received, float *score,
                       uint32_t *holders) {
    const rkv_head_view *head = &view->heads[g];
    size_t group = view->n_heads / view->n_kv_heads;
    memset(score, 0, head->n * sizeof *score);
    memset(holders, 0, head->n * sizeof *holders);
    for (size_t other = 0; other < view->n_kv_heads; other++)
        add_common(head, &view->heads[other], received[other], score, holders);
    for (size_t i = 0; i < head->n; i++)
        score[i] /= (float)(holders[i] * group);
    if (head->n && (size_t)head->positions[head->n - 1] + 1 == view->n_seen) score[head->n - 1] = INFINITY;
}

/* Fills received [G] -> [heads[g].n]: the attention that entries get from their head's query heads, summed.
 */
static rkv_status receive(const rkv_layer_view *view, float *const *received) {
    size_t group = view->n_heads / view->n_kv_heads;
    float **each = NULL; /* the mean over one query is its attention */
    rkv_status status = rkv_view_rows_new(view, group, &each);
    if (!status) status = rkv_view_attention_means(view, 1, each);
    for (size_t g = 0; !status && g < view->n_kv_heads; g++)
        for (size_t h = 0, n = view->heads[g].n; h < group; h++)
            for (size_t j = 0; j < n; j++)
                received[g][j] += each[g][h * n + j];
    rkv_view_rows_free(each);
    return status;
}

/* No query seen yet (a method that takes over in the middle of a text): every score is 0. */
static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    (void)values;
    size_t longest = 0;
    for (size_t g = 0; g < view->n_kv_heads; g++)
        longest = view->heads[g].n > longest ? view->heads[g].n : longest;
    float **received = NULL;
    uint32_t *holders = NULL;
    rkv_status status = rkv_view_rows_new(view, 1, &received);
    if (!status) status = rkv_alloc_raw(&holders, longest, sizeof *holders);
    if (!status && rkv_window_count(view->state)) status = receive(view, received);
    for (size_t g = 0; !status && g < view->n_kv_heads; g++)
        score_head(view, g, received, out[g], holders);
    free(holders);
    rkv_view_rows_free(received);
    return status;
}

static const struct rkv_method_ops ops = {
    .least = least,
    .state_size = state_size,
    .observe = observe,
    .score = score,
};

const rkv_method rkv_method_tova = {
    .name = "tova",
    .kind = RKV_SELECTION,
    .summary = "attention of the newest query, mean over all heads of the layer",
    .formula =
        "s_j = mean over all query heads of A_Tj; the newest entry stays. Where KV heads hold different "
        "entries: over the query heads whose KV head holds j",
    .source = "TOVA: Oren et al. 2024, arXiv 2401.06104; the newest entry protected as in kvpress",
    .options = options,
    .needs = RKV_NEEDS_QUERIES | RKV_NEEDS_KEYS,
    .prompt_once = false,
    .ops = &ops,
};
