/* test_selection.c: a page's bits of what caches keep are what each session by itself keeps. */
#include <rankkv/report.h>

#include "core/file.h"
#include "support/page.h"
#include "support/tiny_session.h"

static rkv_analysis *analyse(size_t n) {
    rkv_analysis *analysis = NULL;
    ok(rkv_analyze(&analysis, model, ids, n, NULL));
    return analysis;
}

/* The page of settings over the first n tokens of the prompt. */
static char *make_page(size_t n, const rkv_setting *settings, size_t n_settings, size_t memory) {
    rkv_report *report = NULL;
    rkv_analysis *analysis = analyse(n);
    const rkv_eval_options options = {.memory_limit = memory};
    char *page = NULL;
    size_t length;
    ok(rkv_report_new(&report, "selection"));
    ok(rkv_report_add_selection(report, model, analysis, settings, n_settings, &options));
    ok(rkv_report_save(report, temporary_path("report.html")));
    ok(rkv_read_file(temporary_path("report.html"), (size_t)64 << 20, &page, &length));
    rkv_report_free(report);
    rkv_analysis_free(analysis);
    page_check(page);
    return page;
}

static const rkv_setting settings[] = {
    {.method = "streaming-llm", .budget = "uniform", .ratio = 0.1},
    {.method = "snapkv:window=8", .budget = "uniform", .ratio = 0.5},
    {.method = "knorm", .budget = "inverse", .ratio = 0.3},
    {.method = "h2o", .budget = "power:signal=sink_4,by=head", .ratio = 0.9},
    {.method = "tova+int4", .ratio = 0.5},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

static rkv_session *session_of(const rkv_setting *setting, const rkv_analysis *analysis,
                               rkv_budget **budget) {
    rkv_budget_options options = rkv_budget_options_default();
    char *signal = NULL;
    *budget = NULL;
    options.mean = (size_t)(setting->ratio * T + 1e-9);
    rkv_session_options o = {.method = setting->method, .hold = RKV_HOLD_PROMPT};
    if (setting->budget) {
        ok(rkv_budget_options_parse(setting->budget, &options, &signal));
        options.min = strchr(setting->method, ':') ? 8 : 4;
        ok(rkv_budget_allocate(budget, analysis, &options));
        o.budgets = *budget;
    } else {
        o.budget = options.mean;
    }
    rkv_session *session = open_session(o);
    ok(rkv_session_prefill(session, ids, T));
    rkv_free(signal);
    return session;
}

/* Compares the bits of one setting with what a session of its own keeps; gives the entries. */
static size_t compare(const rkv_session *session, const unsigned char *bits) {
    size_t entries = 0, row = (T + 7) / 8;
    for (size_t l = 0; l < L; l++)
        for (size_t g = 0; g < G; g++, bits += row) {
            rkv_head_cache head = head_of(session, l, g);
            unsigned char expected[(T + 7) / 8] = {0};
            for (size_t i = 0; i < head.n; i++)
                expected[head.positions[i] / 8] |= (unsigned char)(1 << head.positions[i] % 8);
            assert_memory_equal(bits, expected, row);
            entries += head.n;
        }
    return entries;
}

static void test_bits_are_what_sessions_keep(void **state) {
    (void)state;
    enum { BYTES = N_SETTINGS * L * G * ((T + 7) / 8) };
    unsigned char kept[BYTES];
    rkv_analysis *analysis = analyse(T);
    for (size_t memory = 0; memory < 2; memory++) { /* all at once; one after another */
        char *page = make_page(T, settings, N_SETTINGS, memory);
        assert_int_equal(page_array(page, page_find_array(page, "kept"), kept, BYTES), BYTES);
        json_t *document = page_json(page, "document-0"), *rows = json_object_get(document, "settings");
        assert_int_equal(json_array_size(rows), N_SETTINGS);
        for (size_t i = 0; i < N_SETTINGS; i++) {
            rkv_budget *budget = NULL;
            rkv_session *session = session_of(&settings[i], analysis, &budget);
            size_t entries = compare(session, kept + i * (BYTES / N_SETTINGS));
            json_t *row = json_array_get(rows, i);
            assert_int_equal(json_integer_value(json_object_get(row, "entries")), entries);
            assert_string_equal(json_string_value(json_object_get(row, "method")), settings[i].method);
            rkv_session_free(session);
            rkv_budget_free(budget);
        }
        json_decref(document);
        free(page);
    }
    rkv_analysis_free(analysis);
}

/* Eight tokens cannot keep a window of 32; where nothing is left, there is no document. */
static void test_settings_that_cannot_be_are_left_out(void **state) {
    (void)state;
    const rkv_setting mixed[] = {{.method = "snapkv:window=32", .budget = "uniform", .ratio = 0.5},
                                 {.method = "knorm", .budget = "uniform", .ratio = 0.5}};
    char *page = make_page(8, mixed, 2, 0);
    json_t *document = page_json(page, "document-0");
    assert_int_equal(json_array_size(json_object_get(document, "settings")), 1);
    json_decref(document);
    free(page);
    page = make_page(1, mixed, 1, 0);
    assert_null(strstr(page, "document-0"));
    free(page);
}

static int stop(void *user, const char *stage, size_t done, size_t total) {
    size_t *n = user;
    assert_string_equal(stage, "caches");
    assert_true(done < total && total == N_SETTINGS);
    return ++*n > 2;
}

static void test_progress_and_cancelling(void **state) {
    (void)state;
    rkv_report *report = NULL;
    rkv_analysis *analysis = analyse(T);
    size_t n = 0;
    const rkv_eval_options options = {.progress = {stop, &n}};
    ok(rkv_report_new(&report, "x"));
    assert_int_equal(rkv_report_add_selection(report, model, analysis, settings, N_SETTINGS, &options),
                     RKV_CANCELLED);
    assert_int_equal(n, 3);
    free(analysis->token_ids);
    analysis->token_ids = NULL;
    assert_int_equal(rkv_report_add_selection(report, model, analysis, settings, N_SETTINGS, NULL),
                     RKV_USAGE);
    rkv_report_free(report);
    rkv_analysis_free(analysis);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_are_what_sessions_keep),
        cmocka_unit_test(test_settings_that_cannot_be_are_left_out),
        cmocka_unit_test(test_progress_and_cancelling),
    };
    return cmocka_run_group_tests_name("selection", tests, make_model, remove_model);
}
