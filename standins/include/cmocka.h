/* cmocka.h: of cmocka, what the tests use; standins/cmocka.c. */
#ifndef RKV_STANDINS_CMOCKA_H
#define RKV_STANDINS_CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int (*standin_fixture)(void **state);

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
    standin_fixture set_up, tear_down;
};

#define cmocka_unit_test(function)                                                                           \
    { #function, function, NULL, NULL }
#define cmocka_unit_test_setup_teardown(function, set_up, tear_down)                                         \
    { #function, function, set_up, tear_down }
#define cmocka_run_group_tests_name(name, tests, set_up, tear_down)                                          \
    standin_run_group(name, tests, sizeof(tests) / sizeof *(tests), set_up, tear_down)
#define cmocka_run_group_tests(tests, set_up, tear_down)                                                     \
    cmocka_run_group_tests_name(#tests, tests, set_up, tear_down)

/* How many tests failed. */
int standin_run_group(const char *name, const struct CMUnitTest *tests, size_t n, standin_fixture set_up,
                      standin_fixture tear_down);

/* Ends the test that runs. */
void standin_fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
void standin_skip(void) __attribute__((noreturn));
void print_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

void standin_check(bool holds, const char *what, const char *file, int line);
void standin_check_integers(bool want_equal, intmax_t a, intmax_t b, const char *file, int line);
void standin_check_strings(bool want_equal, const char *a, const char *b, const char *file, int line);
void standin_check_memory(bool want_equal, const void *a, const void *b, size_t size, const char *file,
                          int line);

#define fail_msg(...) standin_fail(__FILE__, __LINE__, __VA_ARGS__)
#define fail()        fail_msg("failed")
#define skip()        standin_skip()

#define STANDIN_HERE       __FILE__, __LINE__
#define assert_true(c)     standin_check(!!(c), #c, STANDIN_HERE)
#define assert_false(c)    standin_check(!(c), "not (" #c ")", STANDIN_HERE)
#define assert_non_null(p) standin_check((p) != NULL, #p " != NULL", STANDIN_HERE)
#define assert_null(p)     standin_check((p) == NULL, #p " == NULL", STANDIN_HERE)
#define assert_ptr_equal(a, b)                                                                               \
    standin_check((const void *)(a) == (const void *)(b), #a " == " #b, STANDIN_HERE)
#define assert_in_range(x, low, high)                                                                        \
    standin_check((x) >= (low) && (x) <= (high), #x " in range", STANDIN_HERE)
#define assert_int_equal(a, b)              standin_check_integers(true, (intmax_t)(a), (intmax_t)(b), STANDIN_HERE)
#define assert_int_not_equal(a, b)          standin_check_integers(false, (intmax_t)(a), (intmax_t)(b), STANDIN_HERE)
#define assert_string_equal(a, b)           standin_check_strings(true, a, b, STANDIN_HERE)
#define assert_string_not_equal(a, b)       standin_check_strings(false, a, b, STANDIN_HERE)
#define assert_memory_equal(a, b, size)     standin_check_memory(true, a, b, size, STANDIN_HERE)
#define assert_memory_not_equal(a, b, size) standin_check_memory(false, a, b, size, STANDIN_HERE)

#endif
