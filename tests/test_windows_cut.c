/* test_windows_cut.c: tasks and protocols by name, windows cut from a text, passages asked for once more. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/eval.h>

/* The text: token i is 1000 + i, so that a window's tokens say where it starts. */
#define N     1000
#define FIRST 1000

static int32_t text[N];

static int make_text(void **state) {
    (void)state;
    for (size_t i = 0; i < N; i++)
        text[i] = (int32_t)(FIRST + i);
    return 0;
}

static void assert_said(const char *part) {
    if (!strstr(rkv_message(), part)) fail_msg("\"%s\" is not in \"%s\"", part, rkv_message());
}

/* ---- names ---- */

static void test_tasks_and_protocols_are_found_by_their_names(void **state) {
    (void)state;
    for (size_t i = 0; i < RKV_TASK_COUNT; i++) {
        assert_int_equal(rkv_task_find(rkv_task_name((rkv_task)i)), i);
        assert_true(*rkv_task_summary((rkv_task)i));
    }
    for (size_t i = 0; i < RKV_PROTOCOL_COUNT; i++) {
        assert_int_equal(rkv_protocol_find(rkv_protocol_name((rkv_protocol)i)), i);
        assert_true(*rkv_protocol_summary((rkv_protocol)i));
    }
    assert_int_equal(rkv_task_find("Natural"), RKV_TASK_COUNT);
    assert_int_equal(rkv_task_find(""), RKV_TASK_COUNT);
    assert_int_equal(rkv_protocol_find("decode"), RKV_PROTOCOL_COUNT);
    assert_null(rkv_task_name(RKV_TASK_COUNT));
    assert_null(rkv_task_summary(RKV_TASK_COUNT));
    assert_null(rkv_protocol_name(RKV_PROTOCOL_COUNT));
    assert_null(rkv_protocol_summary(RKV_PROTOCOL_COUNT));
}

/* ---- cutting ---- */

/* Checks a window from its first token on: its context, and the continuation that follows it. */
static void check_window(const rkv_window *w, const rkv_cut *cut) {
    assert_int_equal(w->n_context, cut->context);
    assert_int_equal(w->n_questions, 1);
    assert_false(w->query_aware);
    const rkv_question *q = w->questions;
    assert_int_equal(q->task, RKV_TASK_NATURAL);
    assert_int_equal(q->n, cut->continuation);
    assert_int_equal(q->first_scored, 1);
    assert_true(isnan(q->depth));
    for (size_t i = 0; i < cut->n_prefix; i++)
        assert_int_equal(w->context[i], cut->prefix[i]);
    int32_t next = w->context[cut->n_prefix];
    for (size_t i = cut->n_prefix; i < w->n_context; i++)
        assert_int_equal(w->context[i], next++);
    for (size_t i = 0; i < q->n; i++)
        assert_int_equal(q->ids[i], next++);
    assert_true(next <= FIRST + N);
}

static size_t start_of(const rkv_window *w, const rkv_cut *cut) {
    return (size_t)(w->context[cut->n_prefix] - FIRST);
}

typedef struct cut_case {
    rkv_cut cut;
    size_t n;          /* windows that come of it */
    size_t starts[10]; /* theirs, unless random */
} cut_case;

static const int32_t prefix[] = {7, 8};

static const cut_case cuts[] = {
    {{.context = 60, .continuation = 40, .count = 1}, 1, {0}},
    {{.context = 60, .continuation = 40, .count = 4}, 4, {0, 300, 600, 900}},
    {{.context = 60, .continuation = 40, .count = 10}, 10, {0, 100, 200, 300, 400, 500, 600, 700, 800, 900}},
    {{.context = 60, .continuation = 40, .count = 3, .offset = 99}, 3, {99, 499, 900}},
    {{.context = 60, .continuation = 40, .stride = 250}, 4, {0, 250, 500, 750}},
    {{.context = 60, .continuation = 40, .stride = 50, .count = 3}, 3, {0, 50, 100}},
    {{.context = 60, .continuation = 40, .stride = 50, .count = 2, .offset = 850}, 2, {850, 900}},
    {{.context = 998, .continuation = 2, .stride = 1}, 1, {0}},
    {{.context = 62, .continuation = 40, .stride = 450, .prefix = prefix, .n_prefix = 2}, 3, {0, 450, 900}},
    {{.context = 60, .continuation = 40, .count = 10, .random = true, .seed = 1},
     10,
     {0, 100, 200, 300, 400, 500, 600, 700, 800, 900}},
};

