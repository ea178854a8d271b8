/* test_windows_file.c: windows written and read again, in the short form and the full one, and what is
 * refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/eval.h>

#include "support/temporary.h"

#define N_VOCAB 500

static const char *put(const char *json) {
    const char *path = temporary_path("windows.json");
    temporary_write(path, json, strlen(json));
    return path;
}

static void assert_said(const char *part) {
    if (!strstr(rkv_message(), part)) fail_msg("\"%s\" is not in \"%s\"", part, rkv_message());
}

static void assert_ids(const int32_t *ids, size_t n, const int32_t *wanted, size_t n_wanted) {
    assert_int_equal(n, n_wanted);
    assert_memory_equal(ids, wanted, n * sizeof *ids);
}

/* ---- what is read ---- */

static void test_the_short_form(void **state) {
    (void)state;
    rkv_windows windows = {0};
    const char *path = put("[{\"book\": \"emma\", \"token_ids\": [1, 2, 3, 4, 5], \"author\": null},\n"
                           " {\"book\": \"emma\", \"token_ids\": [5, 499, 0]}, {\"token_ids\": [7, 8, 9]}]");
    assert_int_equal(rkv_windows_load(&windows, path, 2, N_VOCAB), RKV_OK);
    assert_int_equal(windows.n, 3);
    assert_string_equal(windows.items[0].name, "emma 1");
    assert_string_equal(windows.items[1].name, "emma 2");
    assert_string_equal(windows.items[2].name, "window 1");
    assert_ids(windows.items[0].context, windows.items[0].n_context, (int32_t[]){1, 2, 3}, 3);
    assert_ids(windows.items[1].context, windows.items[1].n_context, (int32_t[]){5}, 1);
    for (size_t i = 0; i < 3; i++) {
        const rkv_question *q = windows.items[i].questions;
        assert_int_equal(windows.items[i].n_questions, 1);
        assert_int_equal(q->task, RKV_TASK_NATURAL);
        assert_int_equal(q->first_scored, 1);
        assert_true(isnan(q->depth));
    }
    assert_ids(windows.items[0].questions->ids, windows.items[0].questions->n, (int32_t[]){4, 5}, 2);
    assert_int_equal(rkv_windows_load(&windows, path, 1, N_VOCAB), RKV_USAGE);
    assert_said("windows[0] has tokens alone: a continuation of 1 tokens, not of at least 2");
    assert_int_equal(rkv_windows_load(&windows, path, 2, N_VOCAB), RKV_OK); /* the same once more */
    assert_string_equal(windows.items[4].name, "emma 4");
    rkv_windows_clear(&windows);
}

static void test_the_full_form(void **state) {
    (void)state;
    rkv_windows windows = {0};
    const char *path =
        put("[{\"name\": \"n\\u00e4idle\", \"context\": [1, 2, 3], \"query_aware\": true, \"questions\": ["
            "{\"task\": \"passkey\", \"ids\": [4, 5, 6], \"first_scored\": 2, \"depth\": 0.25},"
            "{\"ids\": [4, 5]}, {\"ids\": [4], \"depth\": null}]}]");
    assert_int_equal(rkv_windows_load(&windows, path, 0, N_VOCAB), RKV_OK);
    assert_int_equal(windows.n, 1);
    const rkv_window *w = windows.items;
    assert_string_equal(w->name, "näidle");
    assert_true(w->query_aware);
    assert_ids(w->context, w->n_context, (int32_t[]){1, 2, 3}, 3);
    assert_int_equal(w->n_questions, 3);
    assert_ids(w->questions[0].ids, w->questions[0].n, (int32_t[]){4, 5, 6}, 3);
    assert_int_equal(w->questions[0].task, RKV_TASK_PASSKEY);
    assert_int_equal(w->questions[0].first_scored, 2);
    assert_true(w->questions[0].depth == 0.25);
    assert_int_equal(w->questions[1].task, RKV_TASK_NATURAL);
    assert_int_equal(w->questions[1].first_scored, 1); /* as of a natural continuation */
    assert_int_equal(w->questions[2].first_scored, 0); /* there is no other token */
    assert_true(isnan(w->questions[2].depth));
    rkv_windows_clear(&windows);
}

/* The outside reference of kvpress is such a file. */
static void test_the_reference_is_read(void **state) {
    (void)state;
    rkv_windows windows = {0};
    assert_int_equal(rkv_windows_load(&windows, RKV_TEST_DIR "/ref/kvpress_windows.json", 256, 49152),
                     RKV_OK);
    assert_int_equal(windows.n, 4);
    assert_string_equal(windows.items[0].name, "emma 1");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(windows.items[i].n_context, 2048);
        assert_int_equal(windows.items[i].questions->n, 256);
    }
    rkv_windows_clear(&windows);
}

