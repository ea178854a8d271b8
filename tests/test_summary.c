/* test_summary.c: rows out of cells, against sums written out, and who is compared with whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/eval.h>

#include "support/failing_allocator.h"
#include "support/sample_results.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- a table by hand ---- */

/* Results that borrow everything: settings, and cells that the test owns. */
typedef struct made_up {
    rkv_results results;
    rkv_cell cells[64];
    char *names[8];
} made_up;

static void begin(made_up *m, const rkv_setting *settings, size_t n_settings, size_t n_windows) {
    *m = (made_up){0};
    m->results.settings = (rkv_setting *)settings;
    m->results.n_settings = n_settings;
    m->results.window_names = m->names;
    m->results.n_windows = n_windows;
    m->results.cells = m->cells;
}

static rkv_cell *add(made_up *m, size_t setting, size_t window, size_t question, double loss) {
    rkv_cell *cell = &m->cells[m->results.n_cells++];
    *cell = (rkv_cell){.setting = setting,
                       .window = window,
                       .question = question,
                       .n_scored = 4,
                       .n_right = 4,
                       .loss = loss,
                       .kl = loss / 10,
                       .agreement = 0.5,
                       .entries = 100,
                       .bytes = 1000,
                       .kv_bytes = 900};
    return cell;
}

static void summarise(made_up *m) {
    if (rkv_results_summarise(&m->results)) fail_msg("%s", rkv_message());
}

static void finish(made_up *m) {
    free(m->results.rows);
}

static void assert_near(double value, double wanted) {
    if (!(fabs(value - wanted) <= 1e-12 * (1 + fabs(wanted)))) fail_msg("%.17g, not %.17g", value, wanted);
}

static const rkv_setting one_method[] = {
    {RKV_PROTOCOL_PREFILL, "full", NULL, 1, 0},
    {RKV_PROTOCOL_PREFILL, "knorm", "uniform", 0.5, 0},
    {RKV_PROTOCOL_PREFILL, "knorm", "inverse", 0.5, 0},
};

/* Window 0 has three questions and window 1 one: both weigh the same. */
static void test_questions_of_a_window_are_averaged_first(void **state) {
    (void)state;
    made_up m;
    begin(&m, one_method, 3, 2);
    add(&m, 1, 0, 0, 1)->n_right = 1;
    add(&m, 1, 0, 1, 2)->bytes = 4000;
    add(&m, 1, 0, 2, 6)->kl = 3;
    add(&m, 1, 1, 0, 5)->agreement = 1;
    summarise(&m);
    assert_int_equal(m.results.n_rows, 1);
    const rkv_eval_row *r = m.results.rows;
    assert_int_equal(r->setting, 1);
    assert_int_equal(r->n_windows, 2);
    assert_int_equal(r->n_questions, 4);
    assert_near(r->loss, 4); /* (3 + 5) / 2, not 14 / 4 */
    assert_near(r->perplexity, exp(4));
    assert_near(r->loss_low, 3);
    assert_near(r->loss_high, 5);
    assert_near(r->accuracy, (0.75 + 1) / 2);
    assert_near(r->exact, (2 / 3. + 1) / 2);
    assert_near(r->exact_low, 2 / 3.);
    assert_near(r->exact_high, 1);
    assert_near(r->kl, ((0.1 + 0.2 + 3) / 3 + 0.5) / 2);
    assert_near(r->agreement, 0.75);
    assert_near(r->bytes, (2000 + 1000) / 2.);
    assert_near(r->entries, 100);
    assert_near(r->kv_bytes, 900);
    assert_int_equal(r->against_full.n, 0);
    assert_int_equal(r->against_uniform.n, 0);
    assert_true(isnan(r->against_full.mean) && isnan(r->against_uniform.p));
    assert_string_equal(r->verdict, "");
    finish(&m);
}