static void test_windows_lie_where_the_cut_says(void **state) {
    (void)state;
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        rkv_windows windows = {0};
        assert_int_equal(rkv_windows_cut(&windows, "text", text, N, &cuts[c].cut), RKV_OK);
        assert_int_equal(windows.n, cuts[c].n);
        for (size_t i = 0; i < windows.n; i++) {
            char name[32];
            snprintf(name, sizeof name, "text %zu", i + 1);
            assert_string_equal(windows.items[i].name, name);
            check_window(&windows.items[i], &cuts[c].cut);
            assert_int_equal(start_of(&windows.items[i], &cuts[c].cut), cuts[c].starts[i]);
        }
        rkv_windows_clear(&windows);
        assert_null(windows.items);
    }
}

static void test_random_windows(void **state) {
    (void)state;
    size_t differ = 0, sum = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        const rkv_cut cut = {
            .context = 30, .continuation = 20, .count = 8, .offset = 11, .random = true, .seed = seed};
        rkv_windows windows = {0};
        assert_int_equal(rkv_windows_cut(&windows, "a", text, N, &cut), RKV_OK);
        assert_int_equal(rkv_windows_cut(&windows, "b", text, N, &cut), RKV_OK);
        assert_int_equal(windows.n, 16);
        size_t end = cut.offset;
        for (size_t i = 0; i < 8; i++) {
            check_window(&windows.items[i], &cut);
            size_t start = start_of(&windows.items[i], &cut);
            assert_true(start >= end);
            assert_int_equal(start_of(&windows.items[8 + i], &cut), start);
            end = start + 50;
            sum += start;
            differ += start != 11 + i * 135;
        }
        rkv_windows_clear(&windows);
    }
    assert_true(differ > 700);
    double mean = (double)sum / 800; /* the middle of 11 .. 950, and 4 standard errors (measured) */
    assert_true(mean > 460 && mean < 501);
}

static void test_names_go_on(void **state) {
    (void)state;
    const rkv_cut cut = {.context = 60, .continuation = 40, .count = 2};
    static const char *const stems[] = {"emma", "emma 1", "emma", "em", "emma 1"};
    static const char *const names[] = {"emma 1", "emma 2", "emma 1 1", "emma 1 2", "emma 3",
                                        "emma 4", "em 1",   "em 2",     "emma 1 3", "emma 1 4"};
    rkv_windows windows = {0};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rkv_windows_cut(&windows, stems[i], text, N, &cut), RKV_OK);
    assert_int_equal(windows.n, 10);
    for (size_t i = 0; i < windows.n; i++)
        assert_string_equal(windows.items[i].name, names[i]);
    rkv_windows_clear(&windows);
}

typedef struct wrong_cut {
    rkv_cut cut;
    const char *said;
} wrong_cut;

static const wrong_cut wrong_cuts[] = {
    {{.context = 1, .continuation = 40, .count = 1}, "1 + 40 tokens"},
    {{.context = 60, .continuation = 1, .count = 1}, "60 + 1 tokens"},
    {{.context = SIZE_MAX, .continuation = 40, .count = 1}, "at most"},
    {{.context = 60, .continuation = 40}, "needs a stride"},
    {{.context = 60, .continuation = 40, .random = true}, "needs a stride"},
    {{.context = 60, .continuation = 40, .random = true, .stride = 5, .count = 1}, "not both"},
    {{.context = 60, .continuation = 40, .prefix = prefix, .n_prefix = 60, .count = 1}, "prefix of 60"},
    {{.context = 960, .continuation = 41, .count = 1},
     "text has 1000 tokens; 1 window of 960 + 41 need 1001"},
    {{.context = 960, .continuation = 41, .stride = 3}, "1 window of 960 + 41 need 1001"},
    {{.context = 60, .continuation = 40, .count = 11}, "11 windows of 60 + 40 need 1100"},
    {{.context = 60, .continuation = 40, .count = 10, .offset = 1}, "need 1001"},
    {{.context = 60, .continuation = 40, .count = 11, .random = true}, "need 1100"},
    {{.context = 60, .continuation = 40, .count = 5, .stride = 226}, "5 windows of 60 + 40 need 1004"},
    {{.context = 60, .continuation = 40, .count = 1, .offset = 2000}, "need 2100"},
    {{.context = 60, .continuation = 40, .count = SIZE_MAX}, "need 18446744073709551615"},
    {{.context = 60, .continuation = 40, .stride = 1, .offset = SIZE_MAX}, "need 18446744073709551615"},
};

