/* test_results.c: results.json and the tables for spreadsheets: written, read back, and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <unistd.h>

#include <rankkv/eval.h>

#include "core/file.h"
#include "support/failing_allocator.h"
#include "support/sample_cells.h"
#include "support/sample_results.h"
#include "support/temporary.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static rkv_results *make(size_t n_settings, size_t n_windows) {
    rkv_results *results = sample_results(n_settings, n_windows);
    assert_non_null(results);
    if (rkv_results_summarise(results)) fail_msg("%s", rkv_message());
    return results;
}

static char *content_of(const char *path) {
    char *bytes;
    size_t length;
    if (rkv_read_file(path, 1 << 24, &bytes, &length)) fail_msg("%s", rkv_message());
    return bytes;
}

/* ---- results.json ---- */

static void assert_same_string(const char *a, const char *b) {
    assert_int_equal(a == NULL, b == NULL);
    if (a) assert_string_equal(a, b);
}

static void assert_same(const rkv_results *a, const rkv_results *b) {
    assert_string_equal(a->device, b->device);
    assert_string_equal(a->version, b->version);
    assert_string_equal(a->text, b->text);
    assert_string_equal(a->profile, b->profile);
    assert_string_equal(a->model.name, b->model.name);
    assert_true(a->seed == b->seed);
    assert_int_equal(a->n_windows, b->n_windows);
    for (size_t i = 0; i < a->n_windows; i++)
        assert_string_equal(a->window_names[i], b->window_names[i]);
    assert_int_equal(a->n_settings, b->n_settings);
    for (size_t i = 0; i < a->n_settings; i++) {
        const rkv_setting *x = &a->settings[i], *y = &b->settings[i];
        assert_true(x->protocol == y->protocol && x->ratio == y->ratio && x->entries == y->entries);
        assert_same_string(x->method, y->method);
        assert_same_string(x->budget, y->budget);
    }
    assert_int_equal(a->n_cells, b->n_cells);
    for (size_t i = 0; i < a->n_cells; i++)
        assert_same_cell(&a->cells[i], &b->cells[i], false);
    assert_int_equal(a->n_rows, b->n_rows);
}

/* What was read is what was written, and its file is the same to the byte: rows are made anew from cells. */
static void test_round_trip(void **state) {
    (void)state;
    static const size_t sizes[][2] = {{0, 0}, {1, 1}, {3, 2}, {SAMPLE_SETTINGS, 9}};
    static const uint64_t seeds[] = {0, 7, (uint64_t)1 << 53, UINT64_MAX};
    const char *path = temporary_path("results.json");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        rkv_results *results = sample_results(sizes[i][0], sizes[i][1]), *again;
        char *json, *json_again;
        results->seed = seeds[i];
        if (results->n_cells) *strchr(results->cells[0].text, '\x80') = '?'; /* it would become U+FFFD */
        assert_int_equal(rkv_results_summarise(results), RKV_OK);
        assert_int_equal(rkv_results_save(results, path), RKV_OK);
        if (rkv_results_load(&again, path)) fail_msg("%s", rkv_message());
        assert_same(results, again);
        for (size_t c = 0; c < again->n_cells; c++)
            assert_true(isnan(again->cells[c].compress_s) && isnan(again->cells[c].answer_s));
        assert_int_equal(rkv_results_to_json(results, &json), RKV_OK);
        assert_int_equal(rkv_results_to_json(again, &json_again), RKV_OK);
        assert_string_equal(json, json_again);
        rkv_free(json);
        rkv_free(json_again);
        rkv_results_free(results);
        rkv_results_free(again);
    }
}

/* Times, and the order in which cells were measured, leave no trace; nor does a text that is no UTF-8 when
 * half of the run was read back from a journal. */
