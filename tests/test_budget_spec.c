/* test_budget_spec.c: options from specifications, budgets that follow a profile, and what calibration chose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/budget.h>

#include "support/sample_analysis.h"
#include "support/sample_profile.h"

/* ---- specifications ---- */

static rkv_budget_options parse(const char *spec, char **signal) {
    rkv_budget_options options = rkv_budget_options_default();
    if (rkv_budget_options_parse(spec, &options, signal)) fail_msg("%s: %s", spec, rkv_message());
    return options;
}

static void test_what_a_specification_says(void **state) {
    (void)state;
    char *signal;
    rkv_budget_options o = parse("uniform", &signal);
    assert_string_equal(o.policy, "uniform");
    assert_string_equal(o.signal, "erank");
    assert_null(signal);
    o = parse("power:signal=retr,exponent=-0.5,by=head,within_layer=yes,combine=mean,min=2,max=77", &signal);
    assert_string_equal(o.policy, "power");
    assert_ptr_equal(o.signal, signal);
    assert_string_equal(signal, "retr");
    assert_true(o.exponent == -0.5 && o.floor == 0.05);
    assert_true(o.granularity == RKV_BY_HEAD && o.within_layer && o.combine == RKV_AGGREGATE_MEAN);
    assert_true(o.min == 2 && o.max == 77 && o.aggregate == RKV_AGGREGATE_COUNT);
    rkv_free(signal);
    o = parse("random:seed=18446744073709551615,by=layer", &signal);
    assert_true(o.seed == UINT64_MAX && o.granularity == RKV_BY_LAYER);
    o = parse("top-k:top_k=0,aggregate=head-mean-matrix", &signal);
    assert_true(o.top_k == 0 && o.aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX);
    o = parse("adaptive:low_percentile=10,high_percentile=90,low_weight=1e-3,mid_weight=2,high_weight=3",
              &signal);
    assert_true(o.low_percentile == 10 && o.high_percentile == 90 && o.low_weight == 1e-3);
}

/* Back to the same options, written the same. */
static void test_specifications_are_written(void **state) {
    (void)state;
    const char *const specs[] = {
        "uniform",
        "proportional:signal=retr",
        "power:exponent=-0.5,by=head,within_layer=yes,min=2,max=77,signal=prompt.ind1,combine=mean",
        "random:seed=18446744073709551615,by=head",
        "top-k:top_k=0,aggregate=head-mean-matrix",
        "shuffled:policy=power,exponent=2,seed=3",
        "shuffled:policy=calibrated,seed=1",
        "calibrated",
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        char *signal = NULL, *spec = NULL;
        rkv_budget_options o = rkv_budget_options_default();
        if (strstr(specs[i], "calibrated")) { /* what it stands for is the profile's matter */
            o.policy = i + 1 == sizeof specs / sizeof *specs ? "calibrated" : "shuffled";
            o.shuffled_policy = "calibrated";
            o.seed = 1;
        } else {
            o = parse(specs[i], &signal);
        }
        assert_int_equal(rkv_budget_options_to_spec(&o, &spec), RKV_OK);
        assert_string_equal(spec, specs[i]);
        rkv_free(spec);
        rkv_free(signal);
    }
    rkv_budget_options o = {.policy = "none"};
    char *spec = NULL;
    assert_int_equal(rkv_budget_options_to_spec(&o, &spec), RKV_USAGE);
}

/* The dealt policy's options may stand on either side of its name. */
static void test_shuffles_take_the_options_of_the_policy(void **state) {
    (void)state;
    const char *const specs[] = {"shuffled:policy=power,exponent=2,seed=3",
                                 "shuffled:seed=3,exponent=2,policy=power"};
    for (size_t i = 0; i < 2; i++) {
        char *signal;
        rkv_budget_options o = parse(specs[i], &signal);
        assert_string_equal(o.policy, "shuffled");
        assert_string_equal(o.shuffled_policy, "power");
        assert_true(o.exponent == 2 && o.seed == 3);
    }
}

static void test_what_is_not_given_stays(void **state) {
    (void)state;
    rkv_budget_options o = rkv_budget_options_default();
    char *signal;
    o.signal = "ind1";
    o.exponent = 7;
    o.granularity = RKV_BY_HEAD;
    o.ratio = 0.25;
    assert_int_equal(rkv_budget_options_parse("power:floor=1", &o, &signal), RKV_OK);
    assert_null(signal);
    assert_string_equal(o.signal, "ind1");
    assert_true(o.exponent == 7 && o.floor == 1 && o.granularity == RKV_BY_HEAD && o.ratio == 0.25);
}

