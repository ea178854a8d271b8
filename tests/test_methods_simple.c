/* test_methods_simple.c: the methods that look at keys, values and positions alone, against slow, obvious
 * oracles. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/sample_view.h"

enum { LONGEST = 64 };

/* ---- oracles: scores of one head, as the formulas of docs/METHODS.md say ---- */

typedef void (*oracle_fn)(const sample_view *s, size_t g, size_t budget, double *score);

static double norm(const float *row, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pow((double)row[i], 2);
    return sqrt(sum);
}

static void newest(const rkv_head_view *head, size_t count, double *score) {
    for (size_t i = 0; i < head->n; i++)
        if (i + count >= head->n) score[i] = INFINITY;
}

/* Scores are float32: what is a tie there has to be one here. */
static void rounded(const rkv_head_view *head, double *score) {
    for (size_t i = 0; i < head->n; i++)
        score[i] = (float)score[i];
}

static void oracle_window(const sample_view *s, size_t g, size_t budget, double *score) {
    (void)budget;
    for (size_t i = 0; i < s->own[g].n; i++)
        score[i] = (double)i;
}

static void oracle_streaming(const sample_view *s, size_t g, size_t budget, double *score) {
    (void)budget;
    for (size_t i = 0; i < s->own[g].n; i++)
        score[i] = s->own[g].positions[i] < 4 ? 1e9 : (double)s->own[g].positions[i];
}

static void oracle_knorm(const sample_view *s, size_t g, size_t budget, double *score) {
    (void)budget;
    size_t D = s->view.head_dim;
    for (size_t i = 0; i < s->own[g].n; i++)
        score[i] = -norm(s->own[g].keys + i * D, D);
    rounded(&s->own[g], score);
}

static void oracle_keydiff(const sample_view *s, size_t g, size_t budget, double *score) {
    (void)budget;
    size_t n = s->own[g].n, D = s->view.head_dim;
    const float *keys = s->own[g].keys;
    for (size_t i = 0; i < n; i++) {
        double product = 0, square = 0;
        for (size_t d = 0; d < D; d++) {
            double anchor = 0;
            for (size_t j = 0; j < n; j++)
                anchor += keys[j * D + d] / norm(keys + j * D, D) / (double)n;
            product += keys[i * D + d] * anchor;
            square += anchor * anchor;
        }
        score[i] = -product / (norm(keys + i * D, D) * sqrt(square));
    }
    rounded(&s->own[g], score);
}

static void oracle_fix_low(const sample_view *s, size_t g, size_t budget, double *score) {
    oracle_knorm(s, g, budget, score);
    newest(&s->own[g], (size_t)(0.25 * (double)budget), score);
}

static void oracle_fix_high(const sample_view *s, size_t g, size_t budget, double *score) {
    oracle_knorm(s, g, budget, score);
    for (size_t i = 0; i < s->own[g].n; i++)
        score[i] = -score[i];
}

static void oracle_magnitude(const sample_view *s, size_t g, size_t budget, double *score) {
    (void)budget;
    size_t D = s->view.head_dim;
    for (size_t i = 0; i < s->own[g].n; i++)
        score[i] = sqrt(pow(norm(s->own[g].keys + i * D, D), 2) + pow(norm(s->own[g].values + i * D, D), 2));
    rounded(&s->own[g], score);
}

static void oracle_magnitude_recent(const sample_view *s, size_t g, size_t budget, double *score) {
    oracle_magnitude(s, g, budget, score);
    newest(&s->own[g], 5, score);
}