static void test_the_same_run_gives_the_same_bytes(void **state) {
    (void)state;
    rkv_results *a = make(4, 3), *b = sample_results(4, 3);
    char *first, *second;
    for (size_t i = 0; i < b->n_cells; i++) {
        b->cells[i].compress_s = NAN;
        b->cells[i].answer_s *= 3;
    }
    free(b->cells[0].text);
    b->cells[0].text = strdup("once \"upon\"\na time\uFFFD");
    for (size_t i = 0, j = b->n_cells; i + 1 < j; i++) {
        rkv_cell cell = b->cells[i];
        b->cells[i] = b->cells[--j];
        b->cells[j] = cell;
    }
    assert_int_equal(rkv_results_summarise(b), RKV_OK);
    assert_int_equal(rkv_results_to_json(a, &first), RKV_OK);
    assert_int_equal(rkv_results_to_json(b, &second), RKV_OK);
    assert_string_equal(first, second);
    assert_null(strstr(first, "_s\""));
    rkv_free(first);
    rkv_free(second);
    rkv_results_free(a);
    rkv_results_free(b);
}

static void test_the_lines(void **state) {
    (void)state;
    rkv_results *results = make(3, 1);
    char *json;
    assert_int_equal(rkv_results_to_json(results, &json), RKV_OK);
    static const char *const lines[] = {
        "\n  \"device\": \"cuda \\\"Sample\\\" 80GB, tf32\",\n  \"version\": \"0.1.0\",\n",
        "\n  \"seed\": 7,\n  \"windows\": [\n    \"emma, vol. \\\"1\\\" 1\"\n  ],\n",
        "\n    {\"protocol\": \"prefill\", \"method\": \"full\", \"budget\": null, \"ratio\": 1, "
        "\"entries\": 0},\n",
        "\n    {\"protocol\": \"prefill\", \"method\": \"snapkv\", \"budget\": \"uniform\", \"ratio\": 0.25, "
        "\"entries\": 0}\n  ],\n",
        "\n      \"against_uniform\": null,\n      \"verdict\": \"\",\n      \"bytes_of_uniform\": null\n    "
        "},\n",
        "\n      \"against_full\": {\"n\": 1, \"n_below\": 0, \"n_above\": 1, \"mean\": 0.",
        ", \"low\": null, \"high\": null, \"p\": 1},\n",
        "\n    {\"setting\": 0, \"window\": 0, \"question\": 1, \"task\": \"recall\", \"query_aware\": "
        "false, "
        "\"depth\": 0.333333333333333",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        if (!strstr(json, lines[i])) fail_msg("%s\nlacks\n%s", json, lines[i]);
    rkv_free(json);
    rkv_results_free(results);
}

/* ---- what is refused ---- */

#define HEAD                                                                                                 \
    "{\"schema\": \"rankkv-results\", \"schema_version\": 1,"                                                \
    " \"model\": {\"n_layers\": 2, \"n_heads\": 4, \"n_kv_heads\": 2}, \"seed\": 1, \"windows\": [\"a\"], "
#define SETTINGS                                                                                             \
    "\"settings\": [{\"protocol\": \"prefill\", \"method\": \"knorm\", \"ratio\": 0.5, \"entries\": 0}], "
#define CELL(setting, window, more)                                                                          \
    "{\"setting\": " setting ", \"window\": " window ", \"question\": 0, \"task\": \"natural\", "            \
    "\"query_aware\": false, \"total\": 9, \"entries\": 8, \"bytes\": 100, \"kv_bytes\": 90, "               \
    "\"n_scored\": 4, \"n_right\": 3" more "}"

static rkv_status load(rkv_results **out, const char *json) {
    const char *path = temporary_path("results.json");
    temporary_write(path, json, strlen(json));
    return rkv_results_load(out, path);
}

static void test_the_least_that_is_read(void **state) {
    (void)state;
    rkv_results *r;
    if (load(&r, HEAD SETTINGS "\"cells\": [" CELL("0", "0", "") "]}")) fail_msg("%s", rkv_message());
    assert_string_equal(r->device, "");
    assert_string_equal(r->version, "");
    assert_string_equal(r->text, "");
    assert_string_equal(r->profile, "");
    assert_null(r->settings[0].budget);
    assert_int_equal(r->n_rows, 1);
    assert_true(isnan(r->rows[0].loss) && r->rows[0].accuracy == 0.75);
    rkv_results_free(r);
}

/* A row that a file claims counts for nothing. */
static void test_rows_of_a_file_are_passed_over(void **state) {
    (void)state;
    rkv_results *r;
    if (load(&r, HEAD SETTINGS "\"rows\": [{\"setting\": 99, \"loss\": 0, \"verdict\": \"better\"}, 5], "
                               "\"cells\": [" CELL("0", "0", ", \"loss\": 2") "]}"))
        fail_msg("%s", rkv_message());
    assert_int_equal(r->n_rows, 1);
    assert_true(r->rows[0].loss == 2);
    rkv_results_free(r);
}

static void test_files_that_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *json, *words;
    } cases[] = {
        {HEAD SETTINGS "\"cells\": 0}", "cells is 0, not an array"},
        {HEAD SETTINGS "\"cells\": [0]}", "cells[0] is 0, not an object"},
        {HEAD SETTINGS "\"cells\": [" CELL("1", "0", "") "]}", "cells[0] is of setting 1: there are 1"},
        {HEAD SETTINGS "\"cells\": [" CELL("0", "1", "") "]}", "cells[0] is of window 1: there are 1"},
        {HEAD SETTINGS "\"cells\": [" CELL("0", "0", "") ", " CELL("0", "0", "") "]}",
         "cells[1], of setting 0, window 0, question 0, is there twice"},
        {HEAD SETTINGS "\"cells\": [" CELL("0", "0", ", \"agreement\": 2") "]}", "cells[0].agreement is 2"},
        {HEAD "\"settings\": [3], \"cells\": []}", "settings[0] is 3, not an object"},
        {HEAD "\"settings\": [{\"protocol\": \"both\"}], \"cells\": []}", "settings[0].protocol is \"both\""},
        {HEAD "\"settings\": [{\"protocol\": \"prefill\"}], \"cells\": []}", "settings[0].ratio is missing"},
        {HEAD "\"settings\": [{\"protocol\": \"prefill\", \"ratio\": 1.5}], \"cells\": []}",
         "settings[0].ratio is 1.5, not a number from 0 to 1"},
        {HEAD
         "\"settings\": [{\"protocol\": \"prefill\", \"ratio\": 1, \"entries\": 99999999}], \"cells\": []}",
         "settings[0].entries is 99999999, not an integer from 0 to 16777216"},
        {HEAD "\"settings\": [{\"protocol\": \"prefill\", \"ratio\": 1, \"entries\": 0}], \"cells\": []}",
         "settings[0].method is missing"},
        {HEAD "\"settings\": [{\"protocol\": \"prefill\", \"ratio\": 1, \"entries\": 0, \"method\": \"\"}], "
              "\"cells\": []}",
         "settings[0] has no method"},
        {"{\"schema\": \"rankkv-results\", \"schema_version\": 1, \"model\": {\"n_layers\": 2, \"n_heads\": "
         "4, "
         "\"n_kv_heads\": 2}, \"seed\": \"18446744073709551616\"}",
         "seed is \"18446744073709551616\""},
        {"{\"schema\": \"rankkv-results\", \"schema_version\": 1, \"model\": {\"n_layers\": 2, \"n_heads\": "
         "4, "
         "\"n_kv_heads\": 2}, \"seed\": \"-1\"}",
         "seed is \"-1\""},
        {"{\"schema\": \"rankkv-results\", \"schema_version\": 1, \"model\": {\"n_layers\": 2, \"n_heads\": "
         "4, "
         "\"n_kv_heads\": 2}, \"seed\": 1, \"windows\": [\"a\", 2]}",
         "windows[1] is 2, not a string"},
        {"{\"schema\": \"rankkv-eval-journal\"}", "schema is \"rankkv-eval-journal\", not rankkv-results"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        rkv_results *r = (rkv_results *)8;
        assert_int_equal(load(&r, cases[i].json), RKV_DATA);
        assert_null(r);
        if (!strstr(rkv_message(), cases[i].words)) fail_msg("%s: %s", cases[i].words, rkv_message());
        assert_non_null(strstr(rkv_message(), "results.json: "));
    }
    rkv_results *r;
    assert_int_equal(rkv_results_load(&r, "/nowhere/results.json"), RKV_NO_INPUT);
}