static void test_refusals_name_option_value_and_limit(void **state) {
    (void)state;
    const char *const cases[][2] = {
        {"", "no policy is called \"\"; there are: proportional"},
        {"powr", "no policy is called \"powr\""},
        {"power:", "power: an option is empty"},
        {"power:exponent=1,", "power: an option is empty"},
        {"power:tau=1", "power has no option \"tau\"; it has: exponent, floor, by, within_layer, min, max, "
                        "signal, aggregate, combine"},
        {"power:exponent", "power: exponent needs a number of -100 to 100"},
        {"power:exponent=", "power: exponent is \"\", not a number of -100 to 100"},
        {"power:exponent=1e3", "exponent is \"1e3\", not a number of -100 to 100"},
        {"power:exponent=nan", "exponent is \"nan\""},
        {"power:exponent=1,exponent=2", "power: exponent is given twice"},
        {"power:signal=", "signal is \"\", not the name of a signal"},
        {"power:signal=a,signal=b", "signal is given twice"},
        {"power:by=query", "by is \"query\", not layer or head"},
        {"power:within_layer=true", "within_layer is \"true\", not yes or no"},
        {"power:aggregate=average", "not mean, median, max, min or head-mean-matrix"},
        {"power:combine=head-mean-matrix", "not max, mean, median or min"},
        {"power:min=-1", "min is \"-1\", not a whole number of 0 to 2147483647"},
        {"power:max=0", "max is \"0\", not a whole number of 1 to"},
        {"uniform:signal=retr", "uniform has no option \"signal\"; it has: by, within_layer, min, max"},
        {"shuffled:policy=uniform,signal=retr", "shuffled has no option \"signal\""},
        {"shuffled:policy=best", "policy is \"best\", not a policy"},
        {"shuffled:policy=power,policy=inverse", "policy is given twice"},
        {"random:seed=18446744073709551616", "not a whole number below 2^64"},
        {"calibrated", "policy calibrated needs a profile"},
        {"calibrated:seed=1", "calibrated has no option \"seed\"; it has none"},
        {"shuffled:policy=calibrated", "policy calibrated needs a profile"},
        {"shuffled:policy=calibrated,by=head", "it has: policy, seed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rkv_budget_options before = rkv_budget_options_default();
        rkv_budget_options options = before;
        char *signal = (char *)8;
        assert_int_equal(rkv_budget_options_parse(cases[i][0], &options, &signal), RKV_USAGE);
        assert_null(signal);
        assert_memory_equal(&options, &before, sizeof options);
        if (!strstr(rkv_message(), cases[i][1]))
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i][0], rkv_message(), cases[i][1]);
    }
}

/* Whatever is cut off or changed in a specification: an answer, and no more. */
static void test_mangled_specifications(void **state) {
    (void)state;
    const char whole[] = "shuffled:policy=power,signal=retr,exponent=0.5,by=head,seed=3";
    const char marks[] = ":=,x0.-\xff";
    for (size_t i = 0; i < sizeof whole; i++)
        for (size_t m = 0; m < sizeof marks; m++) {
            char spec[sizeof whole], *signal;
            memcpy(spec, whole, sizeof whole);
            if (i < sizeof whole - 1) spec[i] = marks[m];
            rkv_budget_options options = rkv_budget_options_default();
            rkv_status status = rkv_budget_options_parse(spec, &options, &signal);
            assert_true(status == RKV_OK || status == RKV_USAGE);
            rkv_free(signal);
        }
}

/* ---- budgets from a profile ---- */

static void put(rkv_profile *p, const char *name, bool per_kv_head, double *values) {
    const rkv_signal signal = {(char *)name, (char[]){"mass"}, NULL, NULL, per_kv_head, values};
    if (rkv_profile_put(p, &signal)) fail_msg("%s", rkv_message());
}

/* Two layers, four query heads in two groups, 100 tokens: the numbers of test_budget.c's
 * test_heads_are_combined, from a profile. */