/* Cells come in the order in which they were measured; tasks and query-awareness are rows of their own. */
static void test_rows_and_their_order(void **state) {
    (void)state;
    static const struct {
        size_t setting, window, question;
        rkv_task task;
        bool query_aware;
    } cells[] = {
        {2, 1, 0, RKV_TASK_PASSKEY, true},  {0, 0, 0, RKV_TASK_NATURAL, false},
        {2, 0, 1, RKV_TASK_COPY, false},    {0, 1, 0, RKV_TASK_PASSKEY, true},
        {2, 2, 0, RKV_TASK_PASSKEY, false}, {0, 0, 1, RKV_TASK_COPY, false},
        {2, 0, 0, RKV_TASK_NATURAL, false},
    };
    static const size_t wanted[][3] = {{0, RKV_TASK_NATURAL, 0}, {0, RKV_TASK_COPY, 0},
                                       {0, RKV_TASK_PASSKEY, 1}, {2, RKV_TASK_NATURAL, 0},
                                       {2, RKV_TASK_COPY, 0},    {2, RKV_TASK_PASSKEY, 0},
                                       {2, RKV_TASK_PASSKEY, 1}};
    made_up m;
    begin(&m, one_method, 3, 3);
    for (size_t i = 0; i < COUNT(cells); i++) {
        rkv_cell *cell = add(&m, cells[i].setting, cells[i].window, cells[i].question, 1);
        cell->task = cells[i].task;
        cell->query_aware = cells[i].query_aware;
    }
    for (int again = 0; again < 2; again++) { /* rows are made anew, not added to */
        summarise(&m);
        assert_int_equal(m.results.n_rows, COUNT(wanted));
        for (size_t i = 0; i < COUNT(wanted); i++) {
            assert_int_equal(m.results.rows[i].setting, wanted[i][0]);
            assert_int_equal(m.results.rows[i].task, wanted[i][1]);
            assert_int_equal(m.results.rows[i].query_aware, wanted[i][2]);
            assert_int_equal(m.results.rows[i].n_questions, 1);
        }
    }
    for (size_t i = 1; i < m.results.n_cells; i++) {
        const rkv_cell *a = &m.cells[i - 1], *b = &m.cells[i];
        assert_true(a->setting < b->setting || a->window < b->window || a->question < b->question);
    }
    finish(&m);
}

static void test_only_windows_that_both_have(void **state) {
    (void)state;
    made_up m;
    begin(&m, one_method, 3, 4);
    add(&m, 0, 0, 0, 1), add(&m, 0, 1, 0, 1), add(&m, 0, 3, 0, 1.5);
    add(&m, 1, 0, 0, 1.5), add(&m, 1, 2, 0, 9), add(&m, 1, 3, 0, 1.25);
    add(&m, 2, 1, 0, 3);
    summarise(&m);
    const rkv_paired *uniform = &m.results.rows[1].against_full, *inverse = &m.results.rows[2].against_full;
    assert_int_equal(uniform->n, 2);
    assert_int_equal(uniform->n_above, 1);
    assert_int_equal(uniform->n_below, 1);
    assert_near(uniform->mean, 0.125);
    assert_near(uniform->p, 1);
    assert_int_equal(inverse->n, 1);
    assert_near(inverse->mean, 2);
    assert_true(isnan(inverse->low));
    assert_int_equal(m.results.rows[2].against_uniform.n, 0); /* no window in common */
    assert_string_equal(m.results.rows[2].verdict, "");
    finish(&m);
}