static const struct {
    const char *spec;
    size_t least;
    oracle_fn oracle;
} cases[] = {
    {"window", 0, oracle_window},
    {"streaming-llm", 4, oracle_streaming},
    {"streaming-llm:start_size=4", 4, oracle_streaming},
    {"knorm", 0, oracle_knorm},
    {"keydiff", 0, oracle_keydiff},
    {"fix-size-l2:keep_ratio=0.25", 0, oracle_fix_low},
    {"fix-size-l2:strategy=keep_high", 0, oracle_fix_high},
    {"sparse-magnitude", 0, oracle_magnitude},
    {"sparse-magnitude:recent=5", 5, oracle_magnitude_recent},
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* ---- the kept entries ---- */

static void expect(const sample_view *s, size_t row, size_t budget) {
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        double score[LONGEST];
        uint32_t index[LONGEST];
        cases[row].oracle(s, g, budget, score);
        size_t n = sample_best(score, s->own[g].n, budget, index);
        sample_view_expect(s, cases[row].spec, g, index, n);
    }
}

static void try_budgets(const sample_view_options *options) {
    sample_view s;
    sample_view_make(&s, options);
    size_t n = s.view.n_seen;
    for (size_t row = 0; row < N_CASES; row++) {
        const size_t budgets[] = {cases[row].least, cases[row].least + 1, n / 2, n - 1, n, 2 * n};
        for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
            if (budgets[b] < cases[row].least) continue;
            sample_view_select(&s, cases[row].spec, budgets[b]);
            expect(&s, row, budgets[b]);
        }
    }
    sample_view_clear(&s);
}

/* Every combination of lengths, ragged heads, ties and cache positions. */
static void test_kept_entries(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 5, 40, LONGEST};
    for (uint64_t seed = 0; seed < 8; seed++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (unsigned bits = 0; bits < 8; bits++)
                try_budgets(&(sample_view_options){.seed = seed,
                                                   .n_seen = lengths[l],
                                                   .n_prompt = seed % 2 ? 1 : 0,
                                                   .n_kv_heads = seed % 3 + 1,
                                                   .n_heads = 6,
                                                   .ragged = bits & 1,
                                                   .ties = bits & 2,
                                                   .cache_positions = bits & 4});
}

/* ---- what options do ---- */

/* Whether spec keeps every entry of a text of n_seen tokens in a layer, with a budget of 3. */
static bool keeps_all(const char *spec, size_t layer, size_t n_seen) {
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.index = layer, .n_seen = n_seen});
    sample_view_select(&s, spec, 3);
    bool all = s.n_kept[0] == s.own[0].n && s.n_kept[1] == s.own[1].n;
    if (!all) assert_int_equal(s.n_kept[0], 3);
    sample_view_clear(&s);
    return all;
}

static void test_layers_left_alone(void **state) {
    (void)state;
    assert_true(keeps_all("full", 0, 20));
    static const char *const methods[] = {"knorm", "fix-size-l2"};
    for (size_t i = 0; i < 2; i++) {
        char spec[64];
        snprintf(spec, sizeof spec, "%s:skip_layers=0-1/3", methods[i]);
        for (size_t layer = 0; layer < 4; layer++) {
            assert_int_equal(keeps_all(spec, layer, 20), layer != 2);
            assert_false(keeps_all(methods[i], layer, 20));
        }
    }
    assert_true(keeps_all("knorm:prune_after=20", 0, 20));
    assert_false(keeps_all("knorm:prune_after=20", 0, 21));
}

static size_t n_kept(const char *spec) {
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.n_seen = 50});
    sample_view_select(&s, spec, 30);
    size_t n = s.n_kept[0];
    sample_view_clear(&s);
    return n;
}

static void test_budgets_in_the_specification(void **state) {
    (void)state;
    assert_int_equal(n_kept("window"), 30);
    assert_int_equal(n_kept("window:budget=7"), 7);
    assert_int_equal(n_kept("window:ratio=0.25"), 12);
    assert_int_equal(n_kept("knorm:keep_ratio=0.5"), 25);
    assert_int_equal(n_kept("fix-size-l2:fix_kv_size=9,keep_ratio=0.5"), 9);
    assert_int_equal(n_kept("streaming-llm:recent_size=10"), 14);
    assert_int_equal(n_kept("streaming-llm:start_size=2,recent_size=10"), 12);
}

