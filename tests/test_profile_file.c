/* test_profile_file.c: profile.json read back whole, and what is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/profile.h>

#include "core/text.h"
#include "support/sample_profile.h"
#include "support/temporary.h"

static void test_round_trip(void **state) {
    (void)state;
    const rkv_model_info model = {.name = "m \"1\"",
                                  .architecture = "llama",
                                  .file_type = "F32",
                                  .n_layers = 3,
                                  .n_heads = 6,
                                  .n_kv_heads = 2};
    rkv_profile *p = sample_profile(&model, 4), *again;
    const char *path = temporary_path("profile.json");
    char *json, *json_again;
    p->signals[0].values[4] = 5e-324;
    p->calibration->loss = NAN; /* unknown */
    assert_int_equal(rkv_profile_save(p, path), RKV_OK);
    if (rkv_profile_load(&again, path)) fail_msg("%s", rkv_message());
    assert_int_equal(again->n_signals, p->n_signals);
    for (size_t i = 0; i < p->n_signals; i++) {
        const rkv_signal *a = &p->signals[i], *b = &again->signals[i]; /* in the same order */
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->summary, b->summary);
        assert_int_equal(a->per_kv_head, b->per_kv_head);
        assert_memory_equal(a->values, b->values, 3 * (a->per_kv_head ? 2 : 6) * sizeof(double));
    }
    assert_true(isnan(again->calibration->loss) && again->calibration->uniform_loss == 3.5);
    assert_int_equal(rkv_profile_to_json(p, &json), RKV_OK);
    assert_int_equal(rkv_profile_to_json(again, &json_again), RKV_OK);
    assert_string_equal(json, json_again);
    rkv_free(json);
    rkv_free(json_again);
    rkv_profile_free(p);
    rkv_profile_free(again);
}

#define HEAD                                                                                                 \
    "{\"schema\": \"rankkv-profile\", \"schema_version\": 1,"                                                \
    " \"model\": {\"n_layers\": 1, \"n_heads\": 2, \"n_kv_heads\": 1}, "

static rkv_status load(rkv_profile **out, const char *json) {
    const char *path = temporary_path("made.json");
    temporary_write(path, json, strlen(json));
    return rkv_profile_load(out, path);
}

static void test_the_least_that_is_read(void **state) {
    (void)state;
    rkv_profile *p;
    if (load(&p, HEAD "\"signals\": {}}")) fail_msg("%s", rkv_message());
    assert_true(p->n_signals == 0 && !p->calibration);
    rkv_profile_free(p);
    if (load(&p, HEAD "\"signals\": {\"a\": {\"per\": \"kv_head\", \"values\": [[2]]}}, "
                      "\"calibration\": {\"budget\": \"uniform\"}}"))
        fail_msg("%s", rkv_message());
    assert_true(rkv_profile_find(p, "a")->values[0] == 2 && *p->signals[0].unit == '\0');
    assert_true(isnan(p->calibration->ratio) && p->calibration->n_windows == 0);
    rkv_profile_free(p);
}

static void test_what_is_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {HEAD "\"signals\": []}", "signals is an array"},
        {HEAD "\"signals\": {\"a\": 1}}", "signals.a is 1, not an object"},
        {HEAD "\"signals\": {\"a\": {\"values\": [[1, 2]]}}}", "signals.a.per"},
        {HEAD "\"signals\": {\"a\": {\"per\": \"layer\", \"values\": [[1, 2]]}}}",
         "signals.a.per is \"layer\", not head or kv_head"},
        {HEAD "\"signals\": {\"a\": {\"per\": \"kv_head\", \"values\": [[1, 2]]}}}",
         "signals.a.values[0] is an array of 2, not an array of 1"},
        {HEAD "\"signals\": {\"a\": {\"per\": \"head\", \"values\": [[1, 2], [3, 4]]}}}",
         "signals.a.values is an array of 2, not an array of 1"},
        {HEAD "\"signals\": {\"a\": {\"per\": \"head\", \"values\": [[1, null]]}}}",
         "a of layer 0, head 1 is nan"},
        {HEAD "\"signals\": {\"a\": {\"per\": \"head\", \"values\": [[1, -1]]}}}",
         "a of layer 0, head 1 is -1"},
        {HEAD "\"signals\": {\"ok\": {\"per\": \"head\", \"values\": [[1, 1]]}, \"\\u001b[2J\": {}}}",
         "signals: the name of member 2 is not 1 to 64 letters"},
        {HEAD "\"signals\": {\"\": {}}}", "the name of member 1"},
        {HEAD "\"signals\": {\"a\": {}, \"a\": {}}}", "duplicate"},
        {HEAD "\"signals\": {}, \"calibration\": {}}", "calibration.budget"},
        {HEAD "\"signals\": {}, \"calibration\": {\"budget\": \"uniform\", \"ratio\": 1.5}}",
         "calibration.ratio is 1.5, not a number above 0 and at most 1"},
        {HEAD "\"signals\": {}, \"calibration\": {\"budget\": \"uniform\", \"n_windows\": -1}}",
         "calibration.n_windows is -1"},
        {"{\"schema\": \"rankkv-budget\", \"schema_version\": 1}", "schema"},
        {"{\"schema\": \"rankkv-profile\", \"schema_version\": 1, \"model\": {\"n_layers\": 4097, "
         "\"n_heads\": 2, "
         "\"n_kv_heads\": 1}, \"signals\": {}}",
         "model.n_layers is 4097, not an integer from 1 to 4096"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rkv_profile *p = (rkv_profile *)8;
        assert_int_equal(load(&p, cases[i][0]), RKV_DATA);
        assert_null(p);
        if (!strstr(rkv_message(), cases[i][1])) fail_msg("\"%s\" lacks \"%s\"", rkv_message(), cases[i][1]);
    }
    rkv_profile *p;
    assert_int_equal(rkv_profile_load(&p, temporary_path("missing.json")), RKV_NO_INPUT);
}

/* A file within the limits on JSON must not keep the reader busy: signals are looked up one by one. */
static void test_too_many_signals(void **state) {
    (void)state;
    for (size_t n = 1024; n <= 1025; n++) {
        rkv_text text = {0};
        char *json;
        rkv_profile *p;
        rkv_text_printf(&text, "%s\"signals\": {", HEAD);
        for (size_t i = 0; i < n; i++)
            rkv_text_printf(&text, "%s\"s%zu\": {\"per\": \"head\", \"values\": [[0, 1]]}", i ? ", " : "", i);
        rkv_text_printf(&text, "}}");
        assert_int_equal(rkv_text_finish(&text, &json), RKV_OK);
        assert_int_equal(load(&p, json), n > 1024 ? RKV_DATA : RKV_OK);
        if (!p) assert_non_null(strstr(rkv_message(), "signals has 1025 members, more than 1024"));
        rkv_profile_free(p);
        rkv_free(json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_the_least_that_is_read),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_too_many_signals),
    };
    return cmocka_run_group_tests(tests, temporary_set_up, temporary_tear_down);
}