static void test_results_that_are_not_written(void **state) {
    (void)state;
    rkv_results *results = make(3, 2);
    char *json = NULL;
    results->cells[4].setting = 3;
    assert_int_equal(rkv_results_to_json(results, &json), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "cells[4] is of setting 3: there are 3"));
    assert_null(json);
    const char *rows = temporary_path("none.csv");
    assert_int_equal(rkv_results_save_csv(results, rows, rows), RKV_USAGE);
    assert_int_equal(rkv_results_save(results, rows), RKV_USAGE);
    assert_int_equal(access(rows, F_OK), -1);
    results->cells[4].setting = 0;
    assert_int_equal(rkv_results_save(results, "/nowhere/results.json"), RKV_CANNOT_CREATE);
    assert_int_equal(rkv_results_save_csv(results, rows, "/nowhere/cells.csv"), RKV_CANNOT_CREATE);
    rkv_results_free(results);
}

/* ---- CSV ---- */

/* Lines of a text, and fields of each: commas in quotes part nothing. */
static void count_fields(const char *text, size_t wanted_lines) {
    size_t lines = 0, fields = 1, wanted_fields = 0;
    bool quoted = false;
    for (; *text; text++) {
        if (*text == '"') quoted = !quoted;
        if (*text == ',' && !quoted) fields++;
        if (*text != '\n') continue;
        assert_false(quoted);
        if (lines++ == 0) wanted_fields = fields;
        assert_int_equal(fields, wanted_fields);
        fields = 1;
    }
    assert_int_equal(lines, wanted_lines);
}

