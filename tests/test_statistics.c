/* test_statistics.c: intervals against the plain loop, the sign test against sums by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/eval.h>

#include "core/random.h"
#include "support/failing_allocator.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the bootstrap ---- */

static int ascending(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

/* numpy.percentile(means, 100 * share) of 10,000 sorted means. */
static double percentile(const double *means, double share) {
    double place = share * 9999, below = floor(place);
    return means[(size_t)below] + (place - below) * (means[(size_t)below + 1] - means[(size_t)below]);
}

static void plain_bootstrap(const double *x, size_t n, uint64_t seed, double *low, double *high) {
    static double means[10000];
    rkv_random random = {seed};
    for (size_t r = 0; r < 10000; r++) {
        means[r] = 0;
        for (size_t i = 0; i < n; i++)
            means[r] += x[rkv_random_below(&random, n)];
        means[r] /= (double)n;
    }
    qsort(means, 10000, sizeof *means, ascending);
    *low = percentile(means, 0.025);
    *high = percentile(means, 0.975);
}

static void fill(double *x, size_t n, uint64_t seed) {
    rkv_random random = {seed};
    for (size_t i = 0; i < n; i++)
        x[i] = rkv_random_unit(&random) - 0.4;
}

static void test_intervals_are_the_plain_loops(void **state) {
    (void)state;
    static const size_t sizes[] = {2, 3, 8, 37, 200};
    double x[200], mean, low, high, wanted_low, wanted_high;
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            size_t n = sizes[i];
            rkv_paired paired;
            fill(x, n, seed + 7);
            plain_bootstrap(x, n, seed, &wanted_low, &wanted_high);
            assert_int_equal(rkv_bootstrap_mean(x, n, seed, &mean, &low, &high), RKV_OK);
            assert_true(low == wanted_low && high == wanted_high);
            assert_true(low <= mean && mean <= high);
            assert_int_equal(rkv_paired_compare(x, n, seed, &paired), RKV_OK);
            assert_true(paired.mean == mean && paired.low == low && paired.high == high);
            assert_int_equal(paired.n, n);
        }
}

/* Of n values with standard deviation s, the interval is about 2 * 1.96 s / sqrt(n) wide. */
static void test_intervals_are_as_wide_as_they_should_be(void **state) {
    (void)state;
    enum { N = 400 };
    double x[N], mean, low, high, square = 0;
    fill(x, N, 1);
    assert_int_equal(rkv_bootstrap_mean(x, N, 5, &mean, &low, &high), RKV_OK);
    for (size_t i = 0; i < N; i++)
        square += (x[i] - mean) * (x[i] - mean) / N;
    double wanted = 2 * 1.96 * sqrt(square / N);
    assert_true(fabs(high - low - wanted) < 0.05 * wanted); /* 10,000 resamples: about 1 % */
}

static void test_intervals_without_spread(void **state) {
    (void)state;
    const double one[] = {-0.3}, equal[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    double mean, low, high;
    rkv_paired paired;
    assert_int_equal(rkv_bootstrap_mean(one, 1, 0, &mean, &low, &high), RKV_OK);
    assert_true(mean == -0.3 && isnan(low) && isnan(high));
    assert_int_equal(rkv_paired_compare(one, 1, 0, &paired), RKV_OK);
    assert_true(paired.mean == -0.3 && isnan(paired.low) && isnan(paired.high) && paired.p == 1);
    assert_int_equal(rkv_bootstrap_mean(equal, COUNT(equal), 0, &mean, &low, &high), RKV_OK);
    assert_true(low == mean && high == mean && fabs(mean - 0.1) < 1e-16);
}

static void test_the_seed_decides(void **state) {
    (void)state;
    double x[20], mean[3], low[3], high[3];
    const uint64_t seeds[] = {1, 1, 2};
    fill(x, COUNT(x), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rkv_bootstrap_mean(x, COUNT(x), seeds[i], &mean[i], &low[i], &high[i]), RKV_OK);
    assert_true(low[0] == low[1] && high[0] == high[1]);
    assert_true(low[0] != low[2] && high[0] != high[2]);
}

/* Sum of 12 uniform numbers less 6: normal enough. */
static double draw_normal(rkv_random *random) {
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += rkv_random_unit(random);
    return sum;
}

/* How often intervals miss a mean that is 0, as docs/EVALUATION.md tells. */
static void test_intervals_of_few_are_too_narrow(void **state) {
    (void)state;
    static const struct {
        size_t n;
        double share;
    } wanted[] = {{2, 0.50}, {4, 0.20}, {8, 0.12}, {16, 0.08}};
    enum { TRIALS = 300 };
    rkv_random random = {11};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        size_t missed = 0, n = wanted[i].n;
        for (uint64_t trial = 0; trial < TRIALS; trial++) {
            double x[16], mean, low, high;
            for (size_t k = 0; k < n; k++)
                x[k] = draw_normal(&random);
            assert_int_equal(rkv_bootstrap_mean(x, n, trial, &mean, &low, &high), RKV_OK);
            missed += low > 0 || high < 0;
        }
        double share = (double)missed / TRIALS,
               error = sqrt(wanted[i].share * (1 - wanted[i].share) / TRIALS);
        if (fabs(share - wanted[i].share) > 3 * error)
            fail_msg("%zu windows: %.3f, not %.3f", n, share, wanted[i].share);
    }
}

