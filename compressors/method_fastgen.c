/* method_fastgen.c: FastGen: each head keeps what the smallest of five policies keeps that recovers enough of
 * its attention. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compressors/methods.h"
#include "compressors/pipeline.h"
#include "compressors/select.h"
#include "core/fail.h"
#include "core/memory.h"

enum { OPTION_T, OPTION_R_F, OPTION_R_L };

static const rkv_method_option options[] = {
    {"T", RKV_OPTION_REAL, 0.95, 0, 1, NULL, "share of the attention that a policy must recover"},
    {"r_f", RKV_OPTION_REAL, 0.3, 0, 1, NULL, "frequency: this share of the tokens, the most attended"},
    {"r_l", RKV_OPTION_REAL, 0.3, 0, 1, NULL, "locality: this share of the tokens, the newest"},
    {0}};

/* The policies, each of which keeps what those before it keep, and something more. A state that was never
 * written says that the prompt was within its cap, so that there was nothing to choose. */
enum { NOT_CHOSEN, SPECIAL, PUNCTUATION, FREQUENCY, LOCALITY, FULL };

static const char *const policy_names[] = {
    [NOT_CHOSEN] = "",
    [SPECIAL] = "special",
    [PUNCTUATION] = "special punctuation",
    [FREQUENCY] = "special punctuation frequency",
    [LOCALITY] = "special punctuation frequency locality",
    [FULL] = "full",
};

/* ---- the first policy that keeps an entry ---- */

/* Room for one head at a time; n is that of the longest. */
typedef struct work {
    float *received;  /* [n] attention that an entry received, one value for the group */
    float *rest;      /* [n] of that, what belongs to entries that no earlier policy keeps */
    uint32_t *place;  /* [n] where those stand in the list */
    uint32_t *chosen; /* [n] */
    uint8_t *policy;  /* [n] the first policy that keeps an entry */
} work;

static void work_clear(work *w) {
    free(w->received);
    free(w->rest);
    free(w->place);
    free(w->chosen);
    free(w->policy);
}

static rkv_status work_new(work *w, const rkv_layer_view *view) {
    size_t n = 0;
    for (size_t g = 0; g < view->n_kv_heads; g++)
        if (view->heads[g].n > n) n = view->heads[g].n;
    *w = (work){0};
    rkv_status status = rkv_alloc_raw(&w->received, n, sizeof *w->received);
    if (!status) status = rkv_alloc_raw(&w->rest, n, sizeof *w->rest);
    if (!status) status = rkv_alloc_raw(&w->place, n, sizeof *w->place);
    if (!status) status = rkv_alloc_raw(&w->chosen, n, sizeof *w->chosen);
    if (!status) status = rkv_alloc_raw(&w->policy, n, sizeof *w->policy);
    return status;
}

/* The `count` most attended of the entries that are marked FULL so far become FREQUENCY. */
static void mark_frequent(work *w, size_t n, size_t count) {
    size_t n_rest = 0;
    for (size_t i = 0; i < n; i++) {
        if (w->policy[i] != FULL) continue;
        w->rest[n_rest] = w->received[i];
        w->place[n_rest++] = (uint32_t)i;
    }
    size_t n_chosen = rkv_select_best(w->rest, n_rest, count, w->chosen);
    for (size_t i = 0; i < n_chosen; i++)
        w->policy[w->place[w->chosen[i]]] = FREQUENCY;
}

/* Fills w for KV head g; policies after `last` are not told apart. */
static void mark(work *w, const rkv_option_values *values, const rkv_layer_view *view, size_t g, int last) {
    const rkv_head_view *head = &view->heads[g];
    rkv_view_group_scores(view, head->sums, head->n, w->received);
    for (size_t i = 0; i < head->n; i++) {
        uint8_t kind = view->tokens[head->positions[i]];
        w->policy[i] = kind & RKV_TOKEN_IS_SPECIAL       ? SPECIAL
                       : kind & RKV_TOKEN_IS_PUNCTUATION ? PUNCTUATION
                                                         : FULL;
    }
    if (last < FREQUENCY || last == FULL) return;
    mark_frequent(w, head->n, rkv_share_from(values->number[OPTION_R_F], view->n_seen));
    size_t window = rkv_share_from(values->number[OPTION_R_L], view->n_seen);
    for (size_t i = head->n - (window < head->n ? window : head->n); i < head->n; i++)
        if (w->policy[i] == FULL) w->policy[i] = LOCALITY;
}

