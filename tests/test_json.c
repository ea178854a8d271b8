/* test_json.c: numbers and strings written so that they read back, and documents read with checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <float.h>
#include <locale.h>
#include <math.h>

#include "core/memory.h"
#include "core/random.h"
#include "io/json.h"
#include "io/json_write.h"
#include "io/number.h"

static void check_number(double value, const char *wanted) {
    rkv_text text = {0};
    char *digits;
    rkv_text_add_number(&text, value);
    assert_int_equal(rkv_text_finish(&text, &digits), RKV_OK);
    if (wanted) assert_string_equal(digits, wanted);
    assert_true(strtod(digits, NULL) == value);
    free(digits);
}

static void test_numbers_are_short_and_exact(void **state) {
    (void)state;
    check_number(0.1, "0.1");
    check_number(64, "64");
    check_number(-0.0, "0");
    check_number(1.0 / 3, "0.3333333333333333");
    check_number(0.1 + 0.2, "0.30000000000000004");
    check_number(DBL_MAX, "1.7976931348623157e+308");
    check_number(5e-324, NULL);
    rkv_random random = {1};
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rkv_random_next(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) check_number(value, NULL);
    }
}

static void test_numbers_ignore_the_locale(void **state) {
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    size_t i = 0;
    while (i < 4 && !setlocale(LC_NUMERIC, commas[i]))
        i++;
    if (i == 4) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    rkv_text text = {0};
    char *digits;
    rkv_text_add_number(&text, 2.5);
    assert_int_equal(rkv_text_finish(&text, &digits), RKV_OK);
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(digits, "2.5");
    free(digits);
}

static void test_writer(void **state) {
    (void)state;
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    char *json;
    rkv_json_begin(&out, NULL, '{');
    rkv_json_string(&out, "s", "a\"\\\n\x01\xFF\u00e9");
    rkv_json_string(&out, "none", NULL);
    rkv_json_number(&out, "nan", NAN);
    rkv_json_matrix(&out, "m", (double[]){1, 2.5, INFINITY, 4}, 2, 2);
    rkv_json_begin(&out, "empty", '[');
    rkv_json_end(&out, ']');
    rkv_json_ids(&out, "ids", (int32_t[]){3, 1}, 2);
    rkv_json_end(&out, '}');
    assert_int_equal(rkv_text_finish(&text, &json), RKV_OK);
    assert_string_equal(json, "{\n"
                              "  \"s\": \"a\\\"\\\\\\u000a\\u0001\uFFFD\u00e9\",\n"
                              "  \"none\": null,\n"
                              "  \"nan\": null,\n"
                              "  \"m\": [\n"
                              "    [1, 2.5],\n"
                              "    [null, 4]\n"
                              "  ],\n"
                              "  \"empty\": [],\n"
                              "  \"ids\": [3, 1]\n"
                              "}\n");
    json_t *document;
    assert_int_equal(rkv_json_parse(&document, json, strlen(json)), RKV_OK);
    json_decref(document);
    free(json);
}

static void test_parsed_values_are_written_again(void **state) {
    (void)state;
    static const char source[] = "{\"a\": [1, 2.5, true, false, null, {}], \"b\": {\"c\": \"x\\\"y\"}}";
    json_t *document;
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    char *again;
    assert_int_equal(rkv_json_parse(&document, source, strlen(source)), RKV_OK);
    rkv_json_value(&out, NULL, document);
    assert_int_equal(rkv_text_finish(&text, &again), RKV_OK);
    assert_string_equal(again, source);
    free(again);
    json_decref(document);
}

static void refuse(const char *json, const char *words) {
    json_t *document = (json_t *)8;
    assert_int_equal(rkv_json_parse(&document, json, strlen(json)), RKV_DATA);
    assert_null(document);
    if (!strstr(rkv_message(), words)) fail_msg("\"%s\" lacks \"%s\"", rkv_message(), words);
    for (const char *c = rkv_message(); *c; c++)
        assert_true(*c >= 0x20);
}

static void test_documents_that_are_refused(void **state) {
    (void)state;
    refuse("", "line 1");
    refuse("[1]", "the document is an array of 1, not an object");
    refuse("{\"a\": 1, \"a\": 2}", "duplicate");
    refuse("{\"a\": 1e999}", "overflow");
    refuse("{\"a\": 99999999999999999999}", "too big");
    refuse("{\"a\": NaN}", "line 1");
    refuse("{\"a\": \"\x1B[31m\"}", "line 1");
    refuse("{\"a\": \x1B[31m}", "line 1");
    refuse("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "nested deeper than 16");
    refuse("{\"a\": \"[[[[[[[[[[[[[[[[[[[[\\\"[[\"", "line 1"); /* brackets in a string do not nest */
}