static void test_what_cannot_be_cut(void **state) {
    (void)state;
    rkv_windows windows = {0};
    const rkv_cut fine = {.context = 60, .continuation = 40, .count = 1};
    assert_int_equal(rkv_windows_cut(&windows, "text", text, N, &fine), RKV_OK);
    for (size_t i = 0; i < sizeof wrong_cuts / sizeof *wrong_cuts; i++) {
        assert_int_equal(rkv_windows_cut(&windows, "text", text, N, &wrong_cuts[i].cut), RKV_USAGE);
        assert_said(wrong_cuts[i].said);
        assert_int_equal(windows.n, 1);
    }
    assert_int_equal(rkv_windows_cut(&windows, "nothing", NULL, 0, &fine), RKV_USAGE);
    assert_said("nothing has 0 tokens");
    rkv_windows_clear(&windows);
}

/* ---- copies ---- */

static void test_copies_are_passages_of_the_context(void **state) {
    (void)state;
    const rkv_cut cut = {.context = 60, .continuation = 40, .count = 3};
    rkv_windows windows = {0};
    assert_int_equal(rkv_windows_cut(&windows, "text", text, N, &cut), RKV_OK);
    assert_int_equal(rkv_windows_add_copy(&windows, 1, 50, 10), RKV_OK);
    assert_int_equal(windows.items[0].n_questions, 1);
    for (size_t i = 1; i < 3; i++) {
        const rkv_window *w = &windows.items[i];
        assert_int_equal(w->n_questions, 2);
        assert_int_equal(w->questions[0].task, RKV_TASK_NATURAL);
        const rkv_question *q = &w->questions[1];
        assert_int_equal(q->task, RKV_TASK_COPY);
        assert_int_equal(q->n, 10);
        assert_int_equal(q->first_scored, 1);
        assert_true(isnan(q->depth));
        assert_memory_equal(q->ids, w->context + 50, 10 * sizeof *q->ids);
    }
    assert_int_equal(rkv_windows_add_copy(&windows, 3, 0, 10), RKV_OK); /* no window, nothing to add */
    rkv_windows_clear(&windows);
}

static void test_copies_that_the_context_does_not_hold(void **state) {
    (void)state;
    static const struct {
        size_t first, start, n;
        const char *said;
    } wrong[] = {
        {0, 0, 1, "at least 2"},
        {0, 51, 10, "short 1: a copy of 10 tokens from token 51 on needs a longer context than its 60"},
        {0, 0, 61, "short 1"},
        {1, SIZE_MAX, 10, "short 1"},
        {1, 5, SIZE_MAX, "short 1"},
        {3, 0, 10, "windows from 3 on, of 2"},
    };
    rkv_windows windows = {0};
    assert_int_equal(rkv_windows_cut(&windows, "long", text, N,
                                     &(rkv_cut){.context = 400, .continuation = 40, .count = 1}),
                     RKV_OK);
    assert_int_equal(rkv_windows_cut(&windows, "short", text, N,
                                     &(rkv_cut){.context = 60, .continuation = 40, .count = 1}),
                     RKV_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(rkv_windows_add_copy(&windows, wrong[i].first, wrong[i].start, wrong[i].n),
                         RKV_USAGE);
        assert_said(wrong[i].said);
        for (size_t w = 0; w < 2; w++)
            assert_int_equal(windows.items[w].n_questions, 1);
    }
    rkv_windows_clear(&windows);
    rkv_windows_clear(&windows); /* fine on {0} */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_and_protocols_are_found_by_their_names),
        cmocka_unit_test(test_windows_lie_where_the_cut_says),
        cmocka_unit_test(test_random_windows),
        cmocka_unit_test(test_names_go_on),
        cmocka_unit_test(test_what_cannot_be_cut),
        cmocka_unit_test(test_copies_are_passages_of_the_context),
        cmocka_unit_test(test_copies_that_the_context_does_not_hold),
    };
    return cmocka_run_group_tests(tests, make_text, NULL);
}
