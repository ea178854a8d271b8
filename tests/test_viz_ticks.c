/* test_viz_ticks.c: ticks are round, in range, in order and no more than asked for. */
#include "test_viz_common.h"

#include <math.h>

#include "viz/ticks.h"

static void check_ticks(const rkv_tick *tick, size_t n, double low, double high, size_t most) {
    assert_true(n <= most);
    for (size_t i = 0; i < n; i++) {
        assert_true(tick[i].value >= low - 1e-9 * (high - low) &&
                    tick[i].value <= high + 1e-9 * (high - low));
        assert_true(strlen(tick[i].label) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(tick[i].label, tick[j].label);
    }
}

static void test_linear(void **state) {
    (void)state;
    rkv_random random = {3};
    for (int k = 0; k < 2000; k++) {
        rkv_tick tick[RKV_TICK_LIMIT];
        double high = pow(10, 12 * rkv_random_unit(&random) - 5);
        size_t most = 2 + rkv_random_below(&random, 12), n = rkv_ticks_linear(0, high, most, tick);
        assert_true(n >= 2 || most < 3);
        check_ticks(tick, n, 0, high, most);
        assert_true(tick[0].value == 0);
        for (size_t i = 2; i < n; i++)
            assert_true(fabs(tick[i].value - (double)i * tick[1].value) < 1e-9 * high);
    }
}

static void test_log(void **state) {
    (void)state;
    rkv_random random = {4};
    for (int k = 0; k < 2000; k++) {
        rkv_tick tick[RKV_TICK_LIMIT];
        double low = pow(10, 8 * rkv_random_unit(&random) - 6),
               high = low * pow(10, 0.01 + 9 * rkv_random_unit(&random));
        size_t most = 2 + rkv_random_below(&random, 10);
        check_ticks(tick, rkv_ticks_log(low, high, most, tick), low, high, most);
    }
}

static void test_attention_scale(void **state) {
    (void)state;
    static const char *const expected[] = {"1",
                                           "10\u207B\u00B9",
                                           "10\u207B\u00B2",
                                           "10\u207B\u00B3",
                                           "10\u207B\u2074",
                                           "10\u207B\u2075",
                                           "10\u207B\u2076"};
    rkv_tick tick[RKV_TICK_LIMIT];
    assert_int_equal(rkv_ticks_log(1e-6, 1, 8, tick), COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_string_equal(tick[i].label, expected[i]);
}

static void test_powers_of_two(void **state) {
    (void)state;
    rkv_tick tick[RKV_TICK_LIMIT];
    assert_int_equal(rkv_ticks_log2(2.2, 40, 8, tick), 4);
    assert_string_equal(tick[0].label, "32");
    assert_string_equal(tick[3].label, "4");
    assert_int_equal(rkv_ticks_log2(1. / 16, 1048576, 5, tick), 5);
    assert_string_equal(tick[0].label, "2\u00B2\u2070");
    assert_int_equal(rkv_ticks_log2(0, 8, 5, tick), 0);
    assert_int_equal(rkv_ticks_log2(8, 8, 5, tick), 0);
}

/* Labels on both sides of 0, of large and of small numbers; all differ. */
static void test_linear_labels(void **state) {
    (void)state;
    static const struct {
        double low, high;
        const char *first;
    } rows[] = {{-0.3, 0.3, "\u22120.2"},
                {-1, -0.5, "\u22121.0"},
                {0, 1e30, "0"},
                {2e30, 6e30, "2\u00D710\u00B3\u2070"},
                {1e-9, 3e-9, "1.0\u00D710\u207B\u2079"},
                {1e9, 1e9 + 4, "1000000000"},
                {-5e8, 5e8, "\u22124\u00D710\u2078"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        rkv_tick tick[RKV_TICK_LIMIT];
        size_t n = rkv_ticks_linear(rows[i].low, rows[i].high, 5, tick);
        assert_true(n >= 2);
        check_ticks(tick, n, rows[i].low, rows[i].high, 5);
        assert_string_equal(tick[0].label, rows[i].first);
    }
}

static void test_ranges_without_ticks(void **state) {
    (void)state;
    rkv_tick tick[RKV_TICK_LIMIT];
    assert_int_equal(rkv_ticks_linear(1, 1, 5, tick), 0);
    assert_int_equal(rkv_ticks_linear(0, NAN, 5, tick), 0);
    assert_int_equal(rkv_ticks_linear(0, INFINITY, 5, tick), 0);
    assert_int_equal(rkv_ticks_linear(0, 1, 0, tick), 0);
    assert_int_equal(rkv_ticks_log(0, 1, 5, tick), 0);
    assert_int_equal(rkv_ticks_log(1, 1, 5, tick), 0);
    assert_true(rkv_ticks_linear(0, 1e300, 5, tick) <= 5);
    assert_true(rkv_ticks_log(1e-300, 1e300, 5, tick) <= 5);
}

static void test_round_step(void **state) {
    (void)state;
    static const struct {
        double least;
        size_t step;
    } rows[] = {{0, 1}, {1, 1}, {1.1, 2}, {3, 5}, {5, 5}, {5.1, 10}, {11, 20}, {51, 100}, {4e6, 5000000}};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(rkv_round_step(rows[i].least), rows[i].step);
}

static void test_short_numbers(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "0"},        {1, "1"},        {2047.6, "2048"}, {123.4, "123"}, {99.96, "100"},
                {99.94, "99.9"}, {9.996, "10.0"}, {9.99, "9.99"},   {0.5, "0.50"},  {0.01, "0.01"},
                {0.009, "9e-3"}, {3e-5, "3e-5"},  {123456, "1e5"},  {NAN, ""},      {INFINITY, ""},
                {-2.5, "-2.50"}, {1e-12, "1e-12"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[RKV_SHORT_NUMBER];
        rkv_format_short(rows[i].value, text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),          cmocka_unit_test(test_log),
        cmocka_unit_test(test_attention_scale), cmocka_unit_test(test_ranges_without_ticks),
        cmocka_unit_test(test_powers_of_two),   cmocka_unit_test(test_linear_labels),
        cmocka_unit_test(test_round_step),      cmocka_unit_test(test_short_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
