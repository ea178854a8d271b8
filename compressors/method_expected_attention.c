/* method_expected_attention.c: keeps what queries to come would look at, were they as those so far.
 *
 * Queries before their rotation are taken as normal, N(mu, C). Turned to a position to come they have R mu
 * and R C R^T, with R the mean rotation of the next n_future positions, and then E exp(q k / sqrt(D)) = exp(k
 * R mu / sqrt(D) + k R C R^T k / 2 D) whose softmax over the entries, times the norm of the value, is the
 * score. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "backend/cpu_gemm.h"
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

/* Entries whose rows are multiplied together. */
#define BLOCK ((size_t)64)

/* One thread's memory, whole = D rounded up to whole panels. */
typedef struct scratch {
    float *mean;    /* [whole] R mu / sqrt(D), zeros behind D */
    float *squares; /* [D, D] R C R^T / 2 D */
    float *panels;  /* [whole, D] the same in panels */
    float *rows;    /* [BLOCK, whole] */
    float *turn;    /* [D/2, 2] cosine and sine of R */
} scratch;

static size_t scratch_size(size_t whole, size_t head_dim) {
    return whole * (1 + head_dim + BLOCK) + head_dim * head_dim + head_dim;
}

static scratch scratch_at(float *memory, size_t whole, size_t head_dim) {
    scratch s = {.mean = memory, .panels = memory + whole};
    s.rows = s.panels + whole * head_dim;
    s.squares = s.rows + whole * BLOCK;
    s.turn = s.squares + head_dim * head_dim;
    return s;
}

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

/* Fills s with the mean and covariance of query head h, turned to the positions to come: those of the text,
 * or with cache positions the places behind the KV head's list as it is now. No query yet: zeros. */
static void expect(const rkv_option_values *values, const rkv_layer_view *view, size_t h,
                   const rkv_tile *tile, const scratch *s) {
    rkv_attention_shape shape = {view->n_seen, view->n_heads, view->n_kv_heads, view->head_dim};
    size_t d = view->head_dim, g = h * view->n_kv_heads / view->n_heads;
    size_t first = view->cache_positions ? view->heads[g].n : view->n_seen;
    double count = rkv_moments_count(view->state), scale = count > 0 ? 1 / (2 * count * (double)d) : 0;
    mean_turn(view->rope, (double)first, values->number[N_FUTURE], s->turn);
    const float *mean = rkv_moments_mean(view->state, &shape, h);
    for (size_t i = 0; i < d; i++)
        s->mean[i] = mean[i] / sqrtf((float)d);
    turn_pairs(view->rope->pairing, s->turn, d, s->mean, 1);
    if (!chosen(values, COVARIANCE)) return;
    const float *squares = rkv_moments_squares(view->state, &shape, h);
    for (size_t i = 0; i < d * d; i++)
        s->squares[i] = (float)(squares[i] * scale);
    for (size_t i = 0; i < d; i++)
        turn_pairs(view->rope->pairing, s->turn, d, s->squares + i * d, 1);
    for (size_t i = 0; i < d; i++)
        turn_pairs(view->rope->pairing, s->turn, d, s->squares + i, d);
    rkv_pack_transposed(tile, s->squares, d, d, s->panels, 0);
}

/* ---- scores ---- */

/* out [m]: the dot products of rows a [m, lda] and b [m, D]. */
RKV_CLONES static void row_dots(const float *a, size_t lda, const float *b, size_t m, size_t d, float *out) {
    for (size_t i = 0; i < m; i++) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < d; j++)
            sum += a[i * lda + j] * b[i * d + j];
        out[i] = sum;
    }
}

