/* cmocka.c: stands in for cmocka: runs tests in turn, and says on stderr what failed. */
#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FAILED = 1, SKIPPED };
static jmp_buf around_test;

void standin_fail(const char *file, int line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    longjmp(around_test, FAILED);
}

void standin_skip(void) {
    longjmp(around_test, SKIPPED);
}

void print_message(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

void standin_check(bool holds, const char *what, const char *file, int line) {
    if (!holds) standin_fail(file, line, "%s", what);
}

void standin_check_integers(bool want_equal, intmax_t a, intmax_t b, const char *file, int line) {
    if ((a == b) != want_equal) standin_fail(file, line, "%jd %s %jd", a, want_equal ? "is not" : "is", b);
}

void standin_check_strings(bool want_equal, const char *a, const char *b, const char *file, int line) {
    if ((strcmp(a, b) == 0) != want_equal)
        standin_fail(file, line, "\"%s\" %s \"%s\"", a, want_equal ? "is not" : "is", b);
}

void standin_check_memory(bool want_equal, const void *a, const void *b, size_t size, const char *file,
                          int line) {
    const unsigned char *x = a, *y = b;
    size_t i = 0;
    while (i < size && x[i] == y[i])
        i++;
    if ((i == size) == want_equal) return;
    if (i == size) standin_fail(file, line, "%zu bytes are the same", size);
    standin_fail(file, line, "byte %zu of %zu is 0x%02x, not 0x%02x", i, size, x[i], y[i]);
}

/* Whether a fixture that may be absent went well. */
static bool passes(standin_fixture fixture, void **state) {
    return !fixture || fixture(state) == 0;
}

/* 0, FAILED or SKIPPED, as all below. A fixture that fails an assertion comes back here too. */
static int run_between(const struct CMUnitTest *test, void **state) {
    switch (setjmp(around_test)) {
    case 0:
        if (!passes(test->set_up, state)) return FAILED;
        test->run(state);
        return 0;
    case SKIPPED:
        return SKIPPED;
    default:
        return FAILED;
    }
}

static int run_after(const struct CMUnitTest *test, void **state) {
    return setjmp(around_test) == 0 && passes(test->tear_down, state) ? 0 : FAILED;
}

static int run(const struct CMUnitTest *test, void *state) {
    printf("[ RUN      ] %s\n", test->name);
    fflush(stdout);
    int result = run_between(test, &state), after = run_after(test, &state);
    if (after) result = after;
    printf("[ %s ] %s\n", result == 0 ? "      OK" : result == SKIPPED ? " SKIPPED" : "  FAILED", test->name);
    return result;
}

/* Whether a fixture of the group went well; an assertion that fails in it comes back here. */
static bool group_passes(standin_fixture fixture, void **state) {
    return setjmp(around_test) == 0 && passes(fixture, state);
}

int standin_run_group(const char *name, const struct CMUnitTest *tests, size_t n, standin_fixture set_up,
                      standin_fixture tear_down) {
    void *state = NULL;
    int count[3] = {0};
    if (!group_passes(set_up, &state)) return 1;
    for (size_t i = 0; i < n; i++)
        count[run(&tests[i], state)]++;
    if (!group_passes(tear_down, &state)) count[FAILED]++;
    printf("%s: %zu tests, %d failed, %d skipped\n", name, n, count[FAILED], count[SKIPPED]);
    return count[FAILED];
}
