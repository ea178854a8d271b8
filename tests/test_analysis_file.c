/* test_analysis_file.c: analysis.json and ranks.csv: what is written is read back, to the bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/budget.h>

#include "core/file.h"
#include "core/memory.h"
#include "support/sample_analysis.h"
#include "support/temporary.h"

static void check_same_doubles(const double *a, const double *b, size_t n) {
    assert_int_equal(!a, !b);
    for (size_t i = 0; a && i < n; i++)
        assert_true(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
}

static void check_same_model(const rkv_model_info *a, const rkv_model_info *b) {
    assert_null(b->path);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->architecture, b->architecture);
    assert_string_equal(a->file_type, b->file_type);
    assert_string_equal(a->sha256, b->sha256);
    assert_memory_equal(&a->n_layers, &b->n_layers,
                        sizeof *a - offsetof(rkv_model_info, n_layers)); /* the rest are numbers */
}

static void check_same(const rkv_analysis *a, const rkv_analysis *b) {
    size_t L = a->model.n_layers, H = a->model.n_heads, G = a->model.n_kv_heads;
    check_same_model(&a->model, &b->model);
    assert_string_equal(a->prompt_name, b->prompt_name);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_int_equal(!a->token_ids, !b->token_ids);
    if (a->token_ids) assert_memory_equal(a->token_ids, b->token_ids, a->n_tokens * sizeof *a->token_ids);
    assert_int_equal(!a->token_text, !b->token_text);
    for (size_t t = 0; a->token_text && t < a->n_tokens; t++)
        assert_string_equal(a->token_text[t], b->token_text[t]);
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++)
        check_same_doubles(a->metric[m], b->metric[m],
                           L * (rkv_metric_get_info((rkv_metric)m)->per_kv_head ? G : H));
    check_same_doubles(a->layer_rank, b->layer_rank, L);
    if (a->svd_used) assert_memory_equal(a->svd_used, b->svd_used, L * H);
    assert_int_equal(a->aggregate, b->aggregate);
    assert_int_equal(a->solver, b->solver);
    assert_string_equal(a->device, b->device);
    check_same_doubles(&a->perplexity, &b->perplexity, 1);
    check_same_doubles(&a->load_s, &b->load_s, 4);
}

static void check_round_trip(const rkv_analysis *a, const rkv_budget *budget) {
    const char *path = temporary_path("analysis.json");
    rkv_analysis *b;
    if (rkv_analysis_save(a, budget, path)) fail_msg("%s", rkv_message());
    if (rkv_analysis_load(&b, path)) fail_msg("%s", rkv_message());
    check_same(a, b);
    rkv_analysis_free(b);
}

static void test_round_trip(void **state) {
    (void)state;
    temporary_make();
    for (uint64_t seed = 0; seed < 30; seed++) {
        size_t G = 1 + seed % 3;
        rkv_analysis *a = sample_analysis(1 + seed % 7, G * (1 + seed % 4), G, 1 + seed * 3, seed);
        a->aggregate = (rkv_aggregate)(seed % RKV_AGGREGATE_COUNT);
        a->solver = seed % 2 ? RKV_SOLVER_SVD : RKV_SOLVER_GRAM;
        check_round_trip(a, NULL);
        rkv_analysis_free(a);
    }
    temporary_remove();
}

/* What may be unknown: tokens, perplexity, every metric but the effective rank, strings of the model. */
static void test_round_trip_of_the_least(void **state) {
    (void)state;
    temporary_make();
    rkv_analysis *a = sample_analysis(3, 4, 2, 5, 1);
    for (size_t t = 0; t < a->n_tokens; t++)
        free(a->token_text[t]);
    free(a->token_text);
    free(a->token_ids);
    a->token_text = NULL;
    a->token_ids = NULL;
    a->perplexity = NAN;
    a->metric[RKV_ERANK][3] = NAN;
    memset(a->svd_used, 0, 12);
    a->model.sha256[0] = '\0';
    for (size_t m = 1; m < RKV_METRIC_COUNT; m++) {
        free(a->metric[m]);
        a->metric[m] = NULL;
    }
    check_round_trip(a, NULL);
    rkv_analysis_free(a);
    temporary_remove();
}

