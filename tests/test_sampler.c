/* test_sampler.c: drawing the next token: exact choices on small cases, and frequencies of many draws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/session.h>

#include "core/random.h"
#include "support/failing_allocator.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int32_t sample(const float *logits, size_t n, rkv_generate_options options, uint64_t *random) {
    int32_t id = -1;
    assert_int_equal(rkv_sample(logits, n, &options, random, &id), RKV_OK);
    assert_in_range(id, 0, n - 1);
    return id;
}

/* ---- the likeliest ---- */

static void test_greedy_takes_the_highest(void **state) {
    (void)state;
    static const struct {
        float logits[4];
        int32_t wanted;
    } cases[] = {
        {{1, 3, 2, 0}, 1},
        {{3, 1, 3, 3}, 0}, /* ties: the lowest id */
        {{-5, -4, -3, -4}, 2},
        {{-0.0f, 0.0f, -1, -0.0f}, 0},
        {{-INFINITY, -2, -INFINITY, -3}, 1},
        {{NAN, -2, 5, NAN}, 2},
        {{NAN, -9, -INFINITY, -9}, 1},
        {{INFINITY, 1, 2, 0}, 2}, /* an overflow is no likelihood */
    };
    uint64_t random = 7;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(sample(cases[i].logits, 4, (rkv_generate_options){0}, &random), cases[i].wanted);
        rkv_generate_options only = {.temperature = 2, .top_k = 1};
        assert_int_equal(sample(cases[i].logits, 4, only, &random), cases[i].wanted);
        only = (rkv_generate_options){.temperature = 2, .top_p = 1e-9};
        assert_int_equal(sample(cases[i].logits, 4, only, &random), cases[i].wanted);
    }
}

static void test_greedy_draws_nothing(void **state) {
    (void)state;
    const float logits[] = {1, 2};
    uint64_t random = 42;
    sample(logits, 2, (rkv_generate_options){0}, &random);
    assert_int_equal(random, 42);
    sample(logits, 2, (rkv_generate_options){.temperature = 1}, &random);
    assert_int_not_equal(random, 42);
}

static void test_one_seed_gives_one_text(void **state) {
    (void)state;
    float logits[100];
    rkv_random generator = {3};
    for (size_t i = 0; i < COUNT(logits); i++)
        logits[i] = (float)(4 * rkv_random_unit(&generator));
    static const rkv_generate_options ways[] = {
        {.temperature = 1}, {.temperature = 0.7, .top_k = 10}, {.temperature = 1.5, .top_p = 0.9}};
    for (size_t way = 0; way < COUNT(ways); way++) {
        uint64_t a = 5, b = 5, c = 6;
        int differ = 0;
        for (int i = 0; i < 50; i++) {
            int32_t first = sample(logits, COUNT(logits), ways[way], &a);
            assert_int_equal(sample(logits, COUNT(logits), ways[way], &b), first);
            differ += sample(logits, COUNT(logits), ways[way], &c) != first;
        }
        assert_int_equal(a, b);
        assert_true(differ > 0);
    }
}

/* ---- frequencies ---- */

enum { DRAWS = 100000, MOST_IDS = 12 };

/* The definition, without haste: sort, cut, divide. p [n]. */
static void wanted_probabilities(const float *logits, size_t n, const rkv_generate_options *options,
                                 double *p) {
    size_t order[MOST_IDS], kept = 0;
    double sum = 0, reached = 0;
    for (size_t i = 0; i < n; i++) {
        p[i] = 0;
        if (!isfinite(logits[i])) continue;
        size_t place = kept++;
        for (; place > 0 && logits[order[place - 1]] < logits[i]; place--)
            order[place] = order[place - 1];
        order[place] = i;
    }
    if (options->top_k && options->top_k < kept) kept = options->top_k;
    for (size_t i = 0; i < kept; i++)
        sum += exp(logits[order[i]] / options->temperature);
    if (options->top_p > 0 && options->top_p < 1)
        for (size_t i = 0; i < kept; i++) {
            reached += exp(logits[order[i]] / options->temperature);
            if (reached >= options->top_p * sum) kept = i + 1;
        }
    sum = 0;
    for (size_t i = 0; i < kept; i++)
        sum += p[order[i]] = exp(logits[order[i]] / options->temperature);
    for (size_t i = 0; i < n; i++)
        p[i] /= sum;
}

/* Pearson's X^2 of many draws against the probabilities stays below the 1 - 1e-6 quantile of chi^2 with up to
 * MOST_IDS - 1 = 11 degrees of freedom, 51.0 (the seed is fixed: it passes always or never). */
