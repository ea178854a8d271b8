/* test_methods_attentive.c: scores and kept entries of the methods that look at attention, against slow,
 * obvious oracles. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compressors/query_moments.h"
#include "support/attentive_oracles.h"

/* A specification, its oracle, and the same options for that. */
typedef struct method_case {
    const char *spec;
    oracle_fn oracle;
    oracle_options options;
    bool exact; /* equal entries have equal scores to the last bit: no sums over different neighbours */
} method_case;

static const method_case methods[] = {
    {"snapkv:window=6", oracle_snapkv, {.window = 6, .kernel = 5}, false},
    {"snapkv:window=1,kernel=1", oracle_snapkv, {.window = 1, .kernel = 1}, true},
    {"snapkv:window=9,kernel=7,pooling=max",
     oracle_snapkv,
     {.window = 9, .kernel = 7, .maximum = true},
     true},
    {"snapkv:window=4,kernel=4", oracle_snapkv, {.window = 4, .kernel = 4}, false},
    {"snapkv", oracle_snapkv, {.window = 64, .kernel = 5}, false},
    {"snapkv:window=3,kernel=99", oracle_snapkv, {.window = 3, .kernel = 99}, false},
    {"pyramidkv:window=5", oracle_snapkv, {.window = 5, .kernel = 5}, false},
    {"tova", oracle_tova, {0}, true},
    {"h2o", oracle_h2o, {.recent_ratio = 0.5}, true},
    {"h2o:recent_ratio=0,score=mean", oracle_h2o, {.mean = true}, true},
    {"h2o:recent_ratio=1", oracle_h2o, {.recent_ratio = 1}, true},
    {"sparse-attention", oracle_sparse_attention, {0}, true},
    {"sparse-attention:recent=3", oracle_sparse_attention, {.recent = 3}, true},
    {"expected-attention", oracle_expected, {.n_future = 512, .n_sink = 4}, true},
    {"expected-attention:n_future=1,n_sink=0", oracle_expected, {.n_future = 1}, true},
    {"expected-attention:covariance=no,n_future=30",
     oracle_expected,
     {.n_future = 30, .n_sink = 4, .no_covariance = true},
     true},
    {"expected-attention:vnorm=no,n_sink=2",
     oracle_expected,
     {.n_future = 512, .n_sink = 2, .no_vnorm = true},
     true},
    {"expected-attention:epsilon=0.25",
     oracle_expected,
     {.n_future = 512, .n_sink = 4, .epsilon = 0.25},
     true},
};
#define N_METHODS (sizeof methods / sizeof *methods)

static const sample_view_options views[] = {
    {.seed = 1},
    {.seed = 2, .ragged = true},
    {.seed = 3, .group_score = RKV_GROUP_MAX},
    {.seed = 4, .n_seen = 60, .n_prompt = 25},
    {.seed = 5, .n_seen = 60, .n_prompt = 1, .ragged = true, .group_score = RKV_GROUP_MAX},
    {.seed = 6, .pairing = RKV_ROPE_HALVES, .ragged = true},
    {.seed = 7, .cache_positions = true},
    {.seed = 8, .cache_positions = true, .ragged = true, .n_seen = 50, .n_prompt = 30},
    {.seed = 9, .n_heads = 9, .n_kv_heads = 3, .head_dim = 22, .n_seen = 90, .ragged = true},
    {.seed = 10, .n_heads = 4, .n_kv_heads = 4, .ragged = true},
    {.seed = 11, .n_heads = 4, .n_kv_heads = 1, .head_dim = 2},
    {.seed = 12, .n_seen = 200, .n_prompt = 150},
    {.seed = 16, .n_heads = 6, .n_kv_heads = 2, .head_dim = 16, .n_seen = 150, .ragged = true, .cpu = true},
    {.seed = 17, .n_seen = 120, .n_prompt = 70, .cache_positions = true, .cpu = true},
    {.seed = 13, .ties = true},
    {.seed = 14, .ties = true, .ragged = true, .group_score = RKV_GROUP_MAX},
    {.seed = 15, .ties = true, .n_seen = 60, .n_prompt = 20},
};
#define N_VIEWS (sizeof views / sizeof *views)

/* Scores differ from the oracle's by float32's rounding of some dozens of terms: 1e-5 of the score. */
static void check_scores(const sample_view *s, const method_case *m, double *const *score) {
    for (size_t g = 0; g < s->view.n_kv_heads; g++)
        for (size_t i = 0; i < s->own[g].n; i++) {
            double found = (double)s->score[g][i], wanted = score[g][i];
            if (isinf(wanted) ? found != wanted : !(fabs(found - wanted) <= 1e-5 * fabs(wanted)))
                fail_msg("%s, head %zu, entry %zu: score %.9g, not %.9g", m->spec, g, i, found, wanted);
        }
}

/* The oracle's best, after its scores are float32: that is where ties are ties. */
static void check_kept(const sample_view *s, const method_case *m, size_t budget, double *const *score) {
    uint32_t *index = calloc(s->view.n_seen, sizeof *index);
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        for (size_t i = 0; i < s->own[g].n; i++)
            score[g][i] = (float)score[g][i];
        size_t n = sample_best(score[g], s->own[g].n, budget, index);
        sample_view_expect(s, m->spec, g, index, n);
    }
    free(index);
}