/* logit [n] of keys [n, D]: k (mean + squares k). */
static void logits(const scratch *s, const rkv_tile *tile, bool covariance, const float *keys, size_t n,
                   size_t d, float *logit) {
    size_t whole = rkv_whole_panels(tile, d);
    rkv_panels squares = {s->panels, d * tile->panel, tile->panel};
    for (size_t i = 0, m; i < n; i += m) {
        m = n - i < BLOCK ? n - i : BLOCK;
        for (size_t r = 0; r < m; r++)
            memcpy(s->rows + r * whole, s->mean, d * sizeof *s->mean);
        if (covariance) rkv_gemm(tile, keys + i * d, d, m, squares, d, d, s->rows, whole, true);
        row_dots(s->rows, whole, keys + i * d, m, d, logit + i);
    }
}

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

/* score [n] = (score + epsilon) ||value||. */
RKV_CLONES static void scale_by_values(const float *values, size_t n, size_t d, float epsilon, float *score) {
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < d; j++)
            sum += values[i * d + j] * values[i * d + j];
        score[i] = (score[i] + epsilon) * sqrtf(sum);
    }
}

static size_t count_sinks(const rkv_head_view *head, size_t n_sink) {
    size_t n = 0;
    while (n < head->n && (size_t)head->positions[n] < n_sink)
        n++;
    return n;
}

/* expected [H/G, n - sinks] of KV head g -> score [n]. */
static void score_head(const rkv_option_values *values, const rkv_layer_view *view, size_t g,
                       const float *expected, float *score) {
    const rkv_head_view *head = &view->heads[g];
    size_t sinks = count_sinks(head, rkv_value_size(values, N_SINK)), n = head->n - sinks;
    for (size_t i = 0; i < sinks; i++)
        score[i] = INFINITY;
    rkv_view_group_scores(view, expected, n, score + sinks);
    if (chosen(values, VNORM))
        scale_by_values(head->values + sinks * view->head_dim, n, view->head_dim,
                        (float)values->number[EPSILON], score + sinks);
}

/* expected [n - sinks]: the expected attention of query head h to its KV head's entries behind the sinks. */
static void expect_head(const rkv_option_values *values, const rkv_layer_view *view, size_t h,
                        const scratch *s, float *expected) {
    const rkv_tile *tile = rkv_tile_best();
    const rkv_head_view *head = &view->heads[h * view->n_kv_heads / view->n_heads];
    size_t sinks = count_sinks(head, rkv_value_size(values, N_SINK));
    if (sinks == head->n) return;
    expect(values, view, h, tile, s);
    logits(s, tile, chosen(values, COVARIANCE), head->keys + sinks * view->head_dim, head->n - sinks,
           view->head_dim, expected);
    softmax(expected, head->n - sinks);
}

/* The rows of a KV head's query heads lie together: that is how groups are combined. */
static void score_all(const rkv_option_values *values, const rkv_layer_view *view, float *memory,
                      float *const *expected, float *const *out) {
    size_t whole = rkv_whole_panels(rkv_tile_best(), view->head_dim),
           group = view->n_heads / view->n_kv_heads;
#pragma omp parallel
    {
        size_t own = (size_t)omp_get_thread_num() * scratch_size(whole, view->head_dim);
        scratch s = scratch_at(memory + own, whole, view->head_dim);
#pragma omp for schedule(dynamic)
        for (size_t h = 0; h < view->n_heads; h++) {
            const rkv_head_view *head = &view->heads[h / group];
            size_t n = head->n - count_sinks(head, rkv_value_size(values, N_SINK));
            expect_head(values, view, h, &s, expected[h / group] + h % group * n);
        }
#pragma omp for schedule(dynamic)
        for (size_t g = 0; g < view->n_kv_heads; g++)
            score_head(values, view, g, expected[g], out[g]);
    }
}

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    size_t whole = rkv_whole_panels(rkv_tile_best(), view->head_dim),
           group = view->n_heads / view->n_kv_heads;
    size_t threads = (size_t)omp_get_max_threads();
    float *memory = NULL, **expected = NULL;
    rkv_status status = rkv_alloc(&memory, threads * scratch_size(whole, view->head_dim), sizeof *memory);
    if (!status) status = rkv_view_rows_new(view, group, &expected);
    if (!status) score_all(values, view, memory, expected, out);
    rkv_view_rows_free(expected);
    free(memory);
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
