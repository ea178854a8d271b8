/* test_core.c: messages, allocation, text, files, random numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/fail.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/order.h"
#include "core/random.h"
#include "core/text.h"

static void test_failure_message(void **state) {
    (void)state;
    assert_int_equal(rkv_fail(RKV_DATA, "field %s is %d", "x", 7), RKV_DATA);
    assert_string_equal(rkv_message(), "field x is 7");
    assert_int_equal(rkv_fail_within(RKV_DATA, "file.bin"), RKV_DATA);
    assert_string_equal(rkv_message(), "file.bin: field x is 7");
    assert_int_equal(rkv_status_exit_code(RKV_NO_INPUT), 66);
}

static void test_first_failure_crosses_threads(void **state) {
    (void)state;
    rkv_first_failure failure = {0};
    rkv_fail(RKV_ERROR, "stale");
#pragma omp parallel for
    for (int i = 0; i < 64; i++)
        if (i == 40 && !rkv_first_failure_seen(&failure))
            rkv_first_failure_note(&failure, rkv_fail(RKV_DATA, "item %d", i));
    assert_int_equal(rkv_first_failure_raise(&failure), RKV_DATA);
    assert_string_equal(rkv_message(), "item 40");
}

static void test_alloc_refuses_overflow(void **state) {
    (void)state;
    double *p = (double *)8;
    assert_int_equal(rkv_alloc(&p, SIZE_MAX / 2, sizeof *p), RKV_NO_MEMORY);
    assert_null(p);
    assert_int_equal(rkv_alloc(&p, 3, sizeof *p), RKV_OK);
    assert_int_equal((uintptr_t)p % 64, 0);
    assert_true(p[0] == 0 && p[2] == 0);
    free(p);
}

static void test_resize_keeps_content(void **state) {
    (void)state;
    int *p = NULL;
    assert_int_equal(rkv_resize(&p, 0, 3, sizeof *p), RKV_OK);
    p[0] = 7, p[2] = 9;
    assert_int_equal(rkv_resize(&p, 3, 1001, sizeof *p), RKV_OK);
    assert_int_equal((uintptr_t)p % 64, 0);
    assert_true(p[0] == 7 && p[2] == 9);
    p[1000] = 5;
    int *before = p;
    assert_int_equal(rkv_resize(&p, 3, SIZE_MAX / 2, sizeof *p), RKV_NO_MEMORY);
    assert_ptr_equal(p, before);
    assert_int_equal(rkv_resize(&p, 1, 1, sizeof *p), RKV_OK);
    assert_int_equal(p[0], 7);
    assert_int_equal(rkv_resize(&p, 0, 0, sizeof *p), RKV_OK);
    assert_null(p);
}

static void test_text_printable(void **state) {
    (void)state;
    rkv_text text = {0};
    static const char raw[] = "a\n\t\x01\xFF\xC3\xA9";
    rkv_text_add_printable(&text, raw, sizeof raw - 1);
    char *out;
    assert_int_equal(rkv_text_finish(&text, &out), RKV_OK);
    assert_string_equal(out, "a\u23CE\u21E5\\x01\\xFF\u00e9");
    free(out);
}

static void test_utf8_refuses_overlong_and_surrogates(void **state) {
    (void)state;
    unsigned c;
    assert_int_equal(rkv_utf8_decode("\xC0\x80", 2, &c), 0);
    assert_int_equal(rkv_utf8_decode("\xE0\x80\x80", 3, &c), 0);
    assert_int_equal(rkv_utf8_decode("\xED\xA0\x80", 3, &c), 0);
    assert_int_equal(rkv_utf8_decode("\xF4\x90\x80\x80", 4, &c), 0);
    assert_int_equal(rkv_utf8_decode("\xE2\x82", 2, &c), 0);
    assert_int_equal(rkv_utf8_decode("\xF0\x9F\x98\x80", 4, &c), 4);
    assert_int_equal(c, 0x1F600);
}

static void test_file_appears_whole_or_not(void **state) {
    (void)state;
    char folder[] = "/tmp/rankkv-core-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[128];
    snprintf(path, sizeof path, "%s/f", folder);
    rkv_output output;
    assert_int_equal(rkv_output_open(&output, path), RKV_OK);
    assert_int_equal(rkv_output_write(&output, "xyz", 3), RKV_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(rkv_output_commit(&output), RKV_OK);
    char *bytes;
    size_t length;
    assert_int_equal(rkv_read_file(path, 3, &bytes, &length), RKV_OK);
    assert_string_equal(bytes, "xyz");
    free(bytes);
    assert_int_equal(rkv_read_file(path, 2, &bytes, &length), RKV_DATA);
    assert_int_equal(rkv_output_open(&output, path), RKV_OK);
    char *temporary = strdup(output.temporary);
    rkv_output_abandon(&output);
    assert_int_not_equal(access(temporary, F_OK), 0);
    free(temporary);
    assert_int_equal(rkv_write_file("/nonexistent-folder/f", "x", 1), RKV_CANNOT_CREATE);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

/* A rename would put a file in their place. */
static void test_outputs_replace_regular_files_alone(void **state) {
    (void)state;
    char folder[] = "/tmp/rankkv-core-XXXXXX", pipe[64], link[64], file[64], *bytes;
    size_t length;
    struct stat info;
    assert_non_null(mkdtemp(folder));
    snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    snprintf(file, sizeof file, "%s/file", folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(rkv_write_file(pipe, "x", 1), RKV_CANNOT_CREATE);
    assert_int_equal(rkv_write_file(folder, "x", 1), RKV_CANNOT_CREATE);
    assert_int_equal(rkv_write_file(file, "old", 3), RKV_OK);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(rkv_write_file(link, "new", 3), RKV_OK);
    assert_true(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    assert_int_equal(rkv_read_file(file, 3, &bytes, &length), RKV_OK);
    assert_string_equal(bytes, "new");
    free(bytes);
    unlink(pipe), unlink(link), unlink(file);
    assert_int_equal(rmdir(folder), 0);
}

static void test_sha256(void **state) {
    (void)state;
    char hex[65];
    assert_int_equal(rkv_sha256("abc", 3, hex), RKV_OK);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_random_is_the_published_sequence(void **state) {
    (void)state;
    rkv_random random = {1234567};
    assert_true(rkv_random_next(&random) == 6457827717110365317u);
    assert_true(rkv_random_next(&random) == 3203168211198807973u);
    for (int i = 0; i < 1000; i++)
        assert_true(rkv_random_below(&random, 7) < 7);
}

/* ---- order.h ---- */

static void test_floats_in_order(void **state) {
    (void)state;
    static const float rising[] = {NAN, -INFINITY, -3e38f, -1, -1e-45f, 0, 1e-45f, 1, 2, 3e38f, INFINITY};
    for (size_t i = 1; i < sizeof rising / sizeof *rising; i++)
        assert_true(rkv_float_order(rising[i - 1]) < rkv_float_order(rising[i]));
    assert_int_equal(rkv_float_order(-0.0f), rkv_float_order(0.0f));
    assert_int_equal(rkv_float_order(-NAN), rkv_float_order(NAN));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failure_message),
        cmocka_unit_test(test_first_failure_crosses_threads),
        cmocka_unit_test(test_alloc_refuses_overflow),
        cmocka_unit_test(test_resize_keeps_content),
        cmocka_unit_test(test_text_printable),
        cmocka_unit_test(test_utf8_refuses_overlong_and_surrogates),
        cmocka_unit_test(test_file_appears_whole_or_not),
        cmocka_unit_test(test_outputs_replace_regular_files_alone),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_floats_in_order),
        cmocka_unit_test(test_random_is_the_published_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