static void test_tables(void **state) {
    (void)state;
    rkv_results *results = make(SAMPLE_SETTINGS, 4);
    free(results->window_names[0]);
    results->window_names[0] = strdup("two\nlines, \"quoted\"");
    const char *rows_path = temporary_path("rows.csv"), *cells_path = temporary_path("cells.csv");
    if (rkv_results_save_csv(results, rows_path, cells_path)) fail_msg("%s", rkv_message());
    char *rows = content_of(rows_path), *cells = content_of(cells_path);
    count_fields(rows, 1 + results->n_rows);
    count_fields(cells, 1 + results->n_cells);
    assert_non_null(strstr(rows, "\n0,prefill,full,,1,,natural,0,2,2,"));
    assert_non_null(
        strstr(rows, "\n6,prefill,\"streaming-llm:n_sink=2,recent_size=64+int8\",uniform:min=4,0.5,,"));
    assert_non_null(strstr(rows, "\n5,prefill,snapkv,,,128,recall,1,2,4,"));
    assert_non_null(
        strstr(cells, "\n0,prefill,full,,1,,natural,0,0,\"two\u23CElines, \"\"quoted\"\"\",0,,92160,"));
    assert_non_null(strstr(rows, ",too few,"));
    free(rows);
    free(cells);
    rkv_results_free(results);
}

