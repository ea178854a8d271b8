/* test_budget_file.c: budget.json read back whole, and what must hold between its members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/budget.h>

#include "support/sample_analysis.h"
#include "support/temporary.h"

static rkv_budget *budget_of(const char *policy, rkv_granularity granularity) {
    rkv_analysis *a = sample_analysis(6, 6, 3, 80, 3);
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *b;
    options.policy = policy;
    options.granularity = granularity;
    options.top_k = 1;
    options.seed = 3;
    if (rkv_budget_allocate(&b, a, &options)) fail_msg("%s: %s", policy, rkv_message());
    rkv_analysis_free(a);
    return b;
}

/* Every policy's budget, by layer and by head: the file of what was read is the file that was written. */
static void test_round_trip(void **state) {
    (void)state;
    temporary_make();
    for (size_t i = 0; rkv_policy_at(i); i++)
        for (int g = RKV_BY_LAYER; rkv_policy_at(i)->weigh && g <= RKV_BY_HEAD; g++) {
            rkv_budget *b = budget_of(rkv_policy_at(i)->name, (rkv_granularity)g), *again;
            char *json, *json_again;
            const char *path = temporary_path("budget.json");
            assert_int_equal(rkv_budget_save(b, path), RKV_OK);
            if (rkv_budget_load(&again, path)) fail_msg("%s", rkv_message());
            assert_memory_equal(b->layers, again->layers, 6 * sizeof *b->layers);
            if (g == RKV_BY_HEAD) assert_memory_equal(b->heads, again->heads, 18 * sizeof *b->heads);
            assert_string_equal(b->options_json, again->options_json);
            assert_int_equal(rkv_budget_to_json(b, &json), RKV_OK);
            assert_int_equal(rkv_budget_to_json(again, &json_again), RKV_OK);
            assert_string_equal(json, json_again);
            free(json);
            free(json_again);
            rkv_budget_free(b);
            rkv_budget_free(again);
        }
    temporary_remove();
}

/* ---- files made by hand or elsewhere ---- */

#define HEAD                                                                                                 \
    "{\"schema\": \"rankkv-budget\", \"schema_version\": 1,"                                                 \
    " \"model\": {\"n_layers\": 2, \"n_heads\": 4, \"n_kv_heads\": 2}, \"n_tokens\": 10, "

static rkv_status load(rkv_budget **out, const char *json) {
    const char *path = temporary_path("budget.json");
    temporary_write(path, json, strlen(json));
    return rkv_budget_load(out, path);
}

static void test_the_least_that_is_read(void **state) {
    (void)state;
    temporary_make();
    rkv_budget *b;
    if (load(&b, HEAD "\"total\": 7, \"layers\": [3, 4]}")) fail_msg("%s", rkv_message());
    assert_int_equal(b->min, 0);
    assert_int_equal(b->max, 10);
    assert_string_equal(b->options_json, "{}");
    assert_string_equal(b->signal, "");
    assert_string_equal(b->source, "");
    assert_string_equal(b->model.name, "unknown");
    assert_null(b->heads);
    rkv_budget_free(b);
    temporary_remove();
}

static void test_members_that_contradict(void **state) {
    (void)state;
    temporary_make();
    const struct {
        const char *json, *words;
    } cases[] = {
        {HEAD "\"total\": 8, \"layers\": [3, 4]}", "layers sum to 7, not to the 8"},
        {HEAD "\"total\": 21, \"layers\": [10, 10]}", "total is 21, not an integer from 0 to 20"},
        {HEAD "\"total\": 14, \"layers\": [3, 11]}", "layers[1] is 11, not an integer from 0 to 10"},
        {HEAD "\"total\": 7, \"layers\": [3, 4, 0]}", "layers is an array of 3, not an array of 2"},
        {HEAD "\"total\": 7, \"layers\": [3, -4]}", "layers[1] is -4"},
        {HEAD "\"total\": 7, \"layers\": [3, 4.0]}", "layers[1] is 4, not an integer"},
        {HEAD "\"total\": 7, \"min\": 4, \"layers\": [3, 4]}", "below the minimum 4"},
        {HEAD "\"total\": 7, \"max\": 3, \"layers\": [3, 4]}", "layers[1] is 4, not an integer from 0 to 3"},
        {HEAD "\"total\": 7, \"max\": 11, \"layers\": [3, 4]}", "max is 11"},
        {HEAD "\"total\": 7, \"min\": 6, \"max\": 5, \"layers\": [3, 4]}", "min is 6"},
        {HEAD "\"total\": 7, \"granularity\": \"token\", \"layers\": [3, 4]}", "layer or head"},
        {HEAD "\"total\": 7, \"granularity\": \"head\", \"layers\": [3, 4]}", "heads is missing"},
        {HEAD "\"total\": 7, \"granularity\": \"head\", \"layers\": [3, 4], \"heads\": [[3, 3], [4, 5]]}",
         "heads sum to 15, not to the 14"},
        {HEAD "\"total\": 7, \"granularity\": \"head\", \"layers\": [4, 3], \"heads\": [[3, 3], [4, 4]]}",
         "layers[0] is 4, not the mean of its 2 heads, 3.00"},
        {HEAD "\"total\": 7, \"granularity\": \"head\", \"min\": 3, \"layers\": [3, 4],"
              " \"heads\": [[2, 4], [4, 4]]}",
         "heads: value 0 is 2, below the minimum 3"},
        {HEAD "\"total\": 7, \"layers\": [3, 4], \"options\": 3}", "options is 3, not an object"},
        {"{\"schema\": \"rankkv-analysis\"}", "schema is \"rankkv-analysis\", not rankkv-budget"},
        {"{\"schema\": \"rankkv-budget\", \"schema_version\": 2}", "schema_version is 2"},
        {"{\"schema\": \"rankkv-budget\", \"schema_version\": 1, \"model\": {\"n_layers\": 1000000000,"
         " \"n_heads\": 1, \"n_kv_heads\": 1}}",
         "model.n_layers is 1000000000, not an integer from 1 to 4096"},
        {"{\"schema\": \"rankkv-budget\", \"schema_version\": 1, \"model\": {\"n_layers\": 1,"
         " \"n_heads\": 5, \"n_kv_heads\": 2}}",
         "model.n_kv_heads 2 does not divide model.n_heads 5"},
        {"{\"schema\": \"rankkv-budget\", \"schema_version\": 1, \"model\": {\"n_layers\": 4096,"
         " \"n_heads\": 4096, \"n_kv_heads\": 4096}, \"n_tokens\": 16777216, \"total\": 1,"
         " \"granularity\": \"head\", \"layers\": [], \"heads\": []}",
         "layers is an array of 0, not an array of 4096"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rkv_budget *b = (rkv_budget *)8;
        assert_int_equal(load(&b, cases[i].json), RKV_DATA);
        assert_null(b);
        if (!strstr(rkv_message(), cases[i].words))
            fail_msg("\"%s\" lacks \"%s\"", rkv_message(), cases[i].words);
        assert_non_null(strstr(rkv_message(), "/budget.json: "));
    }
    temporary_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_the_least_that_is_read),
        cmocka_unit_test(test_members_that_contradict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
