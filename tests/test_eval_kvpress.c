/* test_eval_kvpress.c: the evaluation, from the reference's windows file to its rows, against kvpress's
 * losses on the default model. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "support/default_model.h"
#include "support/kvpress.h"

static kvpress_reference reference;

static void ok(rkv_status status) {
    if (status != RKV_OK) fail_msg("%s", rkv_message());
}

static double expected(const char *task, const char *press, double removed) {
    for (size_t i = 0; i < reference.n_cells; i++) {
        const kvpress_cell *c = &reference.cells[i];
        bool uniform = strcmp(c->budgets, "uniform") == 0 || strcmp(c->budgets, "-") == 0;
        if (c->window == 0 && uniform && c->removed == removed && strcmp(c->task, task) == 0 &&
            strcmp(c->press, press) == 0)
            return c->nll;
    }
    fail_msg("kvpress.csv has no %s of %s at %g", task, press, removed);
    return NAN;
}

/* The limits of the issue: 0.005 nats on the text that follows, 0.02 on the copy. */
static void check(const rkv_results *r, size_t setting, rkv_task task, const char *press, double removed) {
    double limit = task == RKV_TASK_COPY ? 0.02 : 0.005;
    double wanted = expected(rkv_task_name(task), press, removed);
    for (size_t i = 0; i < r->n_rows; i++)
        if (r->rows[i].setting == setting && r->rows[i].task == task) {
            printf("%s, %s, %g removed: %.4f, kvpress %.4f\n", press, rkv_task_name(task), removed,
                   r->rows[i].loss, wanted);
            if (!(fabs(r->rows[i].loss - wanted) <= limit)) fail_msg("more than %g apart", limit);
            return;
        }
    fail_msg("no row of setting %zu", setting);
}

typedef struct cells {
    rkv_cell items[64];
    size_t n;
} cells;

static rkv_status note_cell(void *user, const rkv_cell *cell) {
    cells *c = user;
    assert_true(c->n < 64);
    c->items[c->n++] = *cell;
    return RKV_OK;
}

static void test_uniform_rows(void **state) {
    (void)state;
    static const struct {
        const char *press, *method;
    } rows[] = {
        {"SnapKV", "snapkv"}, {"StreamingLLM", "streaming-llm"}, {"Knorm", "knorm"}, {"TOVA", "tova"}};
    const char *methods[4], *budgets[] = {"uniform"};
    const double ratios[] = {0.5};
    for (size_t i = 0; i < 4; i++)
        methods[i] = rows[i].method;
    const char *path = default_model_or_skip();
    rkv_model *model;
    rkv_windows windows = {0};
    rkv_setting *settings;
    rkv_results *results;
    cells found = {0};
    size_t n;
    ok(rkv_model_open(&model, path, &(rkv_model_options){.device = "cpu"}));
    ok(rkv_windows_load(&windows, RKV_TEST_DIR "/ref/kvpress_windows.json", KVPRESS_CONTINUATION,
                        rkv_model_get_info(model)->n_vocab));
    rkv_windows first = {windows.items, 1, windows.capacity}; /* the others take a minute */
    ok(rkv_windows_add_copy(&first, 0, KVPRESS_COPY_FROM, KVPRESS_CONTINUATION));
    const rkv_grid grid = {methods, budgets, 4, 1, ratios, NULL, 1, 0, NULL, 0};
    ok(rkv_grid_list(&grid, &settings, &n));
    ok(rkv_eval_run(model, &first, settings, n, &(rkv_eval_options){.on_cell = note_cell, .user = &found}));
    ok(rkv_results_make(&results, rkv_model_get_info(model), &first, settings, n, found.items, found.n,
                        &(rkv_results_origin){0}));
    check(results, 0, RKV_TASK_NATURAL, "none", 0);
    check(results, 0, RKV_TASK_COPY, "none", 0);
    for (size_t i = 0; i < 4; i++)
        for (rkv_task task = RKV_TASK_NATURAL; task <= RKV_TASK_COPY; task++)
            check(results, 1 + i, task, rows[i].press, 1 - ratios[0]);
    rkv_results_free(results);
    rkv_free(settings);
    rkv_windows_clear(&windows);
    rkv_model_close(model);
}

int main(void) {
    if (!default_model()) return SKIPPED_PROGRAM;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_uniform_rows)};
    kvpress_read(&reference);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kvpress_clear(&reference);
    return failed;
}