/* count copies of piece between "{\"a\": [" and "0]}". */
static char *long_document(const char *piece, size_t count) {
    rkv_text text = {0};
    char *json;
    rkv_text_printf(&text, "{\"a\": [");
    for (size_t i = 0; i < count; i++)
        rkv_text_add(&text, piece, strlen(piece));
    rkv_text_printf(&text, "0]}");
    assert_int_equal(rkv_text_finish(&text, &json), RKV_OK);
    return json;
}

static void test_memory_is_bounded_before_parsing(void **state) {
    (void)state;
    char *json = long_document("[],", RKV_JSON_MAX_CONTAINERS);
    refuse(json, "objects and arrays, more than the 262144");
    free(json);
    json = long_document("0,", RKV_JSON_MAX_VALUES);
    refuse(json, "values, more than the 8388608");
    free(json);
}

static void test_getters_name_what_they_refuse(void **state) {
    (void)state;
    static const char source[] =
        "{\"n\": -1, \"s\": 5, \"r\": 1.5, \"list\": [1, \"x\"], \"t\": [[1, 2], [3]],"
        " \"z\": null, \"text\": \"\\u001b[31mred\"}";
    json_t *d;
    size_t size, *sizes;
    double *doubles, number;
    const char *string;
    const json_t *object;
    assert_int_equal(rkv_json_parse(&d, source, strlen(source)), RKV_OK);
#define REFUSED(call, message)                                                                               \
    assert_int_equal(call, RKV_DATA);                                                                        \
    assert_string_equal(rkv_message(), message)
    REFUSED(rkv_json_get_size(d, "", "n", 0, 9, &size), "n is -1, not an integer from 0 to 9");
    REFUSED(rkv_json_get_size(d, "model", "r", 0, 9, &size), "model.r is 1.5, not an integer from 0 to 9");
    REFUSED(rkv_json_get_size(d, "", "q", 1, 9, &size), "q is missing (an integer from 1 to 9)");
    REFUSED(rkv_json_get_string(d, "", "s", &string), "s is 5, not a string");
    REFUSED(rkv_json_get_object(d, "", "text", &object), "text is \"?[31mred\", not an object");
    REFUSED(rkv_json_get_numbers(d, "", "list", 3, &doubles), "list is an array of 2, not an array of 3");
    REFUSED(rkv_json_get_numbers(d, "", "list", 2, &doubles), "list[1] is \"x\", not a number or null");
    assert_null(doubles);
    REFUSED(rkv_json_get_sizes(d, "", "list", 2, 9, &sizes), "list[1] is \"x\", not an integer from 0 to 9");
    REFUSED(rkv_json_get_matrix(d, "", "t", 2, 2, &doubles), "t[1] is an array of 1, not an array of 2");
    REFUSED(rkv_json_get_number(d, "", "text", &number), "text is \"?[31mred\", not a number or null");
    assert_int_equal(rkv_json_get_number(d, "", "z", &number), RKV_OK);
    assert_true(isnan(number));
    assert_false(rkv_json_has(d, "z"));
    json_decref(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_short_and_exact),
        cmocka_unit_test(test_numbers_ignore_the_locale),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_parsed_values_are_written_again),
        cmocka_unit_test(test_documents_that_are_refused),
        cmocka_unit_test(test_memory_is_bounded_before_parsing),
        cmocka_unit_test(test_getters_name_what_they_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
