/* test_policies.c: every policy of the table against numbers worked out by hand, and its degenerate cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/budget.h>

#include "core/file.h"
#include "support/sample_analysis.h"

#define L 4

/* Four layers of rank 10, 20, 30, 40 on 100 tokens. */
static rkv_analysis *four_layers(void) {
    rkv_analysis *a = sample_analysis(L, 1, 1, 100, 1);
    assert_non_null(a);
    for (size_t l = 0; l < L; l++)
        a->layer_rank[l] = a->metric[RKV_ERANK][l] = 10 * (double)(l + 1);
    return a;
}

static rkv_budget_options base(const char *policy) {
    rkv_budget_options options = rkv_budget_options_default();
    options.policy = policy;
    options.total = 200;
    options.tau = 0.1 / log(2); /* ten more ranks of 100 double the weight */
    options.exponent = 2;
    options.floor = 0;
    options.top_k = 1;
    options.pyramid_beta = 4;
    options.seed = 7;
    return options;
}

static const struct {
    const char *policy;
    size_t layers[L];
} golden[] = {
    {"proportional", {20, 40, 60, 80}},
    /* 1 2 4 8 of 15: 106.7 is cut to 100; 1 2 4 of 7 share 100: 14.29 28.57 57.14 */
    {"softmax", {14, 29, 57, 100}},
    /* P25 = 17.5, P75 = 32.5; weights 0.5 1 1 1.5 of 4 */
    {"adaptive", {25, 50, 50, 75}},
    /* 1 4 9 16 of 30: 106.7 is cut to 100; 1 4 9 of 14 share 100: 7.14 28.57 64.29 */
    {"power", {7, 29, 64, 100}},
    /* 12 6 4 3 of 25 */
    {"inverse", {96, 48, 32, 24}},
    /* 100 to the last; 33.3 each, the missing one to the first */
    {"top-k", {34, 33, 33, 100}},
    {"uniform", {50, 50, 50, 50}},
    /* 1 3/4 1/2 1/4 of 5/2 */
    {"pyramid", {80, 60, 40, 20}},
    {"reverse-pyramid", {20, 40, 60, 80}},
    /* from an independent SplitMix64 in Python, seed 7: 0.2785 0.3503 0.4506 0.3958; and its Fisher-Yates */
    {"random", {38, 47, 61, 54}},
    {"shuffled", {20, 80, 40, 60}},
};

static void test_golden_numbers(void **state) {
    (void)state;
    rkv_analysis *a = four_layers();
    for (size_t i = 0; rkv_policy_at(i); i++) {
        size_t row = 0, n = sizeof golden / sizeof *golden;
        if (!rkv_policy_at(i)->weigh) continue; /* calibrated: test_profile_budget.c */
        while (row < n && strcmp(golden[row].policy, rkv_policy_at(i)->name) != 0)
            row++;
        if (row == n) fail_msg("policy %s has no golden numbers", rkv_policy_at(i)->name);
        rkv_budget_options options = base(rkv_policy_at(i)->name);
        rkv_budget *b;
        if (rkv_budget_allocate(&b, a, &options)) fail_msg("%s: %s", options.policy, rkv_message());
        for (size_t l = 0; l < L; l++)
            if (b->layers[l] != golden[row].layers[l])
                fail_msg("%s, layer %zu: %zu, not %zu", options.policy, l, b->layers[l],
                         golden[row].layers[l]);
        rkv_budget_free(b);
    }
    rkv_analysis_free(a);
}

static void test_table_is_whole(void **state) {
    (void)state;
    for (size_t i = 0; rkv_policy_at(i); i++) {
        const rkv_policy *p = rkv_policy_at(i);
        assert_ptr_equal(rkv_policy_find(p->name), p);
        assert_true(*p->summary && *p->formula && *p->source && p->options);
        assert_true(p->weigh || strcmp(p->name, "calibrated") == 0);
    }
    assert_null(rkv_policy_find("propotional"));
    assert_null(rkv_policy_find(""));
}

/* docs/METHODS.md has every policy under its name, with the formula of the table. */
static void test_the_manual_has_every_policy(void **state) {
    (void)state;
    char *manual, line[256];
    size_t length;
    assert_int_equal(rkv_read_file(RKV_SOURCE_DIR "/docs/METHODS.md", 1 << 20, &manual, &length), RKV_OK);
    for (size_t i = 0; rkv_policy_at(i); i++) {
        snprintf(line, sizeof line, "\n### %s\n`%s`", rkv_policy_at(i)->name, rkv_policy_at(i)->formula);
        if (!strstr(manual, line)) fail_msg("docs/METHODS.md lacks:%s", line);
    }
    free(manual);
}

