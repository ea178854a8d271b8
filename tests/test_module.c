/* test_module.c: devices that are opened at run time: what happens where they are not there. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/device.h>

#include "backend/module.h"

static void test_missing_file(void **state) {
    (void)state;
    const rkv_module *module;
    assert_int_equal(rkv_module_open_file("/nowhere/librankkv-cuda.so", "cuda", &module), RKV_UNAVAILABLE);
    assert_null(module);
    assert_non_null(strstr(rkv_message(), "/nowhere/librankkv-cuda.so"));
}

static void test_file_that_is_no_module(void **state) {
    (void)state;
    const rkv_module *module;
    assert_int_equal(rkv_module_open_file(__FILE__, "cuda", &module), RKV_UNAVAILABLE);
    assert_non_null(strstr(rkv_message(), "test_module.c"));
    assert_int_equal(rkv_module_open_file("libm.so.6", "cuda", &module), RKV_UNAVAILABLE);
    assert_string_equal(rkv_message(), "libm.so.6: has no function rkv_cuda_module");
    assert_null(module);
}

static void test_unknown_kind(void **state) {
    (void)state;
    const rkv_module *module;
    assert_int_equal(rkv_module_open("abacus", &module), RKV_UNAVAILABLE);
    assert_non_null(strstr(rkv_message(), "librankkv-abacus.so"));
}

/* Whether or not there is a device here, automatic choice works and says what it did. */
static void test_automatic_choice(void **state) {
    (void)state;
    char name[32], reason[256], text[256];
    static const char *const automatic[] = {"auto", NULL};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rkv_device_choose(automatic[i], name, sizeof name, reason, sizeof reason), RKV_OK);
        if (strcmp(name, "cpu") == 0)
            assert_true(*reason && !strchr(reason, '\n'));
        else
            assert_string_equal(name, "cuda:0"), assert_string_equal(reason, "");
        assert_int_equal(rkv_device_describe(automatic[i], text, sizeof text), RKV_OK);
        assert_int_equal(strncmp(text, name, 3), 0);
    }
}

static void test_named_devices_are_left_alone(void **state) {
    (void)state;
    char name[32], reason[256] = "old";
    static const char *const named[] = {"cpu", "cuda", "cuda:7", "tpu"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        assert_int_equal(rkv_device_choose(named[i], name, sizeof name, reason, sizeof reason), RKV_OK);
        assert_string_equal(name, named[i]);
        assert_string_equal(reason, "");
    }
    assert_int_equal(rkv_device_choose("a name that is longer than any", name, 8, reason, sizeof reason),
                     RKV_USAGE);
}

static void test_malformed_numbers(void **state) {
    (void)state;
    static const char *const names[] = {"cuda:",   "cuda:x",  "cuda:-1",   "cuda:+1",
                                        "cuda:1x", "cuda:0,", "cuda: 1",   "cuda:99999",
                                        "cudax",   "cuda:,1", "cuda:0,,1", "cuda:0,cuda:1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rkv_backend *b;
        assert_int_equal(rkv_backend_open(&b, names[i]), RKV_USAGE);
        assert_null(b);
        assert_non_null(strstr(rkv_message(), names[i]));
    }
}

/* The real module, where it was built: without a driver it names the driver's reason, with one a number that
 * no machine has is refused. */
static void test_real_module(void **state) {
    (void)state;
    const rkv_module *module;
    if (rkv_module_open("cuda", &module)) {
        printf("skipped: %s\n", rkv_message());
        skip();
    }
    size_t n = 7;
    rkv_status status = module->count(&n);
    rkv_backend *b;
    assert_int_equal(module->open(&b, 4000), RKV_UNAVAILABLE);
    assert_null(b);
    if (status) {
        assert_int_equal(status, RKV_UNAVAILABLE);
        assert_int_equal(n, 0);
        assert_int_equal(strncmp(rkv_message(), "no CUDA device: ", 16), 0);
        assert_true(strlen(rkv_message()) > 24);
        assert_int_equal(rkv_backend_open(&b, "cuda"), RKV_UNAVAILABLE);
        assert_int_equal(strncmp(rkv_message(), "device cuda: no CUDA device: ", 29), 0);
    }
}

/* A library of another version is refused, in words that reach it. */
static char last_message[256];

static void note(rkv_status status, const char *message) {
    (void)status;
    snprintf(last_message, sizeof last_message, "%s", message);
}

static void test_other_version(void **state) {
    (void)state;
    const rkv_module *module;
    if (!RKV_TEST_CUDA_MODULE[0]) {
        printf("skipped: this build has no CUDA module\n");
        skip();
    }
    void *file = dlopen(RKV_TEST_CUDA_MODULE, RTLD_NOW);
    assert_non_null(file);
    void *symbol = dlsym(file, "rkv_cuda_module");
    rkv_module_entry *entry;
    memcpy(&entry, &symbol, sizeof entry);
    static const rkv_module_host other = {RKV_MODULE_ABI + 1, note};
    assert_int_equal(entry(&other, &module), RKV_UNAVAILABLE);
    assert_null(module);
    assert_non_null(strstr(last_message, "version"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_file_that_is_no_module),
        cmocka_unit_test(test_unknown_kind),
        cmocka_unit_test(test_automatic_choice),
        cmocka_unit_test(test_named_devices_are_left_alone),
        cmocka_unit_test(test_malformed_numbers),
        cmocka_unit_test(test_real_module),
        cmocka_unit_test(test_other_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