/* Two windows and one number that is none: all of a line. */
static void test_a_row(void **state) {
    (void)state;
    rkv_cell cells[] = {
        {.setting = 0, .n_scored = 4, .n_right = 4, .loss = 1, .kl = NAN, .agreement = 1, .depth = 0.5},
        {.setting = 1, .n_scored = 4, .n_right = 2, .loss = 1.5, .kl = 0.25, .agreement = 0.5, .bytes = 64},
    };
    rkv_setting settings[] = {{RKV_PROTOCOL_PREFILL, "full", NULL, 1, 0},
                              {RKV_PROTOCOL_PREFILL, "knorm", "inverse", 0, 16}};
    char *names[] = {(char[]){"a"}};
    rkv_results results = {.window_names = names,
                           .n_windows = 1,
                           .settings = settings,
                           .n_settings = 2,
                           .cells = cells,
                           .n_cells = 2};
    const char *rows_path = temporary_path("rows.csv"), *cells_path = temporary_path("cells.csv");
    assert_int_equal(rkv_results_summarise(&results), RKV_OK);
    assert_int_equal(rkv_results_save_csv(&results, rows_path, cells_path), RKV_OK);
    char *text = content_of(rows_path);
    assert_string_equal(
        text, "setting,protocol,method,budget,ratio,entries_asked,task,query_aware,n_windows,n_questions,"
              "loss,loss_low,loss_high,perplexity,accuracy,exact,exact_low,exact_high,kl,agreement,entries,"
              "bytes,kv_bytes,full_n,full_below,full_above,full_mean,full_low,full_high,full_p,uniform_n,"
              "uniform_below,uniform_above,uniform_mean,uniform_low,uniform_high,uniform_p,verdict,bytes_of_"
              "uniform\n"
              "0,prefill,full,,1,,natural,0,1,1,1,,,2.718281828459045,1,1,,,,1,0,0,0,0,0,0,,,,,0,0,0,,,,,,\n"
              "1,prefill,knorm,inverse,,16,natural,0,1,1,1.5,,,4.4816890703380645,0.5,0,,,0.25,0.5,0,64,0,"
              "1,0,1,0.5,,,1,0,0,0,,,,,,\n");
    free(text);
    text = content_of(cells_path);
    assert_string_equal(text, "setting,protocol,method,budget,ratio,entries_asked,task,query_aware,window,"
                              "window_name,question,depth,total,entries,bytes,kv_bytes,n_scored,n_right,"
                              "loss,kl,agreement\n"
                              "0,prefill,full,,1,,natural,0,0,a,0,0.5,0,0,0,0,4,4,1,,1\n"
                              "1,prefill,knorm,inverse,,16,natural,0,0,a,0,0,0,0,64,0,4,2,1.5,0.25,0.5\n");
    free(text);
    free(results.rows);
}

/* ---- memory runs out ---- */

static rkv_results *subject;

static rkv_status save_all(void) {
    rkv_status status = rkv_results_save(subject, temporary_path("results.json"));
    if (status) return status;
    return rkv_results_save_csv(subject, temporary_path("rows.csv"), temporary_path("cells.csv"));
}

static rkv_status load_it(void) {
    rkv_results *results;
    rkv_status status = rkv_results_load(&results, temporary_path("results.json"));
    assert_int_equal(status == RKV_OK, results != NULL);
    rkv_results_free(results);
    return status;
}

static void test_memory_runs_out(void **state) {
    (void)state;
    static rkv_status (*const calls[])(void) = {save_all, load_it};
    subject = make(2, 1);
    assert_int_equal(save_all(), RKV_OK);
    for (size_t i = 0; i < COUNT(calls); i++) {
        long k = 0;
        for (;; k++) {
            allocations_left = k;
            allocation_failed = false;
            rkv_status status = calls[i]();
            allocations_left = -1;
            if (!allocation_failed) break;
            if (status) assert_int_equal(status, RKV_NO_MEMORY); /* the sync of the folder is let off */
        }
        assert_true(k > 10);
    }
    rkv_results_free(subject);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_the_same_run_gives_the_same_bytes),
        cmocka_unit_test(test_the_lines),
        cmocka_unit_test(test_the_least_that_is_read),
        cmocka_unit_test(test_rows_of_a_file_are_passed_over),
        cmocka_unit_test(test_files_that_are_refused),
        cmocka_unit_test(test_results_that_are_not_written),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_a_row),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, temporary_set_up, temporary_tear_down);
}
