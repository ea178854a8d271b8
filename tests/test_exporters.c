/* test_exporters.c: what other tools read, to the byte, and kvpress's arithmetic for every budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/budget.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/exporters.h"
#include "io/number.h"
#include "support/sample_analysis.h"
#include "support/temporary.h"

/* Three layers of rank 10, 20, 30 on 100 tokens: 25, 50 and 75 entries. */
static void make(rkv_analysis **a, rkv_budget **b, rkv_granularity granularity) {
    *a = sample_analysis(3, 2, 2, 100, 1);
    memcpy((*a)->layer_rank, (double[]){10, 20, 30}, 3 * sizeof(double));
    memcpy((*a)->metric[RKV_ERANK], (double[]){10, 10, 20, 20, 30, 30}, 6 * sizeof(double));
    rkv_budget_options options = rkv_budget_options_default();
    options.granularity = granularity;
    assert_int_equal(rkv_budget_allocate(b, *a, &options), RKV_OK);
}

static void check_export(const char *format, rkv_granularity granularity, const char *wanted) {
    rkv_analysis *a;
    rkv_budget *b;
    char *text;
    size_t length;
    make(&a, &b, granularity);
    const char *path = temporary_path(rkv_exporter_find(format)->file_name);
    if (rkv_budget_export(b, a, format, path)) fail_msg("%s", rkv_message());
    assert_int_equal(rkv_read_file(path, 4096, &text, &length), RKV_OK);
    assert_string_equal(text, wanted);
    free(text);
    rkv_budget_free(b);
    rkv_analysis_free(a);
}

static void test_table_is_whole(void **state) {
    (void)state;
    for (size_t i = 0; rkv_exporter_at(i); i++) {
        const rkv_exporter *e = rkv_exporter_at(i);
        assert_ptr_equal(rkv_exporter_find(e->name), e);
        assert_true(*e->summary && *e->tool && *e->file_name && e->render);
    }
    assert_null(rkv_exporter_find("json"));
}

/* docs/FORMATS.md has every format under its name, with the name of its file. */
static void test_the_manual_has_every_format(void **state) {
    (void)state;
    char *manual, line[256];
    size_t length;
    assert_int_equal(rkv_read_file(RKV_SOURCE_DIR "/docs/FORMATS.md", 1 << 20, &manual, &length), RKV_OK);
    for (size_t i = 0; rkv_exporter_at(i); i++) {
        snprintf(line, sizeof line, "\n### %s\n`%s`", rkv_exporter_at(i)->name,
                 rkv_exporter_at(i)->file_name);
        if (!strstr(manual, line)) fail_msg("docs/FORMATS.md lacks:%s", line);
    }
    free(manual);
}

static void test_csv(void **state) {
    (void)state;
    temporary_make();
    check_export("csv", RKV_BY_LAYER, "layer,budget\n0,25\n1,50\n2,75\n");
    check_export("csv", RKV_BY_HEAD,
                 "layer,kv_head,budget\n0,0,25\n0,1,25\n1,0,50\n1,1,50\n2,0,75\n2,1,75\n");
    temporary_remove();
}

static void test_layer_budgets(void **state) {
    (void)state;
    temporary_make();
    check_export("layer-budgets", RKV_BY_LAYER,
                 "# Sample \"135M\", policy proportional: 150 entries over 3 layers, 100 tokens of prompt\n"
                 "LAYER_BUDGETS = {0: 25, 1: 50, 2: 75}\n");
    temporary_remove();
}

static void test_rank_analysis(void **state) {
    (void)state;
    temporary_make();
    check_export(
        "rank-analysis", RKV_BY_LAYER,
        "{\n  \"model\": \"Sample \\\"135M\\\"\",\n  \"dataset\": \"sample\",\n  \"num_samples\": 1,\n"
        "  \"num_layers\": 3,\n  \"mean_ranks\": [0.1, 0.2, 0.3],\n  \"std_ranks\": [0, 0, 0],\n"
        "  \"overall_mean\": 0.2,\n  \"overall_std\": 0.0816496580927726,\n  \"min_layer\": 0,\n"
        "  \"max_layer\": 2,\n  \"min_rank\": 0.1,\n  \"max_rank\": 0.3,\n  \"aggregate\": \"mean\"\n}\n");
    temporary_remove();
}

static void test_kvpress(void **state) {
    (void)state;
    temporary_make();
    check_export("kvpress", RKV_BY_LAYER, "[0.745, 0.495, 0.245]\n");
    temporary_remove();
}

/* kvpress: n_kept = int(k_len * (1 - compression_ratio)), in Python's doubles, from the file's text. */
static size_t kept_by_kvpress(const char *ratio, size_t n) {
    volatile double removed = strtod(ratio, NULL), left = 1 - removed, kept = (double)n * left;
    assert_true(removed >= 0 && removed <= 1);
    return (size_t)kept;
}

static void test_kvpress_keeps_every_budget_exactly(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 3, 7, 10, 49, 64, 100, 512, 1000, 2048, 4095, 32768, 131071};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t b = 0; b <= lengths[i]; b++) {
            rkv_text text = {0};
            char *ratio;
            rkv_text_add_number(&text, rkv_export_kvpress_ratio(b, lengths[i]));
            assert_int_equal(rkv_text_finish(&text, &ratio), RKV_OK);
            if (kept_by_kvpress(ratio, lengths[i]) != b) fail_msg("%zu of %zu", b, lengths[i]);
            free(ratio);
        }
}

/* A model's name comes from a foreign file: it must stay a comment. */
static void test_names_cannot_become_code(void **state) {
    (void)state;
    rkv_analysis *a;
    rkv_budget *b;
    char *text;
    make(&a, &b, RKV_BY_LAYER);
    free((char *)b->model.name);
    char *name;
    assert_int_equal(rkv_copy_string(&name, "x\nimport os\r\n\x0b\x0c\xC2\x85\u2028y"), RKV_OK);
    b->model.name = name;
    assert_int_equal(rkv_exporter_find("layer-budgets")->render(b, NULL, &text), RKV_OK);
    char *line = strchr(text, '\n');
    assert_memory_equal(line + 1, "LAYER_BUDGETS", 13);
    assert_null(strpbrk(text, "\r\x0b\x0c"));
    free(text);
    rkv_budget_free(b);
    rkv_analysis_free(a);
}

static void test_refusals(void **state) {
    (void)state;
    rkv_analysis *a, *other = sample_analysis(4, 2, 2, 100, 1);
    rkv_budget *b;
    const char *path = "/nonexistent-folder/f";
    make(&a, &b, RKV_BY_HEAD);
    assert_int_equal(rkv_budget_export(b, a, "yaml", path), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "csv, kvpress"));
    assert_int_equal(rkv_budget_export(b, NULL, "rank-analysis", path), RKV_USAGE);
    assert_int_equal(rkv_budget_export(b, other, "csv", path), RKV_USAGE);
    assert_int_equal(rkv_budget_export(b, a, "kvpress", path), RKV_USAGE);
    assert_int_equal(rkv_budget_export(b, a, "layer-budgets", path), RKV_USAGE);
    assert_int_equal(rkv_budget_export(b, a, "csv", path), RKV_CANNOT_CREATE);
    rkv_budget_free(b);
    rkv_analysis_free(a);
    rkv_analysis_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_whole),
        cmocka_unit_test(test_the_manual_has_every_format),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_layer_budgets),
        cmocka_unit_test(test_rank_analysis),
        cmocka_unit_test(test_kvpress),
        cmocka_unit_test(test_kvpress_keeps_every_budget_exactly),
        cmocka_unit_test(test_names_cannot_become_code),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
