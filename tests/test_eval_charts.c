/* test_eval_charts.c: results drawn: which charts, panels and series there are, and what stands in them. */
#include "test_viz_common.h"

#include <sys/stat.h>
#include <unistd.h>

#include <rankkv/eval.h>

#include "core/file.h"
#include "support/sample_results.h"
#include "support/xml.h"
#include "viz/lettering.h"

static char *folder;

/* ---- made-up results ---- */

enum {
    METHODS = 3,
    RATIOS = 2,
    BUDGETS = 5,
    WINDOWS = 4,
    QUESTIONS = 6,
    SETTINGS = 1 + METHODS * RATIOS * BUDGETS
};

static const char *const methods[METHODS] = {"window", "h2o", "snapkv"};
static const char *const budgets[BUDGETS] = {"uniform", "proportional", "power:signal=retr,by=head",
                                             "shuffled:policy=proportional,seed=1",
                                             "shuffled:policy=proportional,seed=2"};
static const double ratios[RATIOS] = {0.5, 0.1};

typedef struct made_up {
    rkv_results results;
    rkv_setting setting[SETTINGS];
    rkv_cell cell[SETTINGS * WINDOWS * QUESTIONS];
    char *window[WINDOWS];
} made_up;

/* The natural question of a window, then one at each depth. */
static rkv_cell make_cell(size_t s, const rkv_setting *setting, size_t method, size_t budget, size_t w,
                          size_t q) {
    rkv_random random = {1000 * w + q};
    double level = 2.8 + 0.3 * rkv_random_unit(&random), lost = s ? 1 - setting->ratio : 0;
    random.state += 77 * s;
    double worse =
        lost * lost * (0.2 + 0.05 * (double)method + 0.02 * (double)budget * (budget == 1 ? -1 : 1));
    bool right = rkv_random_unit(&random) > lost * (0.5 + 0.08 * (double)method);
    size_t bytes = (size_t)((1 - lost) * 22.5 * 1048576 * (1 + 0.01 * (double)method));
    return (rkv_cell){.setting = s,
                      .window = w,
                      .question = q,
                      .task = q ? RKV_TASK_PASSKEY : RKV_TASK_NATURAL,
                      .depth = q ? 0.2 * (double)q - 0.1 : NAN,
                      .total = 1000,
                      .entries = 1000,
                      .bytes = bytes,
                      .kv_bytes = bytes,
                      .n_scored = 5,
                      .n_right = right ? 5 : 3,
                      .loss = level + worse + (s ? 0.02 * rkv_random_unit(&random) : 0),
                      .kl = worse,
                      .agreement = 1 - 0.5 * lost};
}

static void fill_setting(made_up *m, size_t s, rkv_setting setting, size_t method, size_t budget) {
    m->setting[s] = setting;
    for (size_t w = 0; w < WINDOWS; w++)
        for (size_t q = 0; q < QUESTIONS; q++)
            m->cell[(s * WINDOWS + w) * QUESTIONS + q] = make_cell(s, &setting, method, budget, w, q);
}

static made_up *make_up(void) {
    made_up *m = calloc(1, sizeof *m);
    assert_non_null(m);
    size_t s = 0;
    fill_setting(m, s++, (rkv_setting){.method = "full", .ratio = 1}, 0, 0);
    for (size_t i = 0; i < METHODS; i++)
        for (size_t r = 0; r < RATIOS; r++)
            for (size_t b = 0; b < BUDGETS; b++)
                fill_setting(m, s++,
                             (rkv_setting){.method = methods[i], .budget = budgets[b], .ratio = ratios[r]}, i,
                             b);
    for (size_t w = 0; w < WINDOWS; w++)
        m->window[w] = (char *)"w";
    m->results = (rkv_results){.model = {.name = "SmolLM2-135M-Instruct", .file_type = "Q4_1"},
                               .text = (char *)"three novels: 4 windows of 1024 + 128 tokens",
                               .profile = (char *)"",
                               .seed = 3,
                               .window_names = m->window,
                               .n_windows = WINDOWS,
                               .settings = m->setting,
                               .n_settings = SETTINGS,
                               .cells = m->cell,
                               .n_cells = COUNT(m->cell)};
    if (rkv_results_summarise(&m->results)) fail_msg("%s", rkv_message());
    return m;
}

static void drop_made_up(made_up *m) {
    rkv_free(m->results.rows);
    free(m);
}

/* ---- what was written ---- */

/* Reads and removes a chart's SVG and PNG. */
static xml_document take(const char *name) {
    char file[128], *bytes = NULL;
    size_t length = 0;
    snprintf(file, sizeof file, "%s.svg", name);
    char *svg = path_in(folder, file);
    snprintf(file, sizeof file, "%s.png", name);
    char *png = path_in(folder, file);
    if (rkv_read_file(svg, (size_t)1 << 26, &bytes, &length)) fail_msg("%s", rkv_message());
    assert_int_equal(unlink(svg), 0);
    assert_int_equal(unlink(png), 0);
    xml_document document = xml_read(bytes);
    assert_null(document.fault);
    free(bytes);
    free(svg);
    free(png);
    return document;
}

