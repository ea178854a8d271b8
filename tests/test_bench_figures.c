/* test_bench_figures.c: the statistics of `rankkv bench` on made-up numbers, and a sample as text and back.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/bench.h"

static const struct spread_case {
    double values[5];
    size_t n;
    double median, least, most;
} spread_cases[] = {
    {{7}, 1, 7, 7, 7},
    {{3, 1}, 2, 2, 1, 3},
    {{9, 1, 2}, 3, 2, 1, 9},
    {{4, 1, 100, 2}, 4, 3, 1, 100},
    {{5, 5, 5, 5, 1}, 5, 5, 1, 5},
    {{NAN, 2, NAN, 8, 4}, 5, 4, 2, 8},
    {{NAN, NAN}, 2, NAN, NAN, NAN},
    {{0}, 0, NAN, NAN, NAN},
};

static void assert_same(double a, double b) {
    if (isnan(b))
        assert_true(isnan(a));
    else
        assert_true(a == b);
}

static void test_spread(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof spread_cases / sizeof *spread_cases; i++) {
        struct spread_case c = spread_cases[i];
        bench_spread s = bench_spread_of(c.values, c.n);
        assert_same(s.median, c.median);
        assert_same(s.least, c.least);
        assert_same(s.most, c.most);
    }
}

/* Round by round, not median by median: a slow round slows both. */
static void test_ratio(void **state) {
    (void)state;
    bench_sample of_full[3] = {
        {.at = {[BENCH_TPOT_S] = 1}}, {.at = {[BENCH_TPOT_S] = 10}}, {.at = {[BENCH_TPOT_S] = 2}}};
    bench_sample of_row[3] = {
        {.at = {[BENCH_TPOT_S] = 2}}, {.at = {[BENCH_TPOT_S] = 5}}, {.at = {[BENCH_TPOT_S] = 6}}};
    bench_row full = {.samples = of_full, .n = 3}, row = {.samples = of_row, .n = 3};
    bench_spread s = bench_row_ratio(&row, &full, BENCH_TPOT_S);
    assert_same(s.median, 2);
    assert_same(s.least, 0.5);
    assert_same(s.most, 3);
    full.n = 2; /* it failed, or the measurement was stopped: rounds that both have count */
    assert_same(bench_row_ratio(&row, &full, BENCH_TPOT_S).median, 1.25);
    full.n = 0;
    assert_same(bench_row_ratio(&row, &full, BENCH_TPOT_S).median, NAN);
    assert_same(bench_row_spread(&row, BENCH_TPOT_S).median, 5);
}

static char *written(const bench_sample *sample) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    bench_sample_write(out, sample);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_sample_and_back(void **state) {
    (void)state;
    bench_sample sample = {.device = "cuda:0 NVIDIA H200"}, again = {0};
    for (size_t i = 0; i < BENCH_N_FIELDS; i++)
        sample.at[i] = i == BENCH_ANALYSIS_S ? NAN : 1.0 / (double)(i + 3);
    char *text = written(&sample);
    assert_true(bench_sample_read(text, &again));
    assert_string_equal(again.device, sample.device);
    for (size_t i = 0; i < BENCH_N_FIELDS; i++)
        assert_same(again.at[i], sample.at[i]);
    free(text);
}

/* What a process left that was killed in the middle of it is no sample. */
static void test_sample_cut_short(void **state) {
    (void)state;
    bench_sample sample = {.device = "cpu"}, again;
    char *text = written(&sample);
    size_t last = (size_t)(strstr(text, "\"threads\": ") - text) + strlen("\"threads\": ");
    for (size_t n = 0; n <= last; n++) {
        char *part = strndup(text, n);
        assert_non_null(part);
        assert_false(bench_sample_read(part, &again));
        free(part);
    }
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_sample_and_back),
        cmocka_unit_test(test_sample_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