static void weigh(const rkv_policy *p, const double *signal, size_t n, double *weight) {
    const rkv_budget_options options = base(p->name);
    if (!p->weigh) return;
    size_t layer[16];
    unsigned char full[16] = {0};
    for (size_t i = 0; i < n; i++)
        layer[i] = i;
    const rkv_policy_input in = {signal, 100, layer, n, n, 100, &options};
    if (p->weigh(&in, weight, full)) fail_msg("%s: %s", p->name, rkv_message());
    for (size_t i = 0; i < n; i++)
        if (!(weight[i] >= 0 && isfinite(weight[i])))
            fail_msg("%s: weight %zu of %zu is %g", p->name, i, n, weight[i]);
}

/* Signals that overflow, underflow, vanish or stand alone still give finite weights. */
static void test_weights_are_finite_on_any_signal(void **state) {
    (void)state;
    const double signals[][5] = {
        {0, 0, 0, 0, 0}, {0, 0, 1, 0, 0},      {1e308, 1.7e308, 1e308, 0, 1},
        {7, 7, 7, 7, 7}, {5e-324, 1, 0, 0, 0}, {5e-324, 5e-324, 0, 1e308, 1e-300},
    };
    double weight[5];
    for (size_t i = 0; rkv_policy_at(i); i++)
        for (size_t s = 0; s < sizeof signals / sizeof *signals; s++)
            for (size_t n = 1; n <= 5; n++)
                weigh(rkv_policy_at(i), signals[s], n, weight);
}

/* A signal that says nothing must not favour anyone. */
static void test_flat_signal_is_even(void **state) {
    (void)state;
    const double zero[4] = {0}, seven[4] = {7, 7, 7, 7};
    double weight[4];
    for (size_t i = 0; rkv_policy_at(i); i++) {
        if (!rkv_policy_at(i)->needs_signal || !rkv_policy_at(i)->weigh) continue;
        weigh(rkv_policy_at(i), i % 2 ? zero : seven, 4, weight);
        for (size_t k = 1; k < 4; k++)
            assert_true(weight[k] == weight[0]);
    }
}

/* +1: a higher signal never gets less; -1: never more. Units of one class have one weight, whatever their
 * signals: the last entry of a class goes to its first unit. */
static const struct {
    const char *policy;
    int direction;
    size_t slack;
} directions[] = {
    {"proportional", 1, 0}, {"softmax", 1, 0},  {"adaptive", 1, 1},
    {"power", 1, 0},        {"inverse", -1, 0}, {"top-k", 1, 1},
};

static void test_budgets_follow_the_signal(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        rkv_analysis *a = sample_analysis(12, 3, 3, 300, seed);
        for (size_t i = 0; i < sizeof directions / sizeof *directions; i++) {
            rkv_budget_options options = base(directions[i].policy);
            rkv_budget *b;
            options.total = 600 + seed * 14;
            assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_OK);
            for (size_t j = 0; j < 12; j++)
                for (size_t k = 0; k < 12; k++)
                    if ((a->layer_rank[j] - a->layer_rank[k]) * directions[i].direction > 0)
                        assert_true(b->layers[j] + directions[i].slack >= b->layers[k]);
            rkv_budget_free(b);
        }
        rkv_analysis_free(a);
    }
}

/* Dividing every rank by 8 changes nothing but softmax, whose temperature is in fractions of T. */
static void test_scale_of_the_signal_does_not_matter(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        rkv_analysis *a = sample_analysis(9, 2, 2, 200, seed), *scaled = sample_analysis(9, 2, 2, 200, seed);
        for (size_t l = 0; l < 9; l++)
            scaled->layer_rank[l] *= 0.125;
        for (size_t i = 0; rkv_policy_at(i); i++) {
            rkv_budget_options options = base(rkv_policy_at(i)->name);
            rkv_budget *b, *again;
            if (strcmp(options.policy, "softmax") == 0 || !rkv_policy_at(i)->weigh) continue;
            options.total = 700;
            assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_OK);
            assert_int_equal(rkv_budget_allocate(&again, scaled, &options), RKV_OK);
            assert_memory_equal(b->layers, again->layers, 9 * sizeof *b->layers);
            rkv_budget_free(b);
            rkv_budget_free(again);
        }
        rkv_analysis_free(a);
        rkv_analysis_free(scaled);
    }
}

/* Zeros under a negative exponent count as the smallest value above them. */
static void test_negative_powers_of_zero(void **state) {
    (void)state;
    const double signal[3] = {0, 2, 4};
    rkv_budget_options options = base("power");
    options.exponent = -1;
    const size_t layer[3] = {0, 1, 2};
    const rkv_policy_input in = {signal, 100, layer, 3, 3, 100, &options};
    double weight[3];
    unsigned char full[3] = {0};
    assert_int_equal(rkv_policy_find("power")->weigh(&in, weight, full), RKV_OK);
    assert_true(weight[0] == 1 && weight[1] == 1 && weight[2] == 0.5);
    assert_int_equal(rkv_policy_find("inverse")->weigh(&in, weight, full), RKV_OK);
    assert_true(weight[0] == 1 && weight[1] == 1 && weight[2] == 0.5);
}

