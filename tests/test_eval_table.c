/* test_eval_table.c: the table of an evaluation, held to a file: RANKKV_UPDATE_GOLDEN=1 rewrites it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "cli/eval_table.h"
#include "cli/terminal.h"
#include "core/file.h"
#include "support/sample_results.h"

#define GOLDEN RKV_TEST_DIR "/cli/eval_table.txt"

static rkv_results *make(void) {
    rkv_results *results = sample_results(SAMPLE_SETTINGS, 16);
    assert_int_equal(rkv_results_summarise(results), RKV_OK);
    return results;
}

static char *render(const rkv_results *results, size_t width) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    eval_table_write_within(out, results, width);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void check_line(const char *line, size_t width) {
    if (*line && line[strlen(line) - 1] == ' ') fail_msg("a line ends in spaces: %s", line);
    if (text_columns(line) > width) fail_msg("%zu columns, not %zu: %s", text_columns(line), width, line);
}

/* No line is wider than asked for, as long as there is room for a label and the loss. */
static void test_it_fits(void **state) {
    (void)state;
    rkv_results *results = make();
    for (size_t width = 48; width <= 160; width++) {
        char *text = render(results, width), *rest = text;
        for (char *line; (line = strsep(&rest, "\n"));)
            check_line(line, width);
        free(text);
    }
    rkv_results_free(results);
}

static void test_golden(void **state) {
    (void)state;
    static const size_t widths[] = {160, 100, 60};
    rkv_results *results = make();
    char *text = NULL, *wanted;
    size_t length, wanted_length;
    FILE *out = open_memstream(&text, &length);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        fprintf(out, "==== %zu columns ====\n", widths[i]);
        eval_table_write_within(out, results, widths[i]);
    }
    assert_int_equal(fclose(out), 0);
    if (getenv("RANKKV_UPDATE_GOLDEN")) assert_int_equal(rkv_write_file(GOLDEN, text, length), RKV_OK);
    assert_int_equal(rkv_read_file(GOLDEN, 1 << 20, &wanted, &wanted_length), RKV_OK);
    assert_string_equal(text, wanted);
    free(wanted);
    free(text);
    rkv_results_free(results);
}

/* Names come from files and may hold anything; numbers may be missing. */
static void test_what_is_odd(void **state) {
    (void)state;
    rkv_results *results = sample_results(4, 3);
    for (size_t i = 0; i < results->n_cells; i++)
        results->cells[i].loss = i % 2 ? NAN : 1e300;
    free((char *)results->settings[2].method);
    results->settings[2].method = strdup("\033[31m\n\x80 a method with a name that is long, and longer, and "
                                         "does not end for quite a while even then, nor here");
    assert_int_equal(rkv_results_summarise(results), RKV_OK);
    char *text = render(results, 80);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "\\x1B[31m\u23CE\\x80 a method"));
    assert_non_null(strstr(text, "\u2026"));
    free(text);
    rkv_results_free(results);
    const rkv_results nothing = {0};
    text = render(&nothing, 80);
    assert_string_equal(text, "");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_fits),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_what_is_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