static void check_frequencies(const float *logits, size_t n, rkv_generate_options options) {
    double p[MOST_IDS], x2 = 0;
    size_t count[MOST_IDS] = {0};
    uint64_t random = 2024;
    wanted_probabilities(logits, n, &options, p);
    for (int i = 0; i < DRAWS; i++)
        count[sample(logits, n, options, &random)]++;
    for (size_t i = 0; i < n; i++) {
        double wanted = DRAWS * p[i], away = (double)count[i] - wanted;
        if (p[i] == 0) assert_int_equal(count[i], 0);
        if (wanted > 0) x2 += away * away / wanted;
    }
    if (x2 > 51) fail_msg("X^2 = %g with temperature %g", x2, options.temperature);
}

static void test_frequencies(void **state) {
    (void)state;
    static const float logits[][MOST_IDS] = {
        {0, 1, 2, 3, 2, 1, 0, -1, 1.5f, 0.25f, -2, 2.5f},
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, /* ties at every cut */
        {-INFINITY, 0, 3, NAN, 1, 3, -INFINITY, 2, 2, 2, NAN, INFINITY},
        {1000, 999, 998, 1000, 997, 996, 995, 0, -1000, 999.5f, 998.5f, 1},
    };
    static const rkv_generate_options ways[] = {
        {.temperature = 1},
        {.temperature = 0.5},
        {.temperature = 3},
        {.temperature = 1, .top_k = 4},
        {.temperature = 1, .top_k = 1000},
        {.temperature = 1, .top_p = 0.8},
        {.temperature = 1, .top_p = 1},
        {.temperature = 2, .top_k = 5, .top_p = 0.7},
    };
    for (size_t i = 0; i < COUNT(logits); i++)
        for (size_t way = 0; way < COUNT(ways); way++) {
            float shifted[MOST_IDS]; /* the reference has no room for 1000 */
            for (size_t j = 0; j < MOST_IDS; j++)
                shifted[j] = i == 3 ? logits[i][j] - 1000 : logits[i][j];
            uint64_t a = 1, b = 1;
            check_frequencies(shifted, MOST_IDS, ways[way]);
            assert_int_equal(sample(logits[i], MOST_IDS, ways[way], &a),
                             sample(shifted, MOST_IDS, ways[way], &b));
        }
}

/* ---- extremes ---- */

static void test_tiny_and_huge_temperatures(void **state) {
    (void)state;
    const float logits[] = {1, 2, 2.0001f, -3e38f, 3e38f, 0};
    uint64_t random = 1;
    for (int i = 0; i < 100; i++)
        assert_int_equal(sample(logits, 6, (rkv_generate_options){.temperature = 1e-300}, &random), 4);
    int seen[6] = {0};
    for (int i = 0; i < 1000; i++)
        seen[sample(logits, 3, (rkv_generate_options){.temperature = 1e300}, &random)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(seen[i], 250, 420);
}

static void test_refusals(void **state) {
    (void)state;
    const float fine[] = {1, 2}, none[] = {NAN, -INFINITY, INFINITY};
    static const struct {
        rkv_generate_options options;
        const char *words;
    } cases[] = {
        {{.temperature = -1}, "temperature -1"},     {{.temperature = NAN}, "temperature"},
        {{.temperature = INFINITY}, "temperature"},  {{.temperature = 1, .top_p = 1.5}, "top_p 1.5"},
        {{.temperature = 1, .top_p = NAN}, "top_p"}, {{.temperature = 1, .top_p = -0.1}, "top_p -0.1"},
    };
    uint64_t random = 9;
    int32_t id = -7;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(rkv_sample(fine, 2, &cases[i].options, &random, &id), RKV_USAGE);
        assert_non_null(strstr(rkv_message(), cases[i].words));
    }
    rkv_generate_options plain = {.temperature = 1};
    assert_int_equal(rkv_sample(fine, 0, &plain, &random, &id), RKV_USAGE);
    assert_int_equal(rkv_sample(none, 3, &plain, &random, &id), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "none of the 3 logits is finite"));
    plain.temperature = 0;
    assert_int_equal(rkv_sample(none, 3, &plain, &random, &id), RKV_DATA);
    assert_int_equal(id, -7);
    assert_int_equal(random, 9);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    float logits[300];
    for (size_t i = 0; i < COUNT(logits); i++)
        logits[i] = (float)(i % 7);
    const rkv_generate_options options = {.temperature = 1, .top_k = 20, .top_p = 0.9};
    uint64_t random = 3;
    int32_t id = -1;
    rkv_status status;
    long k = 0;
    for (;; k++) {
        allocations_left = k;
        allocation_failed = false;
        status = rkv_sample(logits, COUNT(logits), &options, &random, &id);
        allocations_left = -1;
        if (!allocation_failed) break;
        assert_int_equal(status, RKV_NO_MEMORY);
        assert_int_equal(id, -1);
        assert_int_equal(random, 3);
    }
    assert_int_equal(status, RKV_OK);
    assert_true(k > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy_takes_the_highest),
        cmocka_unit_test(test_greedy_draws_nothing),
        cmocka_unit_test(test_one_seed_gives_one_text),
        cmocka_unit_test(test_frequencies),
        cmocka_unit_test(test_tiny_and_huge_temperatures),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
