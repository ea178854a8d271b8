/* method_expected_attention.c: keeps what queries to come would look at, were they as those so far.
 *
 * Queries before their rotation are taken as normal, N(mu, C). Turned to a position to come they have R mu
 * and R C R^T, with R the mean rotation of the next n_future positions, and then E exp(q k / sqrt(D)) = exp(k
 * R mu / sqrt(D) + k R C R^T k / 2 D) whose softmax over the entries, times the norm of the value, is the
 * score. */
#include <math.h>
#include <stdlib.h>

#include "backend/simd_math.h"
#include "compressors/methods.h"
#include "compressors/query_moments.h"
#include "compressors/select.h"
#include "core/memory.h"
#include "core/simd.h"

enum { N_FUTURE, N_SINK, COVARIANCE, VNORM, EPSILON };

static const rkv_method_option options[] = {
    {.name = "n_future",
     .kind = RKV_OPTION_SIZE,
     .standard = 512,
     .least = 1,
     .most = 1 << 20,
     .summary = "positions to come, over which the rotation is averaged"},
    {.name = "n_sink",
     .kind = RKV_OPTION_SIZE,
     .standard = 4,
     .least = 0,
     .most = 1 << 20,
     .summary = "first tokens: they stay, and their queries do not count"},
    {.name = "covariance",
     .kind = RKV_OPTION_NAME,
     .standard = 0,
     .choices = "yes|no",
     .summary = "the covariance of the queries, not only their mean"},
    {.name = "vnorm",
     .kind = RKV_OPTION_NAME,
     .standard = 0,
     .choices = "yes|no",
     .summary = "times the norm of the value"},
    {.name = "epsilon",
     .kind = RKV_OPTION_REAL,
     .standard = 0,
     .least = 0,
     .most = 1,
     .summary = "added to the expected attention before that"},
    {0},
};

static bool chosen(const rkv_option_values *values, size_t index) {
    return rkv_value_size(values, index) == 0;
}

static size_t least(const rkv_option_values *values) {
    return rkv_value_size(values, N_SINK);
}

static size_t state_size(const rkv_option_values *values, const rkv_attention_shape *shape) {
    return rkv_moments_size(shape, chosen(values, COVARIANCE));
}

static rkv_status observe(const rkv_option_values *values, const rkv_observation *new_queries,
                          const rkv_attention_shape *shape, const rkv_rope *rope, float *state) {
    return rkv_moments_observe(state, chosen(values, COVARIANCE), rkv_value_size(values, N_SINK), new_queries,
                               shape, rope);
}

/* ---- the expected query of one head ---- */

/* turn [D/2, 2]: the mean over n positions from `first` on of cosine and sine, a geometric series:
 * (1/n) sum exp(i t f) = exp(i (first + (n - 1)/2) f) sin(n f/2) / (n sin(f/2)); 1 where f turns nothing. */
static void mean_turn(const rkv_rope *rope, double first, double n, float *turn) {
    for (size_t i = 0; i < rope->head_dim / 2; i++) {
        double f = rope->frequency[i], middle = (first + (n - 1) / 2) * f;
        double size = sin(f / 2) == 0 ? 1 : sin(n * f / 2) / (n * sin(f / 2));
        turn[2 * i] = (float)(size * cos(middle));
        turn[2 * i + 1] = (float)(size * sin(middle));
    }
}

/* Turns the pairs of D values that lie `stride` apart. */
static void turn_pairs(rkv_rope_pairing pairing, const float *turn, size_t head_dim, float *x,
                       size_t stride) {
    size_t pairs = head_dim / 2;
    for (size_t i = 0; i < pairs; i++) {
        float *a = x + (pairing == RKV_ROPE_HALVES ? i : 2 * i) * stride;
        float *b = x + (pairing == RKV_ROPE_HALVES ? i + pairs : 2 * i + 1) * stride;
        float turned = *a * turn[2 * i] - *b * turn[2 * i + 1];
        *b = *a * turn[2 * i + 1] + *b * turn[2 * i];
        *a = turned;
    }
}

