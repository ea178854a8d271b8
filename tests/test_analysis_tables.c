/* test_analysis_tables.c: metrics, aggregates and solvers by name, and what aggregates give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/analysis.h>

static void test_metrics_are_found_by_their_names(void **state) {
    (void)state;
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++) {
        const rkv_metric_info *info = rkv_metric_get_info((rkv_metric)m);
        assert_int_equal(rkv_metric_find(info->name), m);
        assert_true(*info->unit && *info->summary);
    }
    assert_int_equal(rkv_metric_find("erank_q"), RKV_METRIC_COUNT);
    assert_null(rkv_metric_get_info(RKV_METRIC_COUNT));
    assert_true(rkv_metric_get_info(RKV_ERANK_K)->per_kv_head);
    assert_false(rkv_metric_get_info(RKV_ERANK)->per_kv_head);
}

static void test_aggregates_are_found_by_their_names(void **state) {
    (void)state;
    for (size_t i = 0; i < RKV_AGGREGATE_COUNT; i++) {
        assert_int_equal(rkv_aggregate_find(rkv_aggregate_name((rkv_aggregate)i)), i);
        assert_true(*rkv_aggregate_summary((rkv_aggregate)i));
    }
    assert_int_equal(rkv_aggregate_find("average"), RKV_AGGREGATE_COUNT);
    assert_null(rkv_aggregate_name(RKV_AGGREGATE_COUNT));
    assert_null(rkv_aggregate_summary(RKV_AGGREGATE_COUNT));
    assert_string_equal(rkv_solver_name(RKV_SOLVER_GRAM), "gram");
    assert_string_equal(rkv_solver_name(RKV_SOLVER_SVD), "svd");
    assert_null(rkv_solver_name((rkv_solver)9));
}

static void test_aggregates_of_values(void **state) {
    (void)state;
    const double odd[] = {5, 1, 3, 3, 100}, even[] = {4, 1, 2, 100}, one[] = {7},
                 large[] = {1.7e308, 1.7e308};
    assert_true(fabs(rkv_aggregate_values(RKV_AGGREGATE_MEAN, odd, 5) - 22.4) < 1e-12);
    assert_true(rkv_aggregate_values(RKV_AGGREGATE_MEDIAN, odd, 5) == 3);
    assert_true(rkv_aggregate_values(RKV_AGGREGATE_MEDIAN, even, 4) == 3);
    assert_true(rkv_aggregate_values(RKV_AGGREGATE_MAX, odd, 5) == 100);
    assert_true(rkv_aggregate_values(RKV_AGGREGATE_MIN, odd, 5) == 1);
    assert_true(rkv_aggregate_values(RKV_AGGREGATE_MEAN, large, 2) == 1.7e308);
    assert_true(rkv_aggregate_values(RKV_AGGREGATE_MEDIAN, large, 2) == 1.7e308);
    for (size_t i = 0; i < RKV_AGGREGATE_HEAD_MEAN_MATRIX; i++)
        assert_true(rkv_aggregate_values((rkv_aggregate)i, one, 1) == 7);
}

static void test_aggregates_that_have_no_value(void **state) {
    (void)state;
    const double values[] = {1, NAN, 3};
    for (size_t i = 0; i <= RKV_AGGREGATE_COUNT; i++) {
        assert_true(isnan(rkv_aggregate_values((rkv_aggregate)i, values, 3)));
        assert_true(isnan(rkv_aggregate_values((rkv_aggregate)i, values, 0)));
    }
    assert_true(isnan(rkv_aggregate_values(RKV_AGGREGATE_HEAD_MEAN_MATRIX, (double[]){1, 2}, 2)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_are_found_by_their_names),
        cmocka_unit_test(test_aggregates_are_found_by_their_names),
        cmocka_unit_test(test_aggregates_of_values),
        cmocka_unit_test(test_aggregates_that_have_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