/* 6 of 6, 8 of 8, 10 of 12, 12 of 16 would be 0.077. */
static void test_chance_of_verdicts(void **state) {
    (void)state;
    assert_true(rkv_paired_chance(0) == 0 && rkv_paired_chance(5) == 0);
    assert_true(rkv_paired_chance(6) == 2 / 64.);
    assert_true(rkv_paired_chance(8) == 2 / 256.);
    assert_true(rkv_paired_chance(12) == 2 * (1 + 12 + 66) / 4096.);
    assert_true(fabs(rkv_paired_chance(16) - 2 * (1 + 16 + 120 + 560) / 65536.) < 1e-15);
}

/* ---- the sign test ---- */

static void test_signs_by_hand(void **state) {
    (void)state;
    static const struct {
        size_t below, above, equal;
        double p;
    } cases[] = {
        {0, 0, 3, 1},
        {1, 0, 0, 1},
        {2, 0, 0, 0.5},
        {0, 5, 0, 0.0625},
        {6, 0, 0, 0.03125},
        {0, 6, 4, 0.03125},         /* ties do not count */
        {1, 7, 0, 2 * 9 / 256.},    /* 1 + 8 */
        {8, 2, 1, 2 * 56 / 1024.},  /* 1 + 10 + 45 */
        {4, 4, 0, 1},               /* 2 * 163 / 256 is more than 1 */
        {5, 4, 0, 1},               /* 2 * 256 / 512 */
        {3, 9, 2, 2 * 299 / 4096.}, /* 1 + 12 + 66 + 220 */
        {15, 5, 0, 2 * 21700 / 1048576.},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double d[32];
        size_t n = 0;
        rkv_paired paired;
        for (size_t k = 0; k < cases[i].equal; k++)
            d[n++] = k % 2 ? 0.0 : -0.0;
        for (size_t k = 0; k < cases[i].below; k++)
            d[n++] = -1.5;
        for (size_t k = 0; k < cases[i].above; k++)
            d[n++] = 1e-12;
        assert_int_equal(rkv_paired_compare(d, n, 0, &paired), RKV_OK);
        assert_int_equal(paired.n_below, cases[i].below);
        assert_int_equal(paired.n_above, cases[i].above);
        if (paired.p != cases[i].p) fail_msg("case %zu: %.17g, not %.17g", i, paired.p, cases[i].p);
    }
}

/* Many windows: the terms leave the range of doubles on both sides. By the normal approximation with
 * continuity correction, 1900 of 4000 has p = 0.00167; 1 of 4000 is 2 * 4001 / 2^4000, which is 0. */
static void test_signs_of_many(void **state) {
    (void)state;
    enum { N = 4000 };
    static double d[N];
    static const struct {
        size_t below;
        double low, high;
    } cases[] = {{1, 0, 0}, {1900, 0.00164, 0.00170}, {2000, 1, 1}, {1999, 0.98, 1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        rkv_paired paired;
        for (size_t k = 0; k < N; k++)
            d[k] = k < cases[i].below ? -1 : 1;
        assert_int_equal(rkv_paired_compare(d, N, 0, &paired), RKV_OK);
        if (!(paired.p >= cases[i].low && paired.p <= cases[i].high)) fail_msg("%g", paired.p);
    }
}

/* ---- refused ---- */

static void test_values_that_are_refused(void **state) {
    (void)state;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    double mean = 1, low = 2, high = 3;
    rkv_paired paired = {.n = 77};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const double x[] = {0.5, bad[i]};
        assert_int_equal(rkv_bootstrap_mean(x, 2, 0, &mean, &low, &high), RKV_USAGE);
        assert_non_null(strstr(rkv_message(), "value 1 of the 2 values is"));
        assert_int_equal(rkv_paired_compare(x, 2, 0, &paired), RKV_USAGE);
        assert_non_null(strstr(rkv_message(), "value 1 of the 2 differences is"));
    }
    assert_int_equal(rkv_bootstrap_mean(bad, 0, 0, &mean, &low, &high), RKV_USAGE);
    assert_int_equal(rkv_paired_compare(NULL, 0, 0, &paired), RKV_USAGE);
    assert_true(mean == 1 && low == 2 && high == 3 && paired.n == 77); /* untouched */
}

static void test_memory_runs_out(void **state) {
    (void)state;
    const double x[] = {1, 2};
    double mean, low, high;
    allocations_left = 0;
    rkv_status status = rkv_bootstrap_mean(x, 2, 0, &mean, &low, &high);
    allocations_left = -1;
    assert_int_equal(status, RKV_NO_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals_are_the_plain_loops),
        cmocka_unit_test(test_intervals_are_as_wide_as_they_should_be),
        cmocka_unit_test(test_intervals_without_spread),
        cmocka_unit_test(test_the_seed_decides),
        cmocka_unit_test(test_intervals_of_few_are_too_narrow),
        cmocka_unit_test(test_chance_of_verdicts),
        cmocka_unit_test(test_signs_by_hand),
        cmocka_unit_test(test_signs_of_many),
        cmocka_unit_test(test_values_that_are_refused),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