/* ---- which policy, at the prompt ---- */

/* What the search needs of one head. */
typedef struct search {
    const rkv_layer_view *view;
    const rkv_head_view *head;
    const uint8_t *policy; /* [n] */
    size_t group;          /* query heads that share it */
    size_t window;         /* newest entries that locality keeps for each query */
} search;

/* The mean of what a policy recovers over queries and query heads follows from the attention that each entry
 * received: without locality it keeps the same entries for every query; locality keeps an entry for queries
 * less than its window after it, so that what it loses is what came from afar. */
static double recovered_by_columns(const search *s, int last) {
    double sum = 0;
    size_t n = s->head->n;
    const float *all = s->head->sums, *far = s->head->far_sums;
    for (size_t i = 0; i < s->group * n; i++) {
        bool kept = s->policy[i % n] <= (last < FREQUENCY ? last : FREQUENCY);
        if (kept) sum += (double)all[i];
        if (!kept && last == LOCALITY) sum += (double)all[i] - (double)far[i];
    }
    return sum / ((double)s->group * (double)s->view->prompt->m);
}

/* *turned, device memory, = q [H/G, m, D] rotated by the place of the newest entry that each sees, with
 * places for positions. */
static rkv_status turn_queries(const search *s, const int32_t *position, const float *q, float **turned) {
    size_t m = s->view->prompt->m;
    rkv_backend *backend = s->view->backend;
    int32_t *place = NULL;
    rkv_status status = rkv_alloc_raw(&place, m, sizeof *place);
    if (!status) status = backend->ops->alloc(backend, turned, s->group * m * s->view->head_dim);
    for (size_t i = 0, seen = 0; !status && i < m; i++) {
        while (seen < s->head->n && s->head->positions[seen] <= position[i])
            seen++;
        place[i] = seen ? (int32_t)seen - 1 : 0;
    }
    const rkv_turned_rows queries = {q, *turned, s->group, m, place};
    if (!status) status = rkv_rope_turn_rows(s->view->rope, backend, &queries, 1, false);
    free(place);
    return status;
}

/* Where the far sums of locality's window are not known, because another selection came before, or another
 * session's window was asked for: recomputes the attention of the head's queries, for what goes to entries
 * that locality and the policies before it keep. */
static rkv_status recovered_by_rows(const search *s, size_t g, double *recovered) {
    const rkv_observation *prompt = s->view->prompt;
    size_t m = prompt->m, n = s->head->n, d = s->view->head_dim;
    const float *q = prompt->q + g * s->group * m * d;
    float *turned = NULL;
    int32_t *position = NULL;
    uint8_t *kept = NULL;
    rkv_status status = rkv_alloc_raw(&position, m, sizeof *position);
    if (!status) status = rkv_alloc_raw(&kept, n, sizeof *kept);
    for (size_t i = 0; i < m && !status; i++)
        position[i] = (int32_t)(prompt->first + (int64_t)i);
    for (size_t j = 0; j < n && !status; j++)
        kept[j] = s->policy[j] <= FREQUENCY;
    if (!status && !prompt->rotated) status = turn_queries(s, position, q, &turned);
    rkv_kept_attention task = {.each = s->group,
                               .m = m,
                               .head_dim = d,
                               .q = turned ? turned : q,
                               .query_position = position,
                               .keys = {s->head->keys, n},
                               .position = s->head->positions,
                               .kept = kept,
                               .window = s->window};
    if (!status) status = s->view->backend->ops->kept_attention(s->view->backend, &task, recovered);
    *recovered /= (double)s->group * (double)m;
    s->view->backend->ops->release(s->view->backend, turned);
    free(kept), free(position);
    return status;
}