static void test_verdicts(void **state) {
    (void)state;
    static const struct {
        double differences[8];
        size_t n;
        const char *verdict;
    } cases[] = {
        {{-0.1, -0.2, -0.1, -0.3, -0.1, -0.2}, 6, "better"},
        {{0.1, 0.2, 0.1, 0.3, 0.1, 0.2}, 6, "worse"},
        {{-0.1, -0.2, -0.1, -0.3, -0.1, 0}, 6, "too few"},
        {{-0.1, 0.2, -0.3, 0.2, 0.1, -0.1}, 6, "within noise"},
        {{-0.9, -0.8, -0.9, -0.8, -0.9, -0.8, 0.01}, 7, "within noise"}, /* p is 0.125 */
        {{-0.5}, 1, "too few"},
        {{0, 0, 0}, 3, "within noise"},
        {{-0.5, NAN, -0.5}, 3, ""},
        {{-0.5, INFINITY, -0.5}, 3, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        made_up m;
        begin(&m, one_method, 3, 8);
        for (size_t w = 0; w < cases[i].n; w++) {
            add(&m, 1, w, 0, 2);
            add(&m, 2, w, 0, 2 + cases[i].differences[w])->bytes = 1100;
        }
        summarise(&m);
        assert_string_equal(m.results.rows[0].verdict, ""); /* uniform beside itself */
        assert_true(isnan(m.results.rows[0].bytes_of_uniform));
        assert_near(m.results.rows[1].bytes_of_uniform, 1.1);
        assert_string_equal(m.results.rows[1].verdict, cases[i].verdict);
        assert_int_equal(m.results.rows[1].against_uniform.n, cases[i].n);
        finish(&m);
    }
}

/* A window without a number is not left out of the mean: the row has none. */
static void test_a_loss_that_is_not_a_number(void **state) {
    (void)state;
    made_up m;
    begin(&m, one_method, 3, 3);
    add(&m, 1, 0, 0, 2), add(&m, 1, 1, 0, NAN), add(&m, 1, 2, 0, 2);
    summarise(&m);
    const rkv_eval_row *r = m.results.rows;
    assert_true(isnan(r->loss) && isnan(r->loss_low) && isnan(r->perplexity) && isnan(r->kl));
    assert_true(r->exact == 1 && r->accuracy == 1);
    finish(&m);
}

/* ---- who is compared with whom ---- */

static void test_partners(void **state) {
    (void)state;
    static const rkv_setting settings[] = {
        {RKV_PROTOCOL_STREAMING, "full", NULL, 1, 0},                 /* 0 */
        {RKV_PROTOCOL_PREFILL, "full", NULL, 1, 0},                   /* 1 */
        {RKV_PROTOCOL_PREFILL, "snapkv", "inverse", 0.5, 0},          /* 2 */
        {RKV_PROTOCOL_PREFILL, "snapkv", "uniform:min=4", 0.5, 0},    /* 3 */
        {RKV_PROTOCOL_PREFILL, "snapkv", "uniform", 0.5, 0},          /* 4 */
        {RKV_PROTOCOL_PREFILL, "snapkv", "uniform", 0.25, 0},         /* 5 */
        {RKV_PROTOCOL_PREFILL, "snapkv", NULL, 0.25, 0},              /* 6 */
        {RKV_PROTOCOL_STREAMING, "snapkv", "inverse", 0.5, 0},        /* 7 */
        {RKV_PROTOCOL_PREFILL, "snapkv:kernel=3", "inverse", 0.5, 0}, /* 8 */
        {RKV_PROTOCOL_PREFILL, "snapkv", "uniformly", 0, 64},         /* 9 */
        {RKV_PROTOCOL_PREFILL, "knorm", "uniform:by=head", 0, 64},    /* 10 */
        {RKV_PROTOCOL_PREFILL, "knorm", "inverse", 0, 64},            /* 11 */
    };
    enum { NONE = 99 };
    static const struct {
        size_t full, uniform;
    } wanted[COUNT(settings)] = {{NONE, NONE}, {NONE, NONE}, {1, 4},    {1, 4},    {1, NONE}, {1, NONE},
                                 {1, 5},       {0, NONE},    {1, NONE}, {1, NONE}, {1, NONE}, {1, 10}};
    made_up m;
    begin(&m, settings, COUNT(settings), 1);
    for (size_t s = 0; s < COUNT(settings); s++)
        add(&m, s, 0, 0, pow(2, (double)s)); /* no two have the same difference */
    summarise(&m);
    for (size_t s = 0; s < COUNT(settings); s++) {
        const rkv_eval_row *r = &m.results.rows[s];
        const struct {
            size_t partner;
            const rkv_paired *paired;
        } pairs[] = {{wanted[s].full, &r->against_full}, {wanted[s].uniform, &r->against_uniform}};
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pairs[i].paired->n, pairs[i].partner == NONE ? 0 : 1);
            if (pairs[i].partner == NONE) continue;
            assert_near(pairs[i].paired->mean, pow(2, (double)s) - pow(2, (double)pairs[i].partner));
        }
    }
    finish(&m);
}

/* ---- a whole table ---- */

/* Every row's statistics are those of its windows' means, gathered here in the plainest way. */
static void check_row(const rkv_results *results, const rkv_eval_row *row) {
    double x[64], mean, low, high;
    size_t n = 0;
    for (size_t w = 0; w < results->n_windows; w++) {
        double sum = 0;
        size_t questions = 0;
        for (size_t i = 0; i < results->n_cells; i++) {
            const rkv_cell *c = &results->cells[i];
            if (c->setting != row->setting || c->window != w || c->task != row->task) continue;
            if (c->query_aware != row->query_aware) continue;
            sum += c->loss;
            questions++;
        }
        if (questions) x[n++] = sum / (double)questions;
    }
    assert_int_equal(row->n_windows, n);
    assert_int_equal(rkv_bootstrap_mean(x, n, results->seed, &mean, &low, &high), RKV_OK);
    assert_true(row->loss == mean && row->loss_low == low && row->loss_high == high);
}