static void test_budgets_follow_the_profile(void **state) {
    (void)state;
    rkv_analysis *a = sample_analysis(2, 4, 2, 100, 12);
    rkv_profile *p = sample_profile(&a->model, 1);
    put(p, "retr", false, (double[]){1, 3, 2, 2, 4, 0, 1, 7});
    put(p, "sink_4", true, (double[]){1, 1, 3, 3}); /* goes before the metric of its name */
    const struct {
        const char *spec;
        size_t wanted[4];
    } cases[] = {
        {"proportional:signal=retr", {40, 60}}, /* the mean, however the analysis was made: 2 : 3 */
        {"proportional:signal=retr,aggregate=max", {30, 70}},
        {"proportional:signal=sink_4", {25, 75}},
        {"proportional:signal=retr,by=head", {37, 25, 50, 88}},
        {"proportional:signal=sink_4,by=head", {25, 25, 75, 75}},
        {"proportional:signal=profile.sink_4", {25, 75}},
    };
    a->aggregate = RKV_AGGREGATE_MAX;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rkv_budget_options options = rkv_budget_options_default();
        rkv_budget *b;
        char *signal;
        options.total = 100;
        options.profile = p;
        if (rkv_budget_options_parse(cases[i].spec, &options, &signal)) fail_msg("%s", rkv_message());
        assert_false(rkv_budget_needs_analysis(&options));
        if (rkv_budget_allocate(&b, a, &options)) fail_msg("%s: %s", cases[i].spec, rkv_message());
        assert_string_equal(b->signal, strchr(signal, '.') ? strchr(signal, '.') + 1 : signal);
        assert_non_null(strstr(b->options_json, "\"from_profile\": true"));
        assert_memory_equal(b->heads ? b->heads : b->layers, cases[i].wanted,
                            (b->heads ? 4 : 2) * sizeof(size_t));
        rkv_budget_free(b);
        rkv_free(signal);
    }
    rkv_profile_free(p);
    rkv_analysis_free(a);
}

/* Where nothing of the prompt is read, an analysis with a shape and a length will do. */
static void test_what_needs_an_analysis(void **state) {
    (void)state;
    const struct {
        const char *spec;
        bool with_profile, needs;
    } cases[] = {
        {"uniform", false, false},
        {"pyramid:by=head,within_layer=yes", false, false},
        {"shuffled:policy=random", false, false},
        {"shuffled:policy=inverse", false, true},
        {"proportional", true, true},
        {"power:signal=retr", true, false},
        {"power:signal=ind1", true, true},
        {"power:signal=prompt.sink_4", true, true},
        {"power:signal=profile.retr", true, false},
        {"shuffled:policy=top-k,signal=oerr,top_k=1,by=head", true, false},
        {"calibrated", true, false},
    };
    rkv_analysis *whole = sample_analysis(3, 4, 2, 60, 1);
    rkv_profile *p = sample_profile(&whole->model, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rkv_budget_options options = rkv_budget_options_default();
        rkv_analysis bare = {.model = whole->model, .prompt_name = (char[]){"bare"}, .n_tokens = 60};
        rkv_budget *b, *same;
        char *signal;
        if (cases[i].with_profile) options.profile = p;
        assert_int_equal(rkv_budget_options_parse(cases[i].spec, &options, &signal), RKV_OK);
        if (rkv_budget_needs_analysis(&options) != cases[i].needs) fail_msg("%s", cases[i].spec);
        assert_int_equal(rkv_budget_allocate(&b, whole, &options), RKV_OK);
        rkv_status status = rkv_budget_allocate(&same, &bare, &options);
        assert_int_equal(status, cases[i].needs ? RKV_DATA : RKV_OK);
        if (!status) assert_memory_equal(b->layers, same->layers, 3 * sizeof *b->layers);
        rkv_budget_free(b);
        rkv_budget_free(same);
        rkv_free(signal);
    }
    rkv_profile_free(p);
    rkv_analysis_free(whole);
}

static void test_unknown_signals_and_other_models(void **state) {
    (void)state;
    rkv_analysis *a = sample_analysis(3, 4, 2, 60, 1), *other = sample_analysis(4, 4, 2, 60, 1);
    rkv_profile *p = sample_profile(&a->model, 2);
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *b;
    options.signal = "recall";
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "erank_v; others need a profile"));
    options.profile = p;
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "erank_v; in the profile: retr, oerr"));
    options.signal = "retr";
    assert_int_equal(rkv_budget_allocate(&b, other, &options), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "the profile is of Sample"));
    options.aggregate = RKV_AGGREGATE_HEAD_MEAN_MATRIX;
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "not retr of the profile"));
    rkv_profile_free(p);
    rkv_analysis_free(other);
    rkv_analysis_free(a);
}