/* What is worked with, of all heads of a layer. */
typedef struct work {
    const rkv_option_values *values;
    const rkv_layer_view *view;
    size_t *sinks;       /* [G] entries of each KV head that stay */
    rkv_head_rows *rows; /* [G] keys, or values, of the others */
    float *turn;         /* [H, D/2, 2] cosine and sine of R */
    float *mean;         /* [H, D] R mu / sqrt(D) */
    float *squares;      /* [H, D, D] R C R^T / 2 D; NULL: no covariance */
    float **expected;    /* [G] -> [H/G, n - sinks] */
    float **logits;      /* [H] the same, head by head */
    double **norms;      /* [G] of the values */
} work;

/* mean and squares of query head h, turned to the positions to come: those of the text, or with cache
 * positions the places behind the KV head's list as it is now. No query yet: zeros. */
static void expect(const work *w, size_t h) {
    const rkv_layer_view *view = w->view;
    rkv_attention_shape shape = {view->n_seen, view->n_heads, view->n_kv_heads, view->head_dim};
    size_t d = view->head_dim, g = h * view->n_kv_heads / view->n_heads;
    size_t first = view->cache_positions ? view->heads[g].n : view->n_seen;
    double count = rkv_moments_count(view->state), scale = count > 0 ? 1 / (2 * count * (double)d) : 0;
    float *turn = w->turn + h * d, *mean = w->mean + h * d, *squares = w->squares + h * d * d;
    mean_turn(view->rope, (double)first, w->values->number[N_FUTURE], turn);
    const float *mu = rkv_moments_mean(view->state, &shape, h);
    for (size_t i = 0; i < d; i++)
        mean[i] = mu[i] / sqrtf((float)d);
    turn_pairs(view->rope->pairing, turn, d, mean, 1);
    if (!w->squares) return;
    const float *sums = rkv_moments_squares(view->state, &shape, h);
    for (size_t i = 0; i < d * d; i++)
        squares[i] = (float)(sums[i] * scale);
    for (size_t i = 0; i < d; i++)
        turn_pairs(view->rope->pairing, turn, d, squares + i * d, 1);
    for (size_t i = 0; i < d; i++)
        turn_pairs(view->rope->pairing, turn, d, squares + i, d);
}

/* ---- scores ---- */