/* ---- what is written ---- */

static void assert_same_question(const rkv_question *a, const rkv_question *b) {
    assert_int_equal(a->task, b->task);
    assert_ids(a->ids, a->n, b->ids, b->n);
    assert_int_equal(a->first_scored, b->first_scored);
    assert_true(a->depth == b->depth || (isnan(a->depth) && isnan(b->depth)));
}

static void assert_same_window(const rkv_window *a, const rkv_window *b) {
    assert_string_equal(a->name, b->name);
    assert_ids(a->context, a->n_context, b->context, b->n_context);
    assert_int_equal(a->query_aware, b->query_aware);
    assert_int_equal(a->n_questions, b->n_questions);
    for (size_t i = 0; i < a->n_questions; i++)
        assert_same_question(&a->questions[i], &b->questions[i]);
}

static void test_what_is_saved_reads_back(void **state) {
    (void)state;
    rkv_windows windows = {0}, again = {0};
    int32_t ids[200];
    for (size_t i = 0; i < 200; i++)
        ids[i] = (int32_t)(i * 37 % N_VOCAB);
    const rkv_cut cut = {.context = 50, .continuation = 7, .count = 3};
    assert_int_equal(rkv_windows_cut(&windows, "a \"text\"\n", ids, 200, &cut), RKV_OK);
    assert_int_equal(rkv_windows_add_copy(&windows, 1, 20, 30), RKV_OK);
    windows.items[2].questions[1].depth = 1.0 / 3;
    windows.items[2].questions[1].task = RKV_TASK_RECALL;
    windows.items[2].query_aware = true;
    const char *path = temporary_path("saved.json");
    assert_int_equal(rkv_windows_save(&windows, path), RKV_OK);
    assert_int_equal(rkv_windows_load(&again, path, 0, N_VOCAB), RKV_OK);
    assert_int_equal(again.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_same_window(&windows.items[i], &again.items[i]);
    assert_int_equal(rkv_windows_load(&again, path, 0, N_VOCAB), RKV_DATA); /* names are taken */
    assert_said("two windows are named \"a \"text\"\n 1\"");
    assert_int_equal(again.n, 3);
    assert_int_equal(rkv_windows_save(&again, temporary_path("no/such/folder.json")), RKV_CANNOT_CREATE);
    rkv_windows_clear(&again);
    rkv_windows_clear(&windows);
}

/* ---- what is refused ---- */

#define QUESTION(members) "[{\"name\": \"a\", \"context\": [1, 2], \"questions\": [{" members "}]}]"

static const struct refusal {
    const char *json, *said;
} refusals[] = {
    {"{}", "the document is an object, not an array"},
    {"[]", "has 0 windows"},
    {"[5]", "windows[0] is 5, not an object"},
    {"[{\"token_ids\": [1, 2, 3]}, {\"token_ids\": [1, 2]}]", "windows[1].token_ids: 2 tokens, too few"},
    {"[{\"token_ids\": []}]", "windows[0].token_ids: 0 tokens, too few"},
    {"[{\"token_ids\": \"x\"}]", "windows[0].token_ids is \"x\", not an array of token ids"},
    {"[{\"token_ids\": [1, 2, 500]}]",
     "windows[0].token_ids[2] is 500, not a token of the model, which has 500"},
    {"[{\"token_ids\": [1, -2, 3]}]", "windows[0].token_ids[1] is -2"},
    {"[{\"token_ids\": [1, 4294967297, 3]}]", "windows[0].token_ids[1] is 4294967297"},
    {"[{\"token_ids\": [1, 2.5, 3]}]", "windows[0].token_ids[1] is 2.5"},
    {"[{\"book\": 5, \"token_ids\": [1, 2, 3]}]", "windows[0].book is 5, not a string"},
    {"[{\"context\": [1]}]", "windows[0].name is missing"},
    {"[{\"name\": \"\", \"context\": [1]}]", "windows[0].name has 0 bytes, not 1 to 1023"},
    {"[{\"name\": \"a\"}]", "windows[0].context is missing"},
    {"[{\"name\": \"a\", \"context\": []}]", "windows[0].context is empty"},
    {"[{\"name\": \"a\", \"context\": [1]}]", "windows[0].questions is missing"},
    {"[{\"name\": \"a\", \"context\": [1], \"questions\": []}]", "windows[0].questions is an array of 0"},
    {"[{\"name\": \"a\", \"context\": [1], \"questions\": [7]}]", "windows[0].questions[0] is 7"},
    {"[{\"name\": \"a\", \"query_aware\": 1, \"context\": [1]}]",
     "windows[0].query_aware is 1, not true or false"},
    {QUESTION("\"ids\": []"), "windows[0].questions[0].ids is empty"},
    {QUESTION("\"ids\": [1, 500]"), "windows[0].questions[0].ids[1] is 500"},
    {QUESTION("\"ids\": [1], \"task\": \"needle\""),
     "windows[0].questions[0].task is \"needle\", not a task"},
    {QUESTION("\"ids\": [1], \"task\": 3"), "windows[0].questions[0].task is 3"},
    {QUESTION("\"ids\": [1], \"first_scored\": 1"), "first_scored is 1, not an integer from 0 to 0"},
    {QUESTION("\"ids\": [1], \"depth\": 1.5"), "windows[0].questions[0].depth is 1.5, not from 0 to 1"},
    {QUESTION("\"ids\": [1], \"depth\": \"x\""), "windows[0].questions[0].depth is \"x\""},
    {"[{\"name\": \"a\", \"context\": [1], \"questions\": [{\"ids\": [1]}]},"
     " {\"name\": \"a\", \"context\": [1], \"questions\": [{\"ids\": [1]}]}]",
     "two windows are named \"a\""},
};

static void test_what_is_wrong_is_named(void **state) {
    (void)state;
    rkv_windows windows = {0};
    assert_int_equal(rkv_windows_load(&windows, put("[{\"token_ids\": [1, 2, 3]}]"), 2, N_VOCAB), RKV_OK);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const char *path = put(refusals[i].json);
        assert_int_equal(rkv_windows_load(&windows, path, 2, N_VOCAB), RKV_DATA);
        assert_memory_equal(rkv_message(), path, strlen(path));
        assert_said(refusals[i].said);
        assert_int_equal(windows.n, 1); /* as it was */
    }
    assert_int_equal(rkv_windows_load(&windows, temporary_path("none.json"), 2, N_VOCAB), RKV_NO_INPUT);
    rkv_windows_clear(&windows);
}

