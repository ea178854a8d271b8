/* test_analysis_memory.c: the k-th allocation fails, for every k: opening a model, prefilling, analysing and
 * probing say so, and nothing leaks (the sanitizers' build looks). LAPACKE's own allocations are left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "support/failing_allocator.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

static rkv_status analyse(rkv_weights weights, rkv_aggregate aggregate) {
    static const int32_t ids[] = {5, 9, 9, 30, 5};
    rkv_model_options how = {.weights = weights};
    rkv_analyze_options options = {.aggregate = aggregate};
    rkv_model *model = NULL;
    rkv_analysis *analysis = NULL;
    rkv_status status = rkv_model_open(&model, temporary_path("tiny.gguf"), &how);
    if (!status) status = rkv_analyze(&analysis, model, ids, sizeof ids / sizeof *ids, &options);
    assert_int_equal(status == RKV_OK, analysis != NULL);
    rkv_analysis_free(analysis);
    rkv_model_close(model);
    return status;
}

/* The probe, and the analysis as a profile. */
static rkv_status probe_and_average(void) {
    static const int32_t ids[] = {5, 9, 9, 30, 5};
    rkv_model *model = NULL;
    rkv_analysis *analysis = NULL;
    rkv_profile *profile = NULL, *average = NULL;
    rkv_status status =
        rkv_model_open(&model, temporary_path("tiny.gguf"), &(rkv_model_options){.device = "cpu"});
    if (!status) status = rkv_probe(&profile, model, &(rkv_probe_options){.n_random = 16, .n_seeds = 2});
    if (!status) status = rkv_analyze(&analysis, model, ids, sizeof ids / sizeof *ids, NULL);
    if (!status) status = rkv_profile_average(&average, (const rkv_analysis *const *)&analysis, 1);
    if (!status) status = rkv_profile_merge(profile, average);
    const int32_t *const texts[] = {ids};
    const size_t n = sizeof ids / sizeof *ids;
    if (!status)
        status = rkv_profile_add_oerr(profile, model, texts, &n, 1,
                                      &(rkv_oerr_options){.method = "window", .ratio = 0.5});
    rkv_profile_free(average);
    rkv_profile_free(profile);
    rkv_analysis_free(analysis);
    rkv_model_close(model);
    return status;
}

static void fail_each(rkv_weights weights, rkv_aggregate aggregate) {
    long k = 0;
    for (;; k++) {
        allocation_failed = false;
        allocations_left = k;
        rkv_status status = analyse(weights, aggregate);
        allocations_left = -1;
        if (!allocation_failed) break;
        assert_int_equal(status, RKV_NO_MEMORY);
    }
    printf("%ld allocations failed in turn\n", k);
    assert_true(k > 50);
}

static void test_every_allocation_of_a_profile_may_fail(void **state) {
    (void)state;
    temporary_make();
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), &(tiny_model_options){.n_layers = 1}),
                     RKV_OK);
    for (long k = 0;; k++) {
        allocation_failed = false;
        allocations_left = k;
        rkv_status status = probe_and_average();
        allocations_left = -1;
        if (!allocation_failed) break;
        assert_int_equal(status, RKV_NO_MEMORY);
    }
    temporary_remove();
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    temporary_make();
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), &(tiny_model_options){.n_layers = 1}),
                     RKV_OK);
    fail_each(RKV_WEIGHTS_RESIDENT, RKV_AGGREGATE_MEAN);
    fail_each(RKV_WEIGHTS_STREAMED, RKV_AGGREGATE_HEAD_MEAN_MATRIX);
    temporary_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail),
                                       cmocka_unit_test(test_every_allocation_of_a_profile_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