/* ---- calibrated ---- */

static rkv_budget *allocate(const rkv_analysis *a, const rkv_profile *p, const char *spec) {
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *b;
    char *signal;
    options.profile = p;
    if (rkv_budget_options_parse(spec, &options, &signal)) fail_msg("%s: %s", spec, rkv_message());
    if (rkv_budget_allocate(&b, a, &options)) fail_msg("%s: %s", spec, rkv_message());
    rkv_free(signal);
    return b;
}

static void assert_same(rkv_budget *x, rkv_budget *y) {
    char *x_json, *y_json;
    assert_int_equal(rkv_budget_to_json(x, &x_json), RKV_OK);
    assert_int_equal(rkv_budget_to_json(y, &y_json), RKV_OK);
    assert_string_equal(x_json, y_json);
    rkv_free(x_json);
    rkv_free(y_json);
    rkv_budget_free(x);
    rkv_budget_free(y);
}

/* By its name, through options or a specification, it is what the calibration says; and so are its shuffles.
 */
static void test_calibrated_is_what_the_profile_says(void **state) {
    (void)state;
    rkv_analysis *a = sample_analysis(3, 4, 2, 60, 1);
    rkv_profile *p = sample_profile(&a->model, 2);
    const char *chosen = p->calibration->budget;
    assert_same(allocate(a, p, "calibrated"), allocate(a, p, chosen));
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *b;
    options.policy = "calibrated";
    options.profile = p;
    assert_false(rkv_budget_needs_analysis(&options));
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_OK);
    assert_string_equal(b->policy, "power");
    assert_string_equal(b->signal, "retr");
    assert_same(b, allocate(a, p, chosen));
    assert_same(allocate(a, p, "shuffled:policy=calibrated,seed=5"),
                allocate(a, p, "shuffled:policy=power,signal=retr,exponent=0.5,by=head,seed=5"));
    rkv_profile_free(p);
    rkv_analysis_free(a);
}

static void test_calibrations_that_cannot_be_used(void **state) {
    (void)state;
    const char *const specs[] = {"calibrated", "shuffled:policy=calibrated", "power:exponent=x", ""};
    rkv_analysis *a = sample_analysis(3, 4, 2, 60, 1);
    rkv_profile *p = sample_profile(&a->model, 2);
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *b;
    options.profile = p;
    options.policy = "calibrated";
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        const rkv_calibration calibration = {.budget = (char *)specs[i]};
        assert_int_equal(rkv_profile_set_calibration(p, &calibration), RKV_OK);
        assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_DATA);
        assert_non_null(strstr(rkv_message(), "the calibration of the profile: "));
    }
    const rkv_calibration shuffled = {.budget = (char[]){"shuffled:policy=inverse"}};
    assert_int_equal(rkv_profile_set_calibration(p, &shuffled), RKV_OK);
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_OK);
    rkv_budget_free(b);
    options.policy = "shuffled";
    options.shuffled_policy = "calibrated";
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_DATA); /* a shuffle of a shuffle */
    assert_int_equal(rkv_profile_set_calibration(p, NULL), RKV_OK);
    assert_int_equal(rkv_budget_allocate(&b, a, &options), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "the profile has no calibration"));
    assert_true(rkv_budget_needs_analysis(&options));
    rkv_profile_free(p);
    rkv_analysis_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_specification_says),
        cmocka_unit_test(test_specifications_are_written),
        cmocka_unit_test(test_shuffles_take_the_options_of_the_policy),
        cmocka_unit_test(test_what_is_not_given_stays),
        cmocka_unit_test(test_refusals_name_option_value_and_limit),
        cmocka_unit_test(test_mangled_specifications),
        cmocka_unit_test(test_budgets_follow_the_profile),
        cmocka_unit_test(test_what_needs_an_analysis),
        cmocka_unit_test(test_unknown_signals_and_other_models),
        cmocka_unit_test(test_calibrated_is_what_the_profile_says),
        cmocka_unit_test(test_calibrations_that_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
