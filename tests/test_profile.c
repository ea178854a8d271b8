/* test_profile.c: profiles as plain data: what is put is found, and what is wrong is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/profile.h>

#include "support/sample_profile.h"

static const rkv_model_info model = {.name = "sample", .n_layers = 2, .n_heads = 4, .n_kv_heads = 2};

/* A signal over literals: what is put is copied. */
#define SIGNAL(NAME, PER_KV_HEAD, ...)                                                                       \
    (rkv_signal) {                                                                                           \
        .name = (char[]){NAME}, .unit = (char[]){"mass"}, .per_kv_head = (PER_KV_HEAD),                      \
        .values = (double[]){__VA_ARGS__},                                                                   \
    }

static rkv_profile *empty(void) {
    rkv_profile *p;
    assert_int_equal(rkv_profile_new(&p, &model), RKV_OK);
    return p;
}

static void test_put_and_find(void **state) {
    (void)state;
    rkv_profile *p = empty();
    const rkv_signal a = SIGNAL("a", false, 0, 1, 2, 3, 4, 5, 6, 7), b = SIGNAL("b_2", true, 0.5, 1, 2, 3);
    assert_int_equal(rkv_profile_put(p, &a), RKV_OK);
    assert_int_equal(rkv_profile_put(p, &b), RKV_OK);
    const rkv_signal *found = rkv_profile_find(p, "a");
    assert_true(found && found->name != a.name && found->values != a.values);
    assert_memory_equal(found->values, a.values, 8 * sizeof(double));
    assert_string_equal(found->unit, "mass");
    assert_string_equal(found->summary, ""); /* NULL was given */
    assert_null(rkv_profile_find(p, "b"));
    /* One of the same name takes its place, also in its other shape. */
    const rkv_signal again = SIGNAL("a", true, 9, 8, 7, 6);
    assert_int_equal(rkv_profile_put(p, &again), RKV_OK);
    assert_int_equal(p->n_signals, 2);
    found = rkv_profile_find(p, "a");
    assert_true(found->per_kv_head && found->values[0] == 9);
    rkv_profile_free(p);
    rkv_profile_free(NULL);
}

static void test_what_is_no_signal(void **state) {
    (void)state;
    char sixty_five[66] = {0};
    memset(sixty_five, 'x', 65);
    const char *const names[] = {"", "a b", "a-b", "\"", "é", sixty_five, NULL};
    const double values[] = {-1, NAN, INFINITY};
    rkv_profile *p = empty();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rkv_signal signal = SIGNAL("a", true, 1, 1, 1, 1);
        signal.name = (char *)names[i];
        assert_int_equal(rkv_profile_put(p, &signal), RKV_USAGE);
        assert_non_null(strstr(rkv_message(), "a signal is called"));
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const rkv_signal signal = SIGNAL("a", true, 1, 1, 1, values[i]);
        assert_int_equal(rkv_profile_put(p, &signal), RKV_USAGE);
        assert_non_null(strstr(rkv_message(), "a of layer 1, head 1 is"));
    }
    assert_int_equal(p->n_signals, 0);
    rkv_profile_free(p);
}

static void test_merge(void **state) {
    (void)state;
    rkv_profile *p = empty(), *from = sample_profile(&model, 1);
    const rkv_signal retr = SIGNAL("retr", true, 1, 1, 1, 1), own = SIGNAL("own", true, 1, 1, 1, 1);
    const rkv_calibration calibration = {.budget = (char[]){"uniform"}, .ratio = 0.5};
    assert_int_equal(rkv_profile_put(p, &retr), RKV_OK);
    assert_int_equal(rkv_profile_put(p, &own), RKV_OK);
    assert_int_equal(rkv_profile_set_calibration(p, &calibration), RKV_OK);
    assert_int_equal(rkv_profile_merge(p, from), RKV_OK);
    assert_int_equal(p->n_signals, 3);
    assert_false(rkv_profile_find(p, "retr")->per_kv_head);
    assert_string_equal(p->calibration->budget, from->calibration->budget);
    /* One without calibration leaves the one that is there. */
    assert_int_equal(rkv_profile_set_calibration(from, NULL), RKV_OK);
    assert_null(from->calibration);
    assert_int_equal(rkv_profile_merge(p, from), RKV_OK);
    assert_non_null(p->calibration);
    assert_int_equal(rkv_profile_merge(p, p), RKV_OK);
    assert_int_equal(p->n_signals, 3);
    rkv_profile_free(from);
    rkv_profile_free(p);
}

static void test_of_which_model(void **state) {
    (void)state;
    rkv_profile *p = empty();
    rkv_model_info other = model;
    assert_int_equal(rkv_profile_check_model(p, &other), RKV_OK);
    memset(other.sha256, 'a', 64);
    assert_int_equal(rkv_profile_check_model(p, &other), RKV_OK); /* not known of the profile's */
    memset(p->model.sha256, 'b', 64);
    assert_int_equal(rkv_profile_check_model(p, &other), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "b, not aaaa"));
    other = model;
    other.n_kv_heads = 4;
    assert_int_equal(rkv_profile_check_model(p, &other), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "2 layers, 4 heads and 2 KV heads"));
    rkv_profile *from = sample_profile(&other, 1);
    assert_int_equal(rkv_profile_merge(p, from), RKV_DATA);
    assert_int_equal(p->n_signals, 0);
    rkv_profile_free(from);
    rkv_profile_free(p);
    other.n_kv_heads = 3;
    assert_int_equal(rkv_profile_new(&p, &other), RKV_USAGE);
    assert_null(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_find),
        cmocka_unit_test(test_what_is_no_signal),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_of_which_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