/* A file of `n` times `item` between `head` and `tail`. */
static const char *put_many(const char *head, const char *item, size_t n, const char *tail) {
    size_t step = strlen(item) + 1, at = strlen(head);
    char *json = malloc(at + n * step + strlen(tail) + 1);
    memcpy(json, head, at);
    for (size_t i = 0; i < n; i++, at += step) {
        memcpy(json + at, item, step - 1);
        json[at + step - 1] = i + 1 < n ? ',' : ' ';
    }
    strcpy(json + at, tail);
    const char *path = put(json);
    free(json);
    return path;
}

static void test_many_of_everything(void **state) {
    (void)state;
    rkv_windows windows = {0};
    const char *window = "{\"book\": \"b\", \"token_ids\": [1, 2, 3]}";
    assert_int_equal(rkv_windows_load(&windows, put_many("[", window, 4096, "]"), 2, N_VOCAB), RKV_OK);
    assert_string_equal(windows.items[4095].name, "b 4096");
    rkv_windows_clear(&windows);
    assert_int_equal(rkv_windows_load(&windows, put_many("[", window, 4097, "]"), 2, N_VOCAB), RKV_DATA);
    assert_said("4097 windows, not 1 to 4096");
    const char *path =
        put_many("[{\"name\": \"a\", \"context\": [1], \"questions\": [", "{\"ids\": [1]}", 100000, "]}]");
    assert_int_equal(rkv_windows_load(&windows, path, 2, N_VOCAB), RKV_OK);
    assert_int_equal(windows.items->n_questions, 100000);
    rkv_windows_clear(&windows);
}

static void test_more_windows_than_a_file_holds(void **state) {
    (void)state;
    rkv_windows windows = {0};
    int32_t ids[5000] = {0};
    const rkv_cut cut = {.context = 2, .continuation = 2, .stride = 1, .count = 4097};
    assert_int_equal(rkv_windows_cut(&windows, "text", ids, 5000, &cut), RKV_OK);
    assert_int_equal(rkv_windows_save(&windows, temporary_path("more.json")), RKV_USAGE);
    assert_said("more.json: 4097 windows, more than the 4096 that a file holds");
    rkv_windows_clear(&windows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_short_form),
        cmocka_unit_test(test_the_full_form),
        cmocka_unit_test(test_the_reference_is_read),
        cmocka_unit_test(test_what_is_saved_reads_back),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_many_of_everything),
        cmocka_unit_test(test_more_windows_than_a_file_holds),
    };
    return cmocka_run_group_tests(tests, temporary_set_up, temporary_tear_down);
}