/* x [n] = softmax(x), n >= 1. */
RKV_CLONES static void softmax(float *x, size_t n) {
    float largest = x[0], sum = 0;
#pragma omp simd reduction(max : largest)
    for (size_t i = 0; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += x[i] = rkv_exp(x[i] - largest);
    for (size_t i = 0; i < n; i++)
        x[i] /= sum;
}

static size_t count_sinks(const rkv_head_view *head, size_t n_sink) {
    size_t n = 0;
    while (n < head->n && (size_t)head->positions[n] < n_sink)
        n++;
    return n;
}

static void work_free(work *w) {
    free(w->sinks);
    free(w->rows);
    free(w->turn);
    free(w->mean);
    free(w->squares);
    rkv_view_rows_free(w->expected);
    free(w->logits);
    rkv_view_norms_free(w->norms);
}

static rkv_status work_new(work *w, const rkv_option_values *values, const rkv_layer_view *view) {
    size_t heads = view->n_heads, d = view->head_dim, group = heads / view->n_kv_heads;
    *w = (work){.values = values, .view = view};
    rkv_status status = rkv_alloc_raw(&w->sinks, view->n_kv_heads, sizeof *w->sinks);
    if (!status) status = rkv_alloc_raw(&w->rows, view->n_kv_heads, sizeof *w->rows);
    if (!status) status = rkv_alloc_raw(&w->turn, heads, d * sizeof *w->turn);
    if (!status) status = rkv_alloc_raw(&w->mean, heads, d * sizeof *w->mean);
    if (!status && chosen(values, COVARIANCE))
        status = rkv_alloc_raw(&w->squares, heads * d, d * sizeof *w->squares);
    if (!status) status = rkv_view_rows_new(view, group, &w->expected);
    if (!status) status = rkv_alloc_raw(&w->logits, heads, sizeof *w->logits);
    for (size_t g = 0; !status && g < view->n_kv_heads; g++)
        w->sinks[g] = count_sinks(&view->heads[g], rkv_value_size(values, N_SINK));
    for (size_t h = 0, g; !status && h < heads; h++) {
        g = h / group;
        w->logits[h] = w->expected[g] + h % group * (view->heads[g].n - w->sinks[g]);
    }
    return status;
}

/* The keys, or the values, behind the sinks. */
static void show_rows(const work *w, unsigned which) {
    rkv_view_head_rows(w->view, which, w->rows);
    for (size_t g = 0; g < w->view->n_kv_heads; g++) {
        w->rows[g].rows += w->sinks[g] * w->view->head_dim;
        w->rows[g].n -= w->sinks[g];
    }
}

static rkv_status make_logits(const work *w) {
    const rkv_layer_view *view = w->view;
    const rkv_expected_logits task = {.n_heads = view->n_heads,
                                      .n_kv_heads = view->n_kv_heads,
                                      .head_dim = view->head_dim,
                                      .mean = w->mean,
                                      .squares = w->squares,
                                      .keys = w->rows,
                                      .logits = w->logits};
    show_rows(w, RKV_NEEDS_KEYS);
#pragma omp parallel for schedule(dynamic)
    for (size_t h = 0; h < view->n_heads; h++)
        expect(w, h);
    return view->backend->ops->expected_logits(view->backend, &task);
}

static rkv_status make_norms(work *w) {
    const rkv_layer_view *view = w->view;
    if (!chosen(w->values, VNORM)) return RKV_OK;
    rkv_status status = rkv_view_norms_alloc(view, &w->norms);
    show_rows(w, RKV_NEEDS_VALUES);
    return status ? status
                  : view->backend->ops->row_norms(view->backend, w->rows, view->n_kv_heads, view->head_dim,
                                                  w->norms);
}

/* score [n] of KV head g, from what its query heads are expected to look at. */
static void score_head(const work *w, size_t g, float *score) {
    const rkv_layer_view *view = w->view;
    size_t sinks = w->sinks[g], n = view->heads[g].n - sinks;
    float epsilon = (float)w->values->number[EPSILON];
    for (size_t i = 0; i < sinks; i++)
        score[i] = INFINITY;
    rkv_view_group_scores(view, w->expected[g], n, score + sinks);
    for (size_t i = 0; w->norms && i < n; i++)
        score[sinks + i] = (score[sinks + i] + epsilon) * (float)w->norms[g][i];
}

static void score_all(const work *w, float *const *out) {
    const rkv_layer_view *view = w->view;
    size_t group = view->n_heads / view->n_kv_heads;
#pragma omp parallel
    {
#pragma omp for schedule(dynamic)
        for (size_t h = 0; h < view->n_heads; h++)
            if (w->rows[h / group].n) softmax(w->logits[h], w->rows[h / group].n);
#pragma omp for schedule(dynamic)
        for (size_t g = 0; g < view->n_kv_heads; g++)
            score_head(w, g, out[g]);
    }
}

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    work w;
    rkv_status status = work_new(&w, values, view);
    if (!status) status = make_logits(&w);
    if (!status) status = make_norms(&w);
    if (!status) score_all(&w, out);
    work_free(&w);
    return status;
}

static const struct rkv_method_ops ops = {
    .least = least,
    .state_size = state_size,
    .observe = observe,
    .score = score,
};

const rkv_method rkv_method_expected_attention = {
    .name = "expected-attention",
    .kind = RKV_SELECTION,
    .summary = "attention that queries to come are expected to give, times the norm of the value",
    .formula =
        "s_j = (mean over the group of softmax_j(k_j R mu / sqrt(D) + k_j R C R^T k_j / 2D) + epsilon) "
        "||v_j||, R the mean rotation of the next n_future positions",
    .source = "Expected Attention: Devoto et al. 2025, arXiv 2510.00636; as in kvpress",
    .options = options,
    .needs = RKV_NEEDS_QUERIES | RKV_NEEDS_KEYS | RKV_NEEDS_VALUES,
    .prompt_once = true,
    .ops = &ops,
};
