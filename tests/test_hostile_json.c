/* test_hostile_json.c: analysis.json, budget.json, profile.json and windows cut short, bent and lied in:
 * refused, never worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <rankkv/budget.h>
#include <rankkv/eval.h>

#include "core/random.h"
#include "support/sample_analysis.h"
#include "support/sample_profile.h"
#include "support/temporary.h"

/* ---- the documents under attack ---- */

typedef struct subject {
    char *json;
    rkv_status (*load)(const char *path);
} subject;

static rkv_status load_analysis(const char *path) {
    rkv_analysis *a;
    rkv_status status = rkv_analysis_load(&a, path);
    assert_int_equal(status == RKV_OK, a != NULL);
    rkv_analysis_free(a);
    return status;
}

/* What loads must also be fit to be written again. */
static rkv_status load_budget(const char *path) {
    rkv_budget *b;
    char *json;
    rkv_status status = rkv_budget_load(&b, path);
    assert_int_equal(status == RKV_OK, b != NULL);
    if (b) {
        assert_int_equal(rkv_budget_to_json(b, &json), RKV_OK);
        free(json);
    }
    rkv_budget_free(b);
    return status;
}

static rkv_status load_profile(const char *path) {
    rkv_profile *p;
    char *json;
    rkv_status status = rkv_profile_load(&p, path);
    assert_int_equal(status == RKV_OK, p != NULL);
    if (p) {
        assert_int_equal(rkv_profile_to_json(p, &json), RKV_OK);
        free(json);
    }
    rkv_profile_free(p);
    return status;
}

static rkv_status load_windows(const char *path) {
    rkv_windows windows = {0};
    rkv_status status = rkv_windows_load(&windows, path, 3, 100);
    assert_int_equal(status == RKV_OK, windows.n > 0);
    if (!status) assert_int_equal(rkv_windows_save(&windows, temporary_path("again.json")), RKV_OK);
    rkv_windows_clear(&windows);
    return status;
}

static const char windows_json[] =
    "[{\"book\": \"emma\", \"token_ids\": [1, 2, 3, 4, 5]}, {\"name\": \"a\", \"query_aware\": true, "
    "\"context\": [1, 2], \"questions\": [{\"task\": \"recall\", \"ids\": [5, 6, 7], \"first_scored\": 2, "
    "\"depth\": 0.5}, {\"ids\": [99]}]}]\n";

#define SUBJECTS 4
static subject subjects[SUBJECTS];

static int make_subjects(void **state) {
    (void)state;
    rkv_analysis *a = sample_analysis(2, 2, 1, 4, 1);
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *b;
    rkv_profile *p = sample_profile(&a->model, 1);
    options.granularity = RKV_BY_HEAD;
    if (rkv_budget_allocate(&b, a, &options)) return 1;
    subjects[0].load = load_analysis;
    subjects[1].load = load_budget;
    subjects[2].load = load_profile;
    subjects[3].load = load_windows;
    subjects[3].json = strdup(windows_json);
    if (rkv_analysis_to_json(a, NULL, &subjects[0].json)) return 1;
    if (rkv_budget_to_json(b, &subjects[1].json)) return 1;
    if (rkv_profile_to_json(p, &subjects[2].json)) return 1;
    rkv_profile_free(p);
    rkv_budget_free(b);
    rkv_analysis_free(a);
    temporary_make();
    return 0;
}

static int drop_subjects(void **state) {
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++)
        free(subjects[i].json);
    temporary_remove();
    return 0;
}

/* RKV_OK or RKV_DATA with the file's name; nothing else may come of bytes in a file. */
static rkv_status attack(const subject *s, const char *bytes, size_t length) {
    const char *path = temporary_path("hostile.json");
    temporary_write(path, bytes, length);
    rkv_status status = s->load(path);
    if (status == RKV_OK) return status;
    assert_int_equal(status, RKV_DATA);
    assert_memory_equal(rkv_message(), path, strlen(path));
    return status;
}

/* ---- attacks ---- */

