/* test_calibrate.c: the candidates of a calibration, the choice among them, and shuffles. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

static const rkv_model_info model = {.n_layers = 10, .n_heads = 4, .n_kv_heads = 2};

static void free_specs(char **specs, size_t n) {
    for (size_t i = 0; i < n; i++)
        rkv_free(specs[i]);
    rkv_free(specs);
}

static void test_candidates(void **state) {
    (void)state;
    const char *signals[] = {"retr", "erank"};
    const double exponents[] = {-1, 0.5}, floors[] = {0.05}, shares[] = {0.1, 0.2, 0.5};
    const rkv_candidates c = {signals, exponents, floors, shares, 2, 2, 1, 3, true, true};
    char **specs;
    size_t n;
    assert_int_equal(rkv_candidates_list(&c, &model, 0.25, &specs, &n), RKV_OK);
    assert_int_equal(n, 1 + 2 * 2 * (2 + 2)); /* half of the units cannot be whole at a quarter */
    assert_string_equal(specs[0], "uniform");
    assert_string_equal(specs[1], "power:signal=retr,exponent=-1,floor=0.05,by=layer");
    assert_string_equal(specs[3], "top-k:signal=retr,top_k=1,by=layer");
    assert_string_equal(specs[8], "top-k:signal=retr,top_k=4,by=head");
    for (size_t i = 0; i < n; i++) {
        rkv_budget_options options = rkv_budget_options_default();
        char *signal, *shuffled;
        /* retr is of a profile: it is no metric, but the specification is well formed all the same */
        assert_int_equal(rkv_budget_options_parse(specs[i], &options, &signal), RKV_OK);
        rkv_free(signal);
        if (i == 0) continue;
        assert_int_equal(rkv_budget_spec_shuffle(specs[i], 7, &shuffled), RKV_OK);
        if (rkv_budget_options_parse(shuffled, &options, &signal)) fail_msg("%s", rkv_message());
        assert_string_equal(options.policy, "shuffled");
        assert_int_equal(options.seed, 7);
        rkv_free(signal);
        rkv_free(shuffled);
    }
    free_specs(specs, n);
}

/* Two tasks on four settings: what is best on one alone does not win. */
static void test_choice(void **state) {
    (void)state;
    rkv_setting settings[] = {{0, "full", NULL, 1, 0},
                              {0, "snapkv", "uniform", 0.5, 0},
                              {0, "snapkv", "inverse", 0.5, 0},
                              {0, "snapkv", "random", 0.5, 0}};
    rkv_eval_row rows[8] = {0};
    const double losses[4][2] = {{1, 1}, {3, 3}, {2.5, 2.75}, {1.5, 4.5}};
    for (size_t i = 0; i < 8; i++) {
        rows[i].setting = i / 2;
        rows[i].task = i % 2 ? RKV_TASK_COPY : RKV_TASK_NATURAL;
        rows[i].loss = losses[i / 2][i % 2];
    }
    rkv_results results = {.settings = settings, .n_settings = 4, .rows = rows, .n_rows = 8};
    size_t chosen = 99;
    double loss, uniform;
    assert_int_equal(rkv_calibration_choose(&results, &chosen, &loss, &uniform), RKV_OK);
    assert_int_equal(chosen, 2);
    assert_true(loss == 2.625 && uniform == 3);
    rows[5].task = RKV_TASK_PASSKEY; /* now it lacks a task of the first */
    assert_int_equal(rkv_calibration_choose(&results, &chosen, &loss, &uniform), RKV_OK);
    assert_int_equal(chosen, 1); /* of two with 3 the first */
    settings[1].budget = "pyramid";
    assert_int_equal(rkv_calibration_choose(&results, &chosen, &loss, &uniform), RKV_DATA);
}

/* Windows 0 and 1 have both settings, window 2 only the first. */
static void test_comparison(void **state) {
    (void)state;
    rkv_cell cells[] = {
        {.setting = 0, .window = 0, .question = 0, .task = RKV_TASK_NATURAL, .loss = 2},
        {.setting = 0, .window = 0, .question = 1, .task = RKV_TASK_RECALL, .loss = 4},
        {.setting = 0, .window = 0, .question = 2, .task = RKV_TASK_RECALL, .loss = 6},
        {.setting = 0, .window = 1, .question = 0, .task = RKV_TASK_NATURAL, .loss = 3},
        {.setting = 0, .window = 2, .question = 0, .task = RKV_TASK_NATURAL, .loss = 9},
        {.setting = 1, .window = 0, .question = 0, .task = RKV_TASK_NATURAL, .loss = 1},
        {.setting = 1, .window = 0, .question = 1, .task = RKV_TASK_RECALL, .loss = 1},
        {.setting = 1, .window = 0, .question = 2, .task = RKV_TASK_RECALL, .loss = 1},
        {.setting = 1, .window = 1, .question = 0, .task = RKV_TASK_NATURAL, .loss = 4},
    };
    rkv_results results = {.cells = cells, .n_cells = sizeof cells / sizeof *cells, .n_windows = 3};
    rkv_paired paired;
    assert_int_equal(rkv_results_compare(&results, 0, 1, &paired), RKV_OK);
    assert_int_equal(paired.n, 2);
    assert_int_equal(paired.n_below, 1);
    assert_true(paired.mean == ((2 + 5) / 2.0 - 1 + (3 - 4)) / 2);
    results.n_cells = 5;
    assert_int_equal(rkv_results_compare(&results, 0, 1, &paired), RKV_OK);
    assert_true(paired.n == 0 && isnan(paired.mean));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_candidates), cmocka_unit_test(test_choice),
                                       cmocka_unit_test(test_comparison)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