static void test_budget_inside(void **state) {
    (void)state;
    temporary_make();
    rkv_analysis *a = sample_analysis(3, 4, 2, 50, 2);
    rkv_budget *budget;
    char *json;
    assert_int_equal(rkv_budget_allocate(&budget, a, NULL), RKV_OK);
    check_round_trip(a, budget);
    assert_int_equal(rkv_analysis_to_json(a, budget, &json), RKV_OK);
    assert_non_null(strstr(json, "\"schema\": \"rankkv-budget\""));
    assert_non_null(strstr(json, "\"metric\": \"erank_sigma_entropy_nat\""));
    free(json);
    free(budget->options_json);
    assert_int_equal(rkv_copy_string(&budget->options_json, "[1"), RKV_OK);
    assert_int_equal(rkv_analysis_to_json(a, budget, &json), RKV_USAGE);
    assert_null(json);
    rkv_budget_free(budget);
    rkv_analysis_free(a);
    temporary_remove();
}

static void test_what_cannot_be_written(void **state) {
    (void)state;
    rkv_analysis *a = sample_analysis(2, 2, 1, 5, 3);
    char *json;
    assert_int_equal(rkv_analysis_save(a, NULL, "/nonexistent-folder/analysis.json"), RKV_CANNOT_CREATE);
    assert_int_equal(rkv_analysis_save_csv(a, "/nonexistent-folder/ranks.csv"), RKV_CANNOT_CREATE);
    free(a->metric[RKV_ERANK]);
    a->metric[RKV_ERANK] = NULL;
    assert_int_equal(rkv_analysis_to_json(a, NULL, &json), RKV_USAGE);
    rkv_analysis_free(a);
}

static void test_missing_file(void **state) {
    (void)state;
    rkv_analysis *a = (rkv_analysis *)8;
    assert_int_equal(rkv_analysis_load(&a, "/nonexistent-folder/analysis.json"), RKV_NO_INPUT);
    assert_null(a);
}

static void test_csv(void **state) {
    (void)state;
    temporary_make();
    rkv_analysis *a = sample_analysis(1, 4, 2, 5, 4);
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++)
        if (m != RKV_ERANK && m != RKV_SINK_4 && m != RKV_ERANK_V) {
            free(a->metric[m]);
            a->metric[m] = NULL;
        }
    memcpy(a->metric[RKV_ERANK], (double[]){1, 2.5, 0.1, NAN}, 4 * sizeof(double));
    memcpy(a->metric[RKV_SINK_4], (double[]){0.5, 0.25, 0, 1}, 4 * sizeof(double));
    memcpy(a->metric[RKV_ERANK_V], (double[]){7, 8}, 2 * sizeof(double));
    char *csv;
    size_t length;
    const char *path = temporary_path("ranks.csv");
    assert_int_equal(rkv_analysis_save_csv(a, path), RKV_OK);
    assert_int_equal(rkv_read_file(path, 4096, &csv, &length), RKV_OK);
    assert_string_equal(csv, "layer,head,kv_head,erank,sink_4,erank_v\n"
                             "0,0,0,1,0.5,7\n"
                             "0,1,0,2.5,0.25,7\n"
                             "0,2,1,0.1,0,8\n"
                             "0,3,1,,1,8\n");
    free(csv);
    rkv_analysis_free(a);
    temporary_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_round_trip_of_the_least),
        cmocka_unit_test(test_budget_inside), cmocka_unit_test(test_what_cannot_be_written),
        cmocka_unit_test(test_missing_file),  cmocka_unit_test(test_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