/* ---- chance ---- */

static bool keeps(const sample_view *s, size_t g, int32_t position) {
    for (size_t i = 0; i < s->n_kept[g]; i++)
        if (s->own[g].positions[s->kept[g][i]] == position) return true;
    return false;
}

/* The same entry has the same score whatever else is there; another seed, layer or head has others. */
static void test_random_belongs_to_the_entry(void **state) {
    (void)state;
    sample_view s, shorter;
    sample_view_make(&s, &(sample_view_options){.n_seen = LONGEST});
    sample_view_make(&shorter, &(sample_view_options){.n_seen = LONGEST, .ragged = true});
    sample_view_select(&s, "random", LONGEST);
    sample_view_select(&shorter, "random", LONGEST);
    for (size_t g = 0; g < 2; g++)
        for (size_t i = 0; i < shorter.own[g].n; i++)
            assert_true(shorter.score[g][i] == s.score[g][shorter.own[g].positions[i]]);
    float score[LONGEST];
    memcpy(score, s.score[0], sizeof score);
    for (size_t i = 0; i < LONGEST; i++)
        assert_true(score[i] >= 0 && score[i] < 1 && score[i] != s.score[1][i]);
    s.view.seed++;
    sample_view_select(&s, "random", LONGEST);
    assert_memory_not_equal(score, s.score[0], sizeof score);
    s.view.seed--;
    s.view.index++;
    sample_view_select(&s, "fix-size-l2:strategy=random", LONGEST + 1);
    assert_memory_not_equal(score, s.score[0], sizeof score);
    sample_view_clear(&s);
    sample_view_clear(&shorter);
}

/* Over many seeds every entry stays about as often: 400 draws of 8 from 32, 100 +- 5 standard deviations. */
static void test_random_is_fair(void **state) {
    (void)state;
    static const char *const specs[] = {"random", "fix-size-l2:strategy=random"};
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.n_seen = 32});
    for (size_t m = 0; m < 2; m++) {
        size_t count[32] = {0};
        for (s.view.seed = 0; s.view.seed < 400; s.view.seed++) {
            sample_view_select(&s, specs[m], 8);
            for (int32_t t = 0; t < 32; t++)
                count[t] += keeps(&s, 1, t);
        }
        for (size_t t = 0; t < 32; t++)
            if (count[t] < 56 || count[t] > 144) fail_msg("%s keeps %zu %zu times", specs[m], t, count[t]);
    }
    sample_view_clear(&s);
}

/* ---- degenerate keys ---- */

static void test_zero_and_foreign_keys(void **state) {
    (void)state;
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.n_seen = 10});
    float *keys = (float *)s.own[0].keys;
    memset(keys, 0, 10 * 8 * sizeof *keys);
    sample_view_select(&s, "keydiff", 4);
    sample_view_expect(&s, "keydiff of zeros", 0, (uint32_t[]){6, 7, 8, 9}, 4);
    sample_view_select(&s, "knorm", 4);
    sample_view_expect(&s, "knorm of zeros", 0, (uint32_t[]){6, 7, 8, 9}, 4);
    keys[9 * 8] = NAN;
    keys[0] = 3e38f;
    keys[1] = 3e38f; /* the norm exceeds float: -inf, and still above NaN */
    sample_view_select(&s, "knorm", 8);
    sample_view_expect(&s, "knorm of NaN", 0, (uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8);
    sample_view_select(&s, "knorm", 9);
    sample_view_expect(&s, "knorm of NaN", 0, (uint32_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8}, 9);
    sample_view_clear(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_entries),
        cmocka_unit_test(test_layers_left_alone),
        cmocka_unit_test(test_budgets_in_the_specification),
        cmocka_unit_test(test_random_belongs_to_the_entry),
        cmocka_unit_test(test_random_is_fair),
        cmocka_unit_test(test_zero_and_foreign_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