static void check_case(sample_view *s, const method_case *m, bool ties) {
    double **score = oracle_scores(s);
    const size_t budgets[] = {1, 7, 12, 20, s->view.n_seen - 1, s->view.n_seen, s->view.n_seen + 5};
    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
        sample_view_select(s, m->spec, budgets[b]);
        if (b == 0 || m->oracle == oracle_h2o) m->oracle(s, &m->options, budgets[b], score);
        check_scores(s, m, score);
        if (!ties || m->exact) check_kept(s, m, budgets[b], score);
    }
    oracle_free(s, score);
}

static void test_oracles(void **state) {
    (void)state;
    for (size_t v = 0; v < N_VIEWS; v++)
        for (size_t m = 0; m < N_METHODS; m++) {
            sample_view s;
            sample_view_make(&s, &views[v]);
            check_case(&s, &methods[m], views[v].ties);
            sample_view_clear(&s);
        }
}

/* Ties are there, and the newest of equal entries wins: snapkv with nothing to tell entries apart. */
static void test_newest_wins(void **state) {
    (void)state;
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.ties = true, .seed = 3});
    for (size_t g = 0; g < s.view.n_kv_heads; g++)
        memset((void *)s.own[g].keys, 0, s.own[g].n * s.view.head_dim * sizeof(float));
    sample_view_select(&s, "snapkv:window=4,kernel=1", 10);
    for (size_t g = 0; g < s.view.n_kv_heads; g++)
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(s.kept[g][i], s.own[g].n - 10 + i);
    sample_view_clear(&s);
}

/* A method that takes over in the middle of a text has seen no query: finite scores, what stays stays. */
static void test_no_queries_yet(void **state) {
    (void)state;
    for (size_t m = 0; m < N_METHODS; m++) {
        sample_view s;
        sample_view_make(&s, &views[0]);
        sample_view_select(&s, methods[m].spec, 20); /* allocates the state */
        rkv_pipeline pipeline;
        assert_int_equal(rkv_pipeline_parse(&pipeline, methods[m].spec), RKV_OK);
        const rkv_stage *stage = &pipeline.stages[0];
        const struct rkv_method_ops *ops = stage->method->ops;
        rkv_layer_view view = s.view;
        view.state = s.state;
        if (ops->state_size) memset(s.state, 0, ops->state_size(&stage->values, &s.shape) * sizeof *s.state);
        assert_int_equal(ops->score(&stage->values, &view, s.score), RKV_OK);
        for (size_t g = 0; g < s.view.n_kv_heads; g++)
            for (size_t i = 0; i < s.own[g].n; i++)
                if (isnan(s.score[g][i])) fail_msg("%s: entry %zu scores NaN", methods[m].spec, i);
        sample_view_clear(&s);
    }
}

/* Running moments must not drift: a long text, token by token, with queries far from zero. */
static void test_moments_of_long_text(void **state) {
    (void)state;
    const method_case m = {"expected-attention:vnorm=no",
                           oracle_expected,
                           {.n_future = 512, .n_sink = 4, .no_vnorm = true},
                           true};
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.seed = 21, .n_seen = 700, .n_prompt = 100});
    for (size_t i = 0; i < s.view.n_heads * s.view.n_seen; i++) {
        for (size_t d = 0; d < s.view.head_dim; d++)
            s.q[i * s.view.head_dim + d] += 3 - (float)d;
        memcpy(s.observed + i * s.view.head_dim, s.q + i * s.view.head_dim, s.view.head_dim * sizeof *s.q);
        rkv_rope_turn(&s.rope, (int64_t)(i % s.view.n_seen), s.observed + i * s.view.head_dim);
    }
    double **score = oracle_scores(&s);
    sample_view_select(&s, m.spec, 300);
    m.oracle(&s, &m.options, 300, score);
    check_scores(&s, &m, score);
    oracle_free(&s, score);
    sample_view_clear(&s);
}

/* Queries in batches of any size, the sinks' among them, give the moments of all at once. */
static void test_moments_in_batches(void **state) {
    (void)state;
    enum { T = 100, SINKS = 5 };
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.seed = 30, .n_seen = T, .n_heads = 1, .n_kv_heads = 1});
    size_t D = s.view.head_dim, size = rkv_moments_size(&s.shape, true);
    float *whole = calloc(size, sizeof *whole), *parts = calloc(size, sizeof *parts);
    assert_int_equal(rkv_moments_observe(whole, true, SINKS, &s.queries, &s.shape, &s.rope), RKV_OK);
    for (size_t first = 0, m = 2; first < T; first += m, m = m + 3 < T - first ? m + 3 : T - first) {
        rkv_observation part = s.queries;
        part.q = s.observed + first * D;
        part.m = m;
        part.first = (int64_t)first;
        assert_int_equal(rkv_moments_observe(parts, true, SINKS, &part, &s.shape, &s.rope), RKV_OK);
    }
    assert_true(rkv_moments_count(whole) == T - SINKS && rkv_moments_count(parts) == T - SINKS);
    for (size_t i = 0; i < size; i++) /* sums of 95 products of up to 10 */
        assert_float_equal(whole[i], parts[i], 1e-3f);
    free(parts);
    free(whole);
    sample_view_clear(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracles),
        cmocka_unit_test(test_newest_wins),
        cmocka_unit_test(test_no_queries_yet),
        cmocka_unit_test(test_moments_of_long_text),
        cmocka_unit_test(test_moments_in_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