static void check_chart(const char *name, size_t n_panels, size_t n_series, size_t n_entries) {
    xml_document document = take(name);
    assert_int_equal(xml_count(&document, "g", "panel"), n_panels);
    assert_int_equal(xml_count(&document, "g", "series"), n_series);
    assert_int_equal(xml_count(&document, "g", "entry"), n_entries);
    xml_clear(&document);
}

/* Panels are budgets, then sizes, then both; the seeds of a shuffle are one budget. */
static void test_charts_of_a_grid(void **state) {
    (void)state;
    made_up *m = make_up();
    if (rkv_results_draw(&m->results, folder)) fail_msg("%s", rkv_message());
    check_chart("loss-by-bytes-natural", 4, METHODS * BUDGETS, METHODS);
    check_chart("loss-by-bytes-passkey", 4, METHODS * BUDGETS, METHODS);
    check_chart("difference-to-uniform-natural", RATIOS, RATIOS * (BUDGETS - 1), 3);
    check_chart("difference-to-uniform-passkey", RATIOS, RATIOS * (BUDGETS - 1), 3);
    check_chart("retrieval-by-depth-passkey", RATIOS * 3, RATIOS * 3 * (METHODS + 1), METHODS + 1);
    drop_made_up(m);
}

static void test_what_charts_say(void **state) {
    (void)state;
    made_up *m = make_up();
    assert_int_equal(rkv_results_draw(&m->results, folder), RKV_OK);
    static const struct {
        const char *chart, *text[6];
    } rows[] = {
        {"loss-by-bytes-natural",
         {"natural: loss by measured bytes of the cache", "full cache", "snapkv", "uniform", "shuffled",
          "SmolLM2-135M-Instruct Q4_1 \u00B7 three novels: 4 windows of 1024 + 128 tokens"}},
        {"difference-to-uniform-natural",
         {"10 % kept", "50 % kept", "proportional", "shuffled", "window", "0"}},
        {"retrieval-by-depth-passkey",
         {"10 %", "90 %", "full cache", "50 % kept \u00B7 uniform", "answered", "h2o"}},
        {"loss-by-bytes-passkey", {"cache, MiB"}},
        {"difference-to-uniform-passkey", {"window"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        xml_document document = take(rows[i].chart);
        for (size_t t = 0; t < COUNT(rows[i].text) && rows[i].text[t]; t++)
            if (!xml_has_text(&document, "text", rows[i].text[t]))
                fail_msg("%s: no \"%s\"", rows[i].chart, rows[i].text[t]);
        xml_clear(&document);
    }
    drop_made_up(m);
}

/* Both protocols, both views of the question, sizes in entries, a method's own budget, quotes in names. */
static bool says(const xml_document *document, const char *words) {
    for (size_t e = 0; e < document->n; e++)
        if (strstr(document->element[e].text, words)) return true;
    return false;
}

static void test_charts_of_mixed_results(void **state) {
    (void)state;
    rkv_results *results = sample_results(SAMPLE_SETTINGS, 4);
    assert_int_equal(rkv_results_summarise(results), RKV_OK);
    if (rkv_results_draw(results, folder)) fail_msg("%s", rkv_message());
    static const char *const charts[] = {"loss-by-bytes-natural", "loss-by-bytes-recall",
                                         "difference-to-uniform-natural", "difference-to-uniform-recall",
                                         "retrieval-by-depth-recall"};
    for (size_t i = 0; i < COUNT(charts); i++) {
        xml_document document = take(charts[i]);
        if (!says(&document, "question not") || !says(&document, "streaming")) fail_msg("%s", charts[i]);
        xml_clear(&document);
    }
    rkv_results_free(results);
}

/* Many depths are put together by tenths. */
static void test_many_depths(void **state) {
    (void)state;
    made_up *m = make_up();
    for (size_t i = 0; i < m->results.n_cells; i++)
        if (m->cell[i].question) m->cell[i].depth = (double)(i % 97) / 96;
    assert_int_equal(rkv_results_draw(&m->results, folder), RKV_OK);
    xml_document document = take("retrieval-by-depth-passkey");
    assert_true(xml_has_text(&document, "text", "0\u201310 %"));
    assert_true(xml_has_text(&document, "text", "90\u2013100 %"));
    xml_clear(&document);
    static const char *const others[] = {"loss-by-bytes-natural", "loss-by-bytes-passkey",
                                         "difference-to-uniform-natural", "difference-to-uniform-passkey"};
    for (size_t i = 0; i < COUNT(others); i++) {
        document = take(others[i]);
        xml_clear(&document);
    }
    drop_made_up(m);
}

/* ---- edges ---- */

/* A run of the full cache alone has a line to show; one without rows has nothing. */
static void test_few_results(void **state) {
    (void)state;
    made_up *m = make_up();
    m->results.n_rows = 0;
    assert_int_equal(rkv_results_draw(&m->results, folder), RKV_OK);
    m->results.n_settings = 1;
    m->results.n_cells = WINDOWS * QUESTIONS;
    assert_int_equal(rkv_results_summarise(&m->results), RKV_OK);
    assert_int_equal(rkv_results_draw(&m->results, folder), RKV_OK);
    check_chart("loss-by-bytes-natural", 1, 0, 0);
    check_chart("loss-by-bytes-passkey", 1, 0, 0);
    check_chart("retrieval-by-depth-passkey", 1, 1, 1);
    drop_made_up(m);
}

static void test_losses_that_are_no_numbers(void **state) {
    (void)state;
    made_up *m = make_up();
    m->results.n_settings = 1 + BUDGETS;
    m->results.n_cells = (1 + BUDGETS) * WINDOWS * QUESTIONS;
    for (size_t i = 0; i < m->results.n_cells; i++)
        if (i % 5 == 0) m->cell[i].loss = i % 2 ? NAN : INFINITY;
    assert_int_equal(rkv_results_summarise(&m->results), RKV_OK);
    if (rkv_results_draw(&m->results, folder)) fail_msg("%s", rkv_message());
    static const char *const charts[] = {"loss-by-bytes-natural", "loss-by-bytes-passkey",
                                         "difference-to-uniform-natural", "difference-to-uniform-passkey",
                                         "retrieval-by-depth-passkey"};
    for (size_t i = 0; i < COUNT(charts); i++) {
        xml_document document = take(charts[i]);
        xml_clear(&document);
    }
    drop_made_up(m);
}

/* Whatever results draw is removed, and nothing else: the folder is empty in the end. */
static void test_charts_are_removed(void **state) {
    (void)state;
    made_up *m = make_up();
    rkv_results *results = sample_results(SAMPLE_SETTINGS, 4);
    char *mine = path_in(folder, "loss-by-bytes-natural.txt"), *missing = path_in(folder, "missing");
    char *taken = path_in(folder, "loss-by-bytes-natural.png");
    assert_int_equal(rkv_results_summarise(results), RKV_OK);
    assert_int_equal(rkv_results_draw(results, folder), RKV_OK);
    assert_int_equal(rkv_results_draw(&m->results, folder), RKV_OK);
    assert_int_equal(rkv_write_file(mine, "", 0), RKV_OK);
    assert_int_equal(rkv_results_remove_charts(folder), RKV_OK);
    assert_int_equal(remove(mine), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rkv_results_remove_charts(missing), RKV_OK);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(mkdir(taken, 0777), 0);
    assert_int_equal(rkv_results_remove_charts(folder), RKV_CANNOT_CREATE);
    assert_non_null(strstr(rkv_message(), "loss-by-bytes-natural.png: cannot remove: "));
    assert_int_equal(rmdir(taken), 0);
    free(mine), free(missing), free(taken);
    rkv_results_free(results);
    drop_made_up(m);
}

static void test_failures(void **state) {
    (void)state;
    made_up *m = make_up();
    char *missing = path_in(folder, "missing");
    assert_int_equal(rkv_results_draw(&m->results, missing), RKV_CANNOT_CREATE);
    assert_non_null(strstr(rkv_message(), "missing"));
    m->cell[3].setting = 10000;
    assert_int_equal(rkv_results_draw(&m->results, folder), RKV_USAGE);
    free(missing);
    drop_made_up(m);
}

static void test_unavailable_without_cairo(void **state) {
    (void)state;
    made_up *m = make_up();
    assert_int_equal(rkv_results_draw(&m->results, "."), RKV_UNAVAILABLE);
    drop_made_up(m);
}

static int make(void **state) {
    (void)state;
    folder = make_test_folder();
    return 0;
}

static int drop(void **state) {
    (void)state;
    remove_test_folder(folder); /* empty: the charts that were taken are all that there were */
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_charts_of_a_grid),
        cmocka_unit_test(test_what_charts_say),
        cmocka_unit_test(test_charts_of_mixed_results),
        cmocka_unit_test(test_many_depths),
        cmocka_unit_test(test_few_results),
        cmocka_unit_test(test_losses_that_are_no_numbers),
        cmocka_unit_test(test_charts_are_removed),
        cmocka_unit_test(test_failures),
    };
    const struct CMUnitTest without[] = {cmocka_unit_test(test_unavailable_without_cairo)};
    rkv_lettering *lettering = NULL;
    if (rkv_lettering_new(&lettering) == RKV_UNAVAILABLE) return cmocka_run_group_tests(without, NULL, NULL);
    rkv_lettering_free(lettering);
    return cmocka_run_group_tests(tests, make, drop);
}