/* The first policy that recovers enough, for the head that w was filled for. */
static rkv_status choose_policy(const work *w, const rkv_option_values *values, const rkv_layer_view *view,
                                size_t g, int *policy) {
    search s = {.view = view,
                .head = &view->heads[g],
                .policy = w->policy,
                .group = view->n_heads / view->n_kv_heads,
                .window = rkv_share_from(values->number[OPTION_R_L], view->n_seen)};
    double threshold = values->number[OPTION_T], recovered = 0;
    for (*policy = SPECIAL; *policy < LOCALITY; ++*policy)
        if (recovered_by_columns(&s, *policy) >= threshold) return RKV_OK;
    bool known = s.head->far_sums && view->far_distance == s.window;
    rkv_status status = known ? RKV_OK : recovered_by_rows(&s, g, &recovered);
    if (known) recovered = recovered_by_columns(&s, LOCALITY);
    if (!status && recovered < threshold) *policy = FULL;
    return status;
}

/* ---- the method ---- */

static size_t least(const rkv_option_values *values) {
    (void)values;
    return 1; /* the newest entry */
}

/* The policy of each KV head. */
static size_t state_size(const rkv_option_values *values, const rkv_attention_shape *shape) {
    (void)values;
    return shape->n_kv_heads;
}

static size_t far_distance(const rkv_option_values *values, size_t n_tokens) {
    return rkv_share_from(values->number[OPTION_R_L], n_tokens);
}

/* Below a cap, what received least goes first; what the policy does not keep stands below all that. */
static void write_scores(const work *w, size_t n, int policy, float *score) {
    for (size_t i = 0; i < n; i++)
        score[i] = w->policy[i] <= policy ? w->received[i] : -INFINITY;
    if (n) score[n - 1] = INFINITY;
}

static rkv_status score_heads(const rkv_option_values *values, const rkv_layer_view *view,
                              float *const *score) {
    work w;
    rkv_status status = work_new(&w, view);
    for (size_t g = 0; g < view->n_kv_heads && !status; g++) {
        int policy = view->prompt ? LOCALITY : (int)view->state[g];
        if (policy == NOT_CHOSEN) policy = FULL;
        mark(&w, values, view, g, policy);
        if (view->prompt) status = choose_policy(&w, values, view, g, &policy);
        if (!status && view->prompt) view->state[g] = (float)policy;
        if (!status) write_scores(&w, view->heads[g].n, policy, score[g]);
    }
    work_clear(&w);
    return status;
}

/* A head's budget is what its policy keeps; the given one is a cap. */
static rkv_status share_budgets(const rkv_option_values *values, const rkv_layer_view *view,
                                float *const *score, size_t *budgets) {
    (void)values;
    for (size_t g = 0; g < view->n_kv_heads; g++) {
        size_t kept = 0;
        for (size_t i = 0; i < view->heads[g].n; i++)
            kept += score[g][i] > -INFINITY;
        if (kept < budgets[g]) budgets[g] = kept;
    }
    return RKV_OK;
}

static void say(const rkv_option_values *values, const float *state, size_t head, char *text, size_t size) {
    (void)values;
    snprintf(text, size, "%s", policy_names[(size_t)state[head]]);
}

static const struct rkv_method_ops ops = {.finds_length = true,
                                          .least = least,
                                          .state_size = state_size,
                                          .far_distance = far_distance,
                                          .score = score_heads,
                                          .share = share_budgets,
                                          .note = say};

const rkv_method rkv_method_fastgen = {
    .name = "fastgen",
    .kind = RKV_SELECTION,
    .summary = "per head, the smallest of five policies that recovers enough of the prompt's attention",
    .formula = "first of special, +punctuation, +frequency (the ceil(r_f n) most attended), +locality (the "
               "newest ceil(r_l n)), full with mean_i sum_{j kept} A_ij >= T",
    .source = "Ge et al. 2024, Model Tells You What to Discard",
    .options = options,
    .needs = RKV_NEEDS_QUERIES | RKV_NEEDS_SUMS | RKV_NEEDS_TOKENS,
    .ops = &ops,
};
