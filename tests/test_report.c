/* test_report.c: a report's page holds what was put into it, escaped, under a policy that lets only its own
 * style and script be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rankkv/rankkv.h>
#include <rankkv/report.h>

#include "core/base64.h"
#include "core/file.h"
#include "core/hash.h"
#include "support/page.h"
#include "support/temporary.h"

#define HOSTILE      "</script><img src=x onerror=alert(1)>\xE2\x80\xA8&amp;\"'"
/* The same in JSON. */
#define HOSTILE_JSON "</script><img src=x onerror=alert(1)>\xE2\x80\xA8&amp;\\\"'"

static rkv_report *a_report(const char *title) {
    rkv_report *report = NULL;
    assert_int_equal(rkv_report_new(&report, title), RKV_OK);
    return report;
}

/* Saves, frees and reads the page back. */
static char *saved(rkv_report *report) {
    char *page = NULL;
    size_t length;
    const char *path = temporary_path("report.html");
    assert_int_equal(rkv_report_save(report, path), RKV_OK);
    assert_int_equal(rkv_read_file(path, (size_t)64 << 20, &page, &length), RKV_OK);
    rkv_report_free(report);
    return page;
}

/* ---- the policy ---- */

static void hash_of(char *page, const char *tag, char out[64]) {
    char open[32], close[32];
    snprintf(open, sizeof open, "<%s>", tag);
    snprintf(close, sizeof close, "</%s>", tag);
    char *text = page_between(page, open, close);
    unsigned char digest[32];
    assert_int_equal(rkv_sha256_digest(text, strlen(text), digest), RKV_OK);
    rkv_text base64 = {0};
    rkv_text_add_base64(&base64, digest, sizeof digest);
    snprintf(out, 64, "%s", base64.bytes);
    free(base64.bytes);
    free(text);
}

static void test_policy(void **state) {
    (void)state;
    char *page = saved(a_report("title")), script[64], style[64], expected[512];
    hash_of(page, "script", script);
    hash_of(page, "style", style);
    snprintf(expected, sizeof expected,
             "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; img-src data: blob:; "
             "base-uri 'none'; form-action 'none'",
             script, style);
    char *policy = page_between(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"", "\">");
    assert_string_equal(policy, expected);
    assert_true(strstr(page, "Content-Security-Policy") < strstr(page, "<style"));
    assert_true(strstr(page, "<meta charset=\"utf-8\">") < strstr(page, "Content-Security-Policy"));
    free(policy);
    free(page);
}

/* Every mark of the template was replaced. */
static void test_no_mark_is_left(void **state) {
    (void)state;
    char *page = saved(a_report("title"));
    assert_null(strstr(page, "<!--"));
    free(page);
}

/* ---- what is hostile ---- */

static void test_everything_is_escaped(void **state) {
    (void)state;
    rkv_report *report = a_report(HOSTILE);
    float value = 1;
    rkv_report_array array = {.name = HOSTILE,
                              .type = RKV_REPORT_F32,
                              .n_dims = 1,
                              .shape = {1},
                              .data = &value,
                              .attributes = "{\"" HOSTILE_JSON "\": \"" HOSTILE_JSON "\"}"};
    assert_int_equal(rkv_report_add_document(report, "made", HOSTILE, "{\"" HOSTILE_JSON "\": 1}"), RKV_OK);
    assert_int_equal(rkv_report_add_array(report, &array), RKV_OK);
    char *page = saved(report);
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "\xE2\x80\xA8&amp;\\")); /* in JSON; text may hold it */
    page_check(page);
    free(page);
}

static void test_title_with_other_bytes(void **state) {
    (void)state;
    char *page = saved(a_report("a\xFF\n\x01z"));
    assert_non_null(strstr(page, "<title>a\\xFF\u23CE\\x01z</title>"));
    page_check(page);
    free(page);
}

/* ---- documents ---- */

static void test_documents_are_verbatim(void **state) {
    (void)state;
    static const char *const documents[] = {"{\"a\": [1, 2.50, null]}", " [ ]", "{}\n"};
    rkv_report *report = a_report("title");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rkv_report_add_document(report, "cache", "name", documents[i]), RKV_OK);
    char *page = saved(report), open[80];
    for (size_t i = 0; i < 3; i++) {
        snprintf(open, sizeof open, "<script type=\"application/json\" id=\"document-%zu\">", i);
        char *text = page_between(page, open, "</script>");
        assert_string_equal(text, documents[i]);
        free(text);
    }
    free(page);
}

static void test_bad_documents(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "null",
                                      "1",
                                      "{",
                                      "{\"a\": 1,}",
                                      "[1] [2]",
                                      "{\"a\": \xFF}",
                                      "\"<\"",
                                      "{\"a\": 1, \"a\": 2}",
                                      "[1e999]",
                                      "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]"};
    rkv_report *report = a_report("title");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rkv_report_add_document(report, "run", "run.json", bad[i]), RKV_DATA);
        assert_non_null(strstr(rkv_message(), "run run.json: "));
    }
    assert_int_equal(rkv_report_add_document(report, "table", "x", "{}"), RKV_USAGE);
    char *page = saved(report);
    assert_null(strstr(page, "document-0"));
    free(page);
}

