/* test_allocation_failures.c: the k-th allocation fails, for every k: the call says so, and nothing leaks
 * (the sanitizers' build looks).
 * jansson's own allocations are left alone: its 2.14 asserts when one of them fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/budget.h>

#include "support/failing_allocator.h"
#include "support/sample_analysis.h"
#include "support/sample_profile.h"
#include "support/temporary.h"

/* ---- the calls ---- */

static rkv_analysis *analysis;
static rkv_budget *budget;
static rkv_profile *profile;

static rkv_status allocate(rkv_granularity granularity, bool within_layer, const char *policy) {
    rkv_budget_options options = rkv_budget_options_default();
    options.policy = policy;
    options.shuffled_policy = "top-k";
    options.top_k = 1;
    options.granularity = granularity;
    options.within_layer = within_layer;
    rkv_budget *b;
    rkv_status status = rkv_budget_allocate(&b, analysis, &options);
    assert_int_equal(status == RKV_OK, b != NULL);
    rkv_budget_free(b);
    return status;
}

static rkv_status by_layer(void) {
    return allocate(RKV_BY_LAYER, false, "adaptive");
}

static rkv_status by_head(void) {
    return allocate(RKV_BY_HEAD, false, "shuffled");
}

static rkv_status within_layer(void) {
    return allocate(RKV_BY_HEAD, true, "softmax");
}

static rkv_status by_profile(void) {
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *b = NULL;
    rkv_profile *p;
    char *signal = NULL;
    rkv_status status = rkv_profile_new(&p, &profile->model);
    if (!status) status = rkv_profile_merge(p, profile);
    options.profile = p;
    if (!status) status = rkv_budget_options_parse("shuffled:policy=calibrated", &options, &signal);
    if (!status) status = rkv_budget_allocate(&b, analysis, &options);
    rkv_budget_free(b);
    rkv_free(signal);
    rkv_profile_free(p);
    return status;
}

static rkv_status save_analysis(void) {
    return rkv_analysis_save(analysis, budget, temporary_path("analysis.json"));
}

static rkv_status load_analysis(void) {
    rkv_analysis *a;
    rkv_status status = rkv_analysis_load(&a, temporary_path("analysis.json"));
    rkv_analysis_free(a);
    return status;
}

static rkv_status save_csv(void) {
    return rkv_analysis_save_csv(analysis, temporary_path("ranks.csv"));
}

static rkv_status save_budget(void) {
    return rkv_budget_save(budget, temporary_path("budget.json"));
}

static rkv_status load_budget(void) {
    rkv_budget *b;
    rkv_status status = rkv_budget_load(&b, temporary_path("budget.json"));
    rkv_budget_free(b);
    return status;
}

static rkv_status save_profile(void) {
    return rkv_profile_save(profile, temporary_path("profile.json"));
}

static rkv_status load_profile(void) {
    rkv_profile *p;
    rkv_status status = rkv_profile_load(&p, temporary_path("profile.json"));
    rkv_profile_free(p);
    return status;
}

static rkv_status export_all(void) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && rkv_exporter_at(i); i++)
        status = rkv_budget_export(budget, analysis, rkv_exporter_at(i)->name, temporary_path("export"));
    return status;
}

/* A file that is in place stays, even where memory for syncing its folder is missing: a call that writes
 * files may succeed once for each of them. */
static const struct call {
    rkv_status (*run)(void);
    int files;
} calls[] = {
    {by_layer, 0},      {by_head, 0},       {within_layer, 0}, {by_profile, 0},
    {save_analysis, 1}, {load_analysis, 0}, {save_csv, 1},     {save_budget, 1},
    {load_budget, 0},   {export_all, 4},    {save_profile, 1}, {load_profile, 0},
};

/* Fails allocation 0, 1, 2 ... until the call gets through without meeting the failure. */
static void fail_each(const struct call *call) {
    int successes = 0;
    rkv_status status;
    for (long k = 0;; k++) {
        allocations_left = k;
        allocation_failed = false;
        status = call->run();
        allocations_left = -1;
        if (!allocation_failed) break;
        assert_true(status == RKV_NO_MEMORY || (status == RKV_OK && ++successes <= call->files));
    }
    if (status) fail_msg("%s", rkv_message());
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        fail_each(&calls[i]);
}

static int make(void **state) {
    (void)state;
    temporary_make();
    analysis = sample_analysis(3, 4, 2, 60, 1);
    profile = analysis ? sample_profile(&analysis->model, 1) : NULL;
    if (!profile || rkv_budget_allocate(&budget, analysis, NULL)) return 1;
    return save_analysis() || save_budget() || save_profile();
}

static int drop(void **state) {
    (void)state;
    rkv_budget_free(budget);
    rkv_profile_free(profile);
    rkv_analysis_free(analysis);
    temporary_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