static void test_a_whole_table(void **state) {
    (void)state;
    rkv_results *results = sample_results(SAMPLE_SETTINGS, 12);
    assert_int_equal(rkv_results_summarise(results), RKV_OK);
    assert_int_equal(results->n_rows, results->n_settings * 4); /* natural, recall; aware of it or not */
    for (size_t i = 0; i < results->n_rows; i++)
        check_row(results, &results->rows[i]);
    rkv_results_free(results);
}

/* Whatever the order of the cells and the number of threads. */
static void test_a_function_of_the_cells(void **state) {
    (void)state;
    rkv_results *a = sample_results(SAMPLE_SETTINGS, 8), *b = sample_results(SAMPLE_SETTINGS, 8);
    for (size_t i = 0, j = b->n_cells; i + 1 < j; i++) {
        rkv_cell cell = b->cells[i];
        b->cells[i] = b->cells[--j];
        b->cells[j] = cell;
    }
    assert_int_equal(rkv_results_summarise(a), RKV_OK);
    assert_int_equal(rkv_results_summarise(b), RKV_OK);
    assert_int_equal(a->n_rows, b->n_rows);
    for (size_t i = 0; i < a->n_rows; i++) {
        const rkv_eval_row *x = &a->rows[i], *y = &b->rows[i];
        assert_true(x->setting == y->setting && x->loss == y->loss && x->loss_low == y->loss_low);
        assert_true(x->exact_high == y->exact_high && x->kl == y->kl && x->bytes == y->bytes);
        assert_memory_equal(&x->against_full, &y->against_full, sizeof x->against_full);
        assert_string_equal(x->verdict, y->verdict);
    }
    rkv_results_free(a);
    rkv_results_free(b);
}

/* ---- refused ---- */

static void test_cells_that_are_refused(void **state) {
    (void)state;
    static const struct {
        size_t setting, window, task;
        const char *words;
    } cases[] = {{3, 0, 0, "cells[1] is of setting 3: there are 3"},
                 {2, 2, 0, "cells[1] is of window 2: there are 2"},
                 {2, 0, RKV_TASK_COUNT, "cells[1] is of task 4"},
                 {1, 1, 0, "cells[1], of setting 1, window 1, question 0, is there twice"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        made_up m;
        begin(&m, one_method, 3, 2);
        add(&m, cases[i].setting, cases[i].window, 0, 1)->task = (rkv_task)cases[i].task;
        add(&m, 1, 1, 0, 1);
        assert_int_equal(rkv_results_summarise(&m.results), RKV_USAGE);
        if (!strstr(rkv_message(), cases[i].words)) fail_msg("%s", rkv_message());
        assert_null(m.results.rows);
    }
}

static void test_nothing_measured(void **state) {
    (void)state;
    made_up m;
    begin(&m, one_method, 3, 2);
    summarise(&m);
    assert_int_equal(m.results.n_rows, 0);
    finish(&m);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    rkv_results *results = sample_results(SAMPLE_SETTINGS, 2);
    long k = 0;
    for (;; k++) {
        allocations_left = k;
        allocation_failed = false;
        rkv_status status = rkv_results_summarise(results);
        allocations_left = -1;
        if (!allocation_failed) break;
        assert_int_equal(status, RKV_NO_MEMORY);
        assert_null(results->rows);
    }
    assert_true(k > 10);
    rkv_results_free(results);
    rkv_results_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions_of_a_window_are_averaged_first),
        cmocka_unit_test(test_rows_and_their_order),
        cmocka_unit_test(test_only_windows_that_both_have),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_a_loss_that_is_not_a_number),
        cmocka_unit_test(test_partners),
        cmocka_unit_test(test_a_whole_table),
        cmocka_unit_test(test_a_function_of_the_cells),
        cmocka_unit_test(test_cells_that_are_refused),
        cmocka_unit_test(test_nothing_measured),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
