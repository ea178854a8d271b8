/* test_methods_shares.c: how ada-snapkv shares a layer's budget between its heads, and pyramidkv the model's
 * between its layers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/attentive_oracles.h"

enum { MOST_HEADS = 4, LONGEST = 100 };

/* ---- ada-snapkv ---- */

/* One entry of the layer. */
typedef struct candidate {
    size_t head, index;
    double score;
    int32_t position;
    bool safe;
} candidate;

/* Whether a stays rather than b: the safe ones, then the higher score, the newer, the lower head. */
static int compare(const void *left, const void *right) {
    const candidate *a = left, *b = right;
    if (a->safe != b->safe) return a->safe ? -1 : 1;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    if (a->position != b->position) return a->position > b->position ? -1 : 1;
    return a->head < b->head ? -1 : 1;
}

/* budgets [G] by sorting everything. */
static void oracle_share(const sample_view *s, float *const *score, double alpha, size_t *budgets) {
    candidate all[MOST_HEADS * LONGEST];
    size_t n = 0, total = 0, G = s->view.n_kv_heads;
    for (size_t g = 0; g < G; g++)
        total += budgets[g];
    size_t safe = (size_t)(alpha * (double)total / (double)G);
    if (alpha > 0 && safe < 1) safe = 1;
    for (size_t g = 0; g < G; g++) {
        uint32_t best[LONGEST];
        double plain[LONGEST];
        for (size_t i = 0; i < s->own[g].n; i++)
            plain[i] = (double)score[g][i];
        size_t n_safe = sample_best(plain, s->own[g].n, safe, best);
        for (size_t i = 0; i < s->own[g].n; i++)
            all[n + i] = (candidate){g, i, plain[i], s->own[g].positions[i], false};
        for (size_t i = 0; i < n_safe; i++)
            all[n + best[i]].safe = true;
        n += s->own[g].n;
        budgets[g] = 0;
    }
    qsort(all, n, sizeof *all, compare);
    for (size_t i = 0; i < total && i < n; i++)
        budgets[all[i].head]++;
}

static size_t sum_of(const size_t *values, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

/* The method's share() on scores that are there already. */
static void share(const sample_view *s, const char *spec, float *const *score, size_t *budgets) {
    rkv_pipeline pipeline;
    assert_int_equal(rkv_pipeline_parse(&pipeline, spec), RKV_OK);
    const rkv_stage *stage = &pipeline.stages[0];
    assert_int_equal(stage->method->ops->share(&stage->values, &s->view, score, budgets), RKV_OK);
}

static const sample_view_options views[] = {
    {.seed = 1},
    {.seed = 2, .ragged = true, .n_seen = 90},
    {.seed = 3, .ties = true},
    {.seed = 4, .ties = true, .ragged = true, .n_seen = 80, .n_prompt = 50},
    {.seed = 5, .n_heads = 8, .n_kv_heads = 4, .ragged = true, .group_score = RKV_GROUP_MAX},
    {.seed = 6, .n_heads = 2, .n_kv_heads = 1},
};

static const double alphas[] = {0, 0.2, 0.9, 1};

static void check_share(sample_view *s, double alpha, size_t budget) {
    char spec[64];
    snprintf(spec, sizeof spec, "ada-snapkv:window=3,kernel=1,alpha=%g", alpha);
    size_t G = s->view.n_kv_heads, wanted[MOST_HEADS], found[MOST_HEADS], n = 0;
    sample_view_select(s, spec, budget);
    for (size_t g = 0; g < G; g++) {
        /* uneven on entry too, with the same sum in pairs of heads */
        wanted[g] = found[g] = G % 2 ? budget : g % 2 ? budget - 2 : budget + 2;
        n += s->own[g].n;
    }
    share(s, spec, s->score, found);
    assert_int_equal(sum_of(found, G), G * budget);
    assert_int_equal(sum_of(s->budget, G), G * budget);
    if (G * budget < n) oracle_share(s, s->score, alpha, wanted);
    for (size_t g = 0; g < G; g++) {
        if (G * budget >= n) {
            assert_true(found[g] >= s->own[g].n);
            continue;
        }
        if (found[g] != wanted[g] || s->budget[g] != wanted[g])
            fail_msg("%s, budget %zu, head %zu: %zu and %zu, not %zu", spec, budget, g, found[g],
                     s->budget[g], wanted[g]);
        assert_true(s->n_kept[g] == wanted[g] && wanted[g] >= 3); /* the window at least */
    }
}

static void test_ada(void **state) {
    (void)state;
    for (size_t v = 0; v < sizeof views / sizeof *views; v++)
        for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++)
            for (size_t budget = 5; budget < 100; budget += budget < 12 ? 1 : 9) {
                sample_view s;
                sample_view_make(&s, &views[v]);
                check_share(&s, alphas[a], budget);
                sample_view_clear(&s);
            }
}