static void test_truncated_at_every_length(void **state) {
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) {
        size_t whole = strlen(subjects[i].json) - 1; /* without the last line end */
        assert_int_equal(attack(&subjects[i], subjects[i].json, whole), RKV_OK);
        for (size_t length = 0; length < whole; length++)
            assert_int_equal(attack(&subjects[i], subjects[i].json, length), RKV_DATA);
    }
}

static void test_bytes_changed_at_random(void **state) {
    (void)state;
    rkv_random random = {1};
    for (size_t i = 0; i < SUBJECTS; i++) {
        size_t length = strlen(subjects[i].json);
        char *bent = malloc(length);
        for (int round = 0; round < 4000; round++) {
            memcpy(bent, subjects[i].json, length);
            for (size_t n = 1 + rkv_random_below(&random, 4); n > 0; n--)
                bent[rkv_random_below(&random, length)] =
                    rkv_random_below(&random, 2) ? (char)rkv_random_next(&random)
                                                 : "0123456789[]{}\",:-e."[rkv_random_below(&random, 20)];
            attack(&subjects[i], bent, length);
        }
        free(bent);
    }
}

static const char *const replacements[] = {
    "null",
    "true",
    "\"x\"",
    "\"\"",
    "[]",
    "{}",
    "[[]]",
    "0",
    "-1",
    "1.5",
    "5",
    "1000000000",
    "1e300",
    "9223372036854775807",
    "-9223372036854775808",
    "[0, 0]",
    "[1000000000, 1000000000]",
};

static void attack_document(const subject *s, const json_t *document) {
    char *bytes = json_dumps(document, 0);
    assert_non_null(bytes);
    attack(s, bytes, strlen(bytes));
    free(bytes);
}

/* Puts each replacement in the place of each value below node, one at a time; drops members, too. */
static void replace_values(const subject *s, json_t *document, json_t *node) {
    for (size_t i = 0; i < json_array_size(node); i++) {
        json_t *old = json_incref(json_array_get(node, i));
        for (size_t r = 0; r < sizeof replacements / sizeof *replacements; r++) {
            json_array_set_new(node, i, json_loads(replacements[r], JSON_DECODE_ANY, NULL));
            attack_document(s, document);
        }
        json_array_set_new(node, i, old);
        replace_values(s, document, old);
    }
    for (void *at = json_object_iter(node); at; at = json_object_iter_next(node, at)) {
        json_t *old = json_incref(json_object_iter_value(at));
        for (size_t r = 0; r < sizeof replacements / sizeof *replacements; r++) {
            json_object_iter_set_new(node, at, json_loads(replacements[r], JSON_DECODE_ANY, NULL));
            attack_document(s, document);
        }
        json_object_iter_set_new(node, at, old);
        replace_values(s, document, old);
    }
}

static void test_every_value_replaced(void **state) {
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) {
        json_t *document = json_loads(subjects[i].json, 0, NULL);
        replace_values(&subjects[i], document, document);
        json_decref(document);
    }
}

static void test_members_that_must_be_there(void **state) {
    (void)state;
    static const char *const needed[SUBJECTS][8] = {
        {"schema", "schema_version", "model", "prompt", "metric", "effective_rank", "metrics", "layer_rank"},
        {"schema", "schema_version", "model", "n_tokens", "total", "layers", "heads", NULL},
        {"schema", "schema_version", "model", "signals", NULL},
    };
    for (size_t i = 0; i < SUBJECTS; i++)
        for (size_t k = 0; k < 8 && needed[i][k]; k++) {
            json_t *document = json_loads(subjects[i].json, 0, NULL);
            json_object_del(document, needed[i][k]);
            char *bytes = json_dumps(document, 0);
            assert_int_equal(attack(&subjects[i], bytes, strlen(bytes)), RKV_DATA);
            assert_non_null(strstr(rkv_message(), needed[i][k]));
            free(bytes);
            json_decref(document);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated_at_every_length),
        cmocka_unit_test(test_bytes_changed_at_random),
        cmocka_unit_test(test_every_value_replaced),
        cmocka_unit_test(test_members_that_must_be_there),
    };
    return cmocka_run_group_tests(tests, make_subjects, drop_subjects);
}