/* ---- arrays ---- */

/* A shape, its parts, and whether it is one. */
static const struct {
    rkv_report_type type;
    size_t n_dims, shape[RKV_REPORT_DIMS], part_dims;
    rkv_status status;
} shapes[] = {
    {RKV_REPORT_U8, 1, {1}, 0, RKV_OK},
    {RKV_REPORT_U8, 3, {3, 2, 1000}, 2, RKV_OK},
    {RKV_REPORT_I32, 2, {5, 7}, 1, RKV_OK},
    {RKV_REPORT_F32, 4, {2, 3, 4, 5}, 3, RKV_OK},
    {RKV_REPORT_F32, 4, {2, 3, 4, 5}, 0, RKV_OK},
    {RKV_REPORT_TYPE_COUNT, 1, {1}, 0, RKV_USAGE},
    {RKV_REPORT_U8, 0, {1}, 0, RKV_USAGE},
    {RKV_REPORT_U8, 5, {1, 1, 1, 1}, 0, RKV_USAGE},
    {RKV_REPORT_U8, 2, {1, 1}, 2, RKV_USAGE},
    {RKV_REPORT_U8, 2, {3, 0}, 1, RKV_USAGE},
    {RKV_REPORT_F32, 2, {SIZE_MAX / 2, 4}, 0, RKV_NO_MEMORY},
};

static void test_arrays_round_trip(void **state) {
    (void)state;
    enum { MOST = 3 * 2 * 1000 };
    unsigned char data[MOST], back[MOST];
    for (size_t i = 0; i < MOST; i++)
        data[i] = (unsigned char)(i * i / 7);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        rkv_report *report = a_report("title");
        rkv_report_array array = {.name = "x",
                                  .type = shapes[i].type,
                                  .n_dims = shapes[i].n_dims,
                                  .part_dims = shapes[i].part_dims,
                                  .data = data};
        memcpy(array.shape, shapes[i].shape, sizeof array.shape);
        assert_int_equal(rkv_report_add_document(report, "made", "m", "{}"), RKV_OK);
        assert_int_equal(rkv_report_add_array(report, &array), shapes[i].status);
        char *page = saved(report);
        page_check(page);
        if (shapes[i].status == RKV_OK) {
            size_t n = page_array(page, 0, back, sizeof back);
            assert_int_equal(n, page_array_bytes(page, 0));
            assert_memory_equal(back, data, n);
        }
        free(page);
    }
}

static void test_bad_arrays(void **state) {
    (void)state;
    rkv_report *report = a_report("title");
    unsigned char byte = 1;
    rkv_report_array array = {.name = "x", .type = RKV_REPORT_U8, .n_dims = 1, .shape = {1}, .data = &byte};
    assert_int_equal(rkv_report_add_array(report, &array), RKV_USAGE); /* no document */
    for (int i = 0; i < 2; i++) {                                      /* its name again is fine in another */
        assert_int_equal(rkv_report_add_document(report, "made", "m", "{}"), RKV_OK);
        assert_int_equal(rkv_report_add_array(report, &array), RKV_OK);
        assert_int_equal(rkv_report_add_array(report, &array), RKV_USAGE);
        assert_non_null(strstr(rkv_message(), "array x"));
    }
    array.name = "y";
    array.attributes = "[]";
    assert_int_equal(rkv_report_add_array(report, &array), RKV_USAGE);
    array.attributes = "{";
    assert_int_equal(rkv_report_add_array(report, &array), RKV_DATA);
    array.name = "";
    assert_int_equal(rkv_report_add_array(report, &array), RKV_USAGE);
    char *page = saved(report);
    assert_null(strstr(page, "array-2"));
    free(page);
}

/* ---- where it goes ---- */

static void test_places_that_cannot_be(void **state) {
    (void)state;
    rkv_report *report = a_report("title");
    assert_int_equal(rkv_report_save(report, temporary_path("no/such/report.html")), RKV_CANNOT_CREATE);
    assert_int_equal(rkv_report_save(report, temporary_path("")), RKV_CANNOT_CREATE);
    rkv_report_free(report);
    rkv_report_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_no_mark_is_left),
        cmocka_unit_test(test_everything_is_escaped),
        cmocka_unit_test(test_title_with_other_bytes),
        cmocka_unit_test(test_documents_are_verbatim),
        cmocka_unit_test(test_bad_documents),
        cmocka_unit_test(test_arrays_round_trip),
        cmocka_unit_test(test_bad_arrays),
        cmocka_unit_test(test_places_that_cannot_be),
    };
    return cmocka_run_group_tests_name("report", tests, temporary_set_up, temporary_tear_down);
}