/* Special scores: infinities, NaN (lowest), zeros of both signs (the same), negative numbers. */
static void test_ada_special_scores(void **state) {
    (void)state;
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.n_seen = 5});
    float first[] = {-0.0f, NAN, INFINITY, -1, 0}, second[] = {0, -INFINITY, NAN, -0.5f, -0.0f};
    float *score[] = {first, second};
    const size_t wanted[][2] = {{1, 0}, {2, 0}, {2, 1}, {3, 1}, {3, 2}, {3, 3}, {4, 3}, {4, 4}};
    for (size_t total = 1; total <= 8; total++) {
        size_t budgets[] = {total, 0};
        share(&s, "ada-snapkv:alpha=0", score, budgets);
        if (budgets[0] != wanted[total - 1][0] || budgets[1] != wanted[total - 1][1])
            fail_msg("%zu entries: %zu and %zu", total, budgets[0], budgets[1]);
    }
    sample_view_clear(&s);
}

/* A head whose scores are all low keeps its best entry, unless alpha is 0. */
static void test_ada_safe_entry(void **state) {
    (void)state;
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.n_seen = 5});
    float first[] = {5, 6, 7, 8, 9}, second[] = {1, 2, 3, 2, 1}, *score[] = {first, second};
    size_t safe[] = {2, 2}, none[] = {2, 2};
    share(&s, "ada-snapkv:alpha=0.01", score, safe);
    share(&s, "ada-snapkv:alpha=0", score, none);
    assert_true(safe[0] == 3 && safe[1] == 1);
    assert_true(none[0] == 4 && none[1] == 0);
    sample_view_clear(&s);
}

/* No limit stays no limit. */
static void test_ada_without_budget(void **state) {
    (void)state;
    sample_view s;
    sample_view_make(&s, &views[0]);
    sample_view_select(&s, "ada-snapkv:window=3", 10);
    size_t budgets[] = {SIZE_MAX, SIZE_MAX}, none[] = {0, 0};
    share(&s, "ada-snapkv:window=3", s.score, budgets);
    assert_true(budgets[0] == SIZE_MAX && budgets[1] == SIZE_MAX);
    share(&s, "ada-snapkv:window=3", s.score, none);
    assert_true(none[0] == 0 && none[1] == 0);
    sample_view_clear(&s);
}

/* ---- pyramidkv ---- */

static void plan(const char *spec, size_t tokens, size_t n_layers, size_t budget, size_t *budgets) {
    rkv_pipeline pipeline;
    assert_int_equal(rkv_pipeline_parse(&pipeline, spec), RKV_OK);
    const rkv_stage *stage = &pipeline.stages[0];
    for (size_t l = 0; l < n_layers; l++)
        budgets[l] = budget;
    assert_int_equal(stage->method->ops->plan(&stage->values, tokens, n_layers, budgets), RKV_OK);
    assert_int_equal(sum_of(budgets, n_layers), n_layers * budget);
}

/* Falling, within window .. tokens, for every budget; and uniform where no pyramid fits. */
static void test_pyramid_bounds(void **state) {
    (void)state;
    size_t budgets[40], n_pyramids = 0;
    for (size_t tokens = 10; tokens < 400; tokens += 31)
        for (size_t n_layers = 1; n_layers < 40; n_layers += 6)
            for (size_t budget = 8; budget <= tokens + 3; budget += 5) {
                plan("pyramidkv:window=8,beta=6", tokens, n_layers, budget, budgets);
                for (size_t l = 0; l < n_layers; l++) {
                    assert_true(budgets[l] >= 8 && (l == 0 || budgets[l] <= budgets[l - 1]));
                    assert_true(budgets[l] <= tokens || budget >= tokens);
                }
                n_pyramids += budgets[0] > budgets[n_layers - 1];
            }
    assert_true(n_pyramids > 100);
}

/* b = 100 of 1000 tokens, beta 5: 180 falling to 20 over 5 layers; beta 20 would end below the window. */
static void test_pyramid_by_hand(void **state) {
    (void)state;
    size_t budgets[5];
    plan("pyramidkv:window=8,beta=5", 1000, 5, 100, budgets);
    const size_t wanted[] = {180, 140, 100, 60, 20};
    assert_memory_equal(budgets, wanted, sizeof wanted);
    plan("pyramidkv:window=8,beta=20", 1000, 5, 100, budgets);
    for (size_t l = 0; l < 5; l++)
        assert_int_equal(budgets[l], 100);
    plan("pyramidkv:window=8,beta=5", 150, 5, 100, budgets); /* at most 150 - 8 in the first */
    const size_t bounded[] = {142, 121, 100, 79, 58};
    assert_memory_equal(budgets, bounded, sizeof bounded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ada),
        cmocka_unit_test(test_ada_special_scores),
        cmocka_unit_test(test_ada_safe_entry),
        cmocka_unit_test(test_ada_without_budget),
        cmocka_unit_test(test_pyramid_bounds),
        cmocka_unit_test(test_pyramid_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