static void test_floor_of_power(void **state) {
    (void)state;
    const double signal[2] = {1, 3}; /* mean 2: bases 0.5 + 0.5 and 1.5 + 0.5 */
    rkv_budget_options options = base("power");
    options.floor = 0.5;
    options.exponent = -2;
    const size_t layer[2] = {0, 1};
    const rkv_policy_input in = {signal, 100, layer, 2, 2, 100, &options};
    double weight[2];
    unsigned char full[2] = {0};
    assert_int_equal(rkv_policy_find("power")->weigh(&in, weight, full), RKV_OK);
    assert_true(fabs(weight[0] / weight[1] - 4) < 1e-12);
}

static void test_ties_of_top_k_go_to_the_first(void **state) {
    (void)state;
    const double signal[5] = {1, 3, 2, 2, 2};
    rkv_budget_options options = base("top-k");
    options.top_k = 3;
    const size_t layer[5] = {0, 1, 2, 3, 4};
    const rkv_policy_input in = {signal, 100, layer, 5, 5, 100, &options};
    double weight[5];
    unsigned char full[5] = {0};
    assert_int_equal(rkv_policy_find("top-k")->weigh(&in, weight, full), RKV_OK);
    assert_memory_equal(full, ((unsigned char[]){0, 1, 1, 1, 0}), 5);
}

/* The multiset of budgets stays, and 200 seeds give more than one order. */
static void test_shuffles(void **state) {
    (void)state;
    rkv_analysis *a = four_layers();
    rkv_budget_options options = base("shuffled");
    bool moved[L] = {false};
    for (options.seed = 0; options.seed < 200; options.seed++) {
        rkv_budget *b;
        size_t sum = 0, squares = 0;
        assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_OK);
        for (size_t l = 0; l < L; l++) {
            sum += b->layers[l];
            squares += b->layers[l] * b->layers[l];
            moved[l] |= b->layers[l] == 80;
        }
        assert_int_equal(sum, 200);
        assert_int_equal(squares, 20 * 20 + 40 * 40 + 60 * 60 + 80 * 80);
        rkv_budget_free(b);
    }
    for (size_t l = 0; l < L; l++)
        assert_true(moved[l]);
    rkv_analysis_free(a);
}

static void test_options_out_of_range(void **state) {
    (void)state;
    rkv_analysis *a = four_layers();
    rkv_budget *b;
    const struct {
        const char *policy, *word;
        size_t offset;
        double value;
    } wrong[] = {
#define OPTION(member) #member, offsetof(rkv_budget_options, member)
        {"softmax", OPTION(tau), 0},
        {"softmax", OPTION(tau), NAN},
        {"softmax", OPTION(tau), INFINITY},
        {"power", OPTION(exponent), INFINITY},
        {"power", OPTION(floor), -0.1},
        {"power", OPTION(floor), NAN},
        {"adaptive", OPTION(low_percentile), -1},
        {"adaptive", OPTION(low_percentile), 76},
        {"adaptive", OPTION(high_percentile), 101},
        {"adaptive", OPTION(low_weight), 0},
        {"adaptive", OPTION(mid_weight), NAN},
        {"adaptive", OPTION(high_weight), INFINITY},
        {"pyramid", OPTION(pyramid_beta), 0.5},
        {"reverse-pyramid", OPTION(pyramid_beta), NAN},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rkv_budget_options options = base(wrong[i].policy);
        memcpy((char *)&options + wrong[i].offset, &wrong[i].value, sizeof(double));
        assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_USAGE);
        assert_null(b);
        if (!strstr(rkv_message(), wrong[i].word)) fail_msg("%s", rkv_message());
    }
    rkv_budget_options options = base("top-k");
    options.top_k = 5;
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_USAGE);
    assert_string_equal(rkv_message(), "top-k: top_k is 5, more than the 4 that share the budget");
    options = base("shuffled");
    options.shuffled_policy = "shuffled";
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_USAGE);
    options.shuffled_policy = NULL;
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_USAGE);
    rkv_analysis_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_numbers),
        cmocka_unit_test(test_table_is_whole),
        cmocka_unit_test(test_the_manual_has_every_policy),
        cmocka_unit_test(test_weights_are_finite_on_any_signal),
        cmocka_unit_test(test_flat_signal_is_even),
        cmocka_unit_test(test_budgets_follow_the_signal),
        cmocka_unit_test(test_scale_of_the_signal_does_not_matter),
        cmocka_unit_test(test_negative_powers_of_zero),
        cmocka_unit_test(test_floor_of_power),
        cmocka_unit_test(test_ties_of_top_k_go_to_the_first),
        cmocka_unit_test(test_shuffles),
        cmocka_unit_test(test_options_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
