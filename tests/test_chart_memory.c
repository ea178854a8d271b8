/* test_chart_memory.c: the k-th allocation fails, for every k: a chart says so and leaves nothing behind. */
#include "support/failing_allocator.h"
#include "test_viz_common.h"

#include <rankkv/chart.h>
#include <rankkv/eval.h>

static const double x[] = {0, 1, 2}, y[] = {3, 5, 4}, low[] = {2, 4, 3}, high[] = {4, 6, 5}, rule[] = {4.5};
static const char *const labels[] = {"a", "b", "c"}, *const rule_name[] = {"half"};

static rkv_series series(const char *name, rkv_mark mark, bool muted) {
    return (rkv_series){
        .name = name, .x = x, .y = y, .low = low, .high = high, .n = 3, .mark = mark, .muted = muted};
}

static rkv_status save(const char *path, rkv_picture_format format) {
    rkv_series all[] = {series("line", RKV_MARK_LINE, false), series("point", RKV_MARK_POINT, true),
                        series("step", RKV_MARK_STEP, false), series(NULL, RKV_MARK_BAR, false)};
    rkv_panel panel[2] = {{.title = "one",
                           .x = {.title = "x", .labels = labels, .n_labels = 3},
                           .y = {.title = "y"},
                           .series = all,
                           .n_series = COUNT(all),
                           .rules = rule,
                           .rule_names = rule_name,
                           .n_rules = 1},
                          {.y = {.scale = RKV_AXIS_LOG10}, .series = all, .n_series = 1}};
    rkv_chart chart = {.title = "title", .subtitle = "two\nlines", .note = "note", .panels = panel};
    chart.n_panels = 2;
    chart.same_y = true;
    return rkv_chart_save(&chart, path, format);
}

/* A picture that is in place stays, even where memory for syncing its folder is missing: one success is
 * allowed. */
static void fail_each(const char *path, rkv_picture_format format) {
    int successes = 0;
    for (long k = 0;; k++) {
        allocations_left = k;
        allocation_failed = false;
        rkv_status status = save(path, format);
        allocations_left = -1;
        if (!allocation_failed) {
            assert_int_equal(status, RKV_OK);
            return;
        }
        if (status == RKV_OK && ++successes <= 1) continue;
        if (status != RKV_NO_MEMORY) fail_msg("allocation %ld: %d %s", k, (int)status, rkv_message());
        if (successes == 0) assert_int_equal(access(path, F_OK), -1);
    }
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    char *folder = make_test_folder(), *path = path_in(folder, "chart");
    rkv_status status = save(path, RKV_PICTURE_SVG);
    unlink(path);
    if (status != RKV_UNAVAILABLE) {
        fail_each(path, RKV_PICTURE_SVG);
        unlink(path);
        fail_each(path, RKV_PICTURE_PNG);
        unlink(path);
    }
    free(path);
    remove_test_folder(folder);
}

/* ---- results ---- */

static rkv_setting settings[] = {{.method = "full", .ratio = 1},
                                 {.method = "h2o", .budget = "uniform", .ratio = 0.5},
                                 {.method = "h2o", .budget = "inverse", .ratio = 0.5}};
static rkv_cell cells[COUNT(settings)];
static char window_name[] = "w", *window_names[] = {window_name};

static rkv_results results(void) {
    for (size_t s = 0; s < COUNT(settings); s++)
        cells[s] = (rkv_cell){.setting = s, .task = RKV_TASK_PASSKEY, .depth = 0.5, .n_scored = 1, .loss = 1};
    return (rkv_results){.window_names = window_names,
                         .n_windows = 1,
                         .settings = settings,
                         .n_settings = COUNT(settings),
                         .cells = cells,
                         .n_cells = COUNT(settings)};
}

static void remove_charts(const char *folder) {
    static const char *const charts[] = {"loss-by-bytes", "difference-to-uniform", "retrieval-by-depth"},
                             *const extensions[] = {"png", "svg"};
    for (size_t c = 0; c < COUNT(charts); c++)
        for (size_t e = 0; e < COUNT(extensions); e++) {
            char *path = NULL;
            assert_true(asprintf(&path, "%s/%s-passkey.%s", folder, charts[c], extensions[e]) > 0);
            unlink(path);
            free(path);
        }
}

/* Every allocation on the way to the first chart, some of those in charts. */
static void test_allocations_of_results_may_fail(void **state) {
    (void)state;
    char *folder = make_test_folder();
    rkv_results r = results();
    assert_int_equal(rkv_results_summarise(&r), RKV_OK);
    int successes = 0;
    rkv_status status = rkv_results_draw(&r, folder);
    for (long k = 0; status != RKV_UNAVAILABLE; k += k < 50 ? 1 : 29) {
        allocations_left = k;
        allocation_failed = false;
        status = rkv_results_draw(&r, folder);
        allocations_left = -1;
        if (!allocation_failed) break;
        if (status != RKV_NO_MEMORY && ++successes > 6) fail_msg("allocation %ld: %s", k, rkv_message());
    }
    if (status != RKV_UNAVAILABLE) assert_int_equal(status, RKV_OK);
    remove_charts(folder);
    rkv_free(r.rows);
    remove_test_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail),
                                       cmocka_unit_test(test_allocations_of_results_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
