/* test_chart.c: charts as files: the same bytes for the same input, SVG that is XML and says what is drawn,
 * clear refusals, and nothing left behind on failure. */
#include "test_viz_common.h"

#include <rankkv/chart.h>

#include "support/sample_charts.h"
#include "support/xml.h"
#include "viz/figure.h"
#include "viz/palette.h"

static const struct {
    rkv_picture_format format;
    const char *file;
} formats[] = {{RKV_PICTURE_PNG, "chart.png"}, {RKV_PICTURE_SVG, "chart.svg"}};

static char *folder;

static char *read_bytes(const char *path, size_t *length) {
    char *bytes = NULL;
    if (rkv_read_file(path, (size_t)1 << 28, &bytes, length)) fail_msg("%s", rkv_message());
    return bytes;
}

/* The chart's SVG, parsed; a malformed one fails. */
static xml_document draw(const rkv_chart *chart) {
    char *path = path_in(folder, "chart.svg");
    size_t length = 0;
    if (rkv_chart_save(chart, path, RKV_PICTURE_SVG)) fail_msg("%s", rkv_message());
    char *bytes = read_bytes(path, &length);
    assert_int_equal(strlen(bytes), length);
    xml_document document = xml_read(bytes);
    if (document.fault) fail_msg("%s", document.fault);
    free(bytes);
    unlink(path);
    free(path);
    return document;
}

/* ---- what is written ---- */

static void test_same_input_same_bytes(void **state) {
    (void)state;
    for (size_t k = 0; k < n_sample_kinds; k++)
        for (size_t f = 0; f < COUNT(formats); f++) {
            char *path = path_in(folder, formats[f].file), *bytes[2];
            size_t length[2];
            for (int again = 0; again < 2; again++) {
                sample_chart *sample = sample_chart_new(&sample_kinds[k]);
                assert_int_equal(rkv_chart_save(&sample->chart, path, formats[f].format), RKV_OK);
                bytes[again] = read_bytes(path, &length[again]);
                free(sample);
            }
            assert_int_equal(length[0], length[1]);
            assert_memory_equal(bytes[0], bytes[1], length[0]);
            free(bytes[0]);
            free(bytes[1]);
            unlink(path);
            free(path);
        }
}

static bool holds(const char *bytes, size_t length, const char *word) {
    for (size_t i = 0; i + strlen(word) <= length; i++)
        if (memcmp(bytes + i, word, strlen(word)) == 0) return true;
    return false;
}

/* No time, no text, no physical size: nothing but the picture. */
static void test_png_holds_pixels_alone(void **state) {
    (void)state;
    static const char *const chunks[] = {"tEXt", "iTXt", "zTXt", "tIME", "pHYs", "eXIf"};
    sample_chart *sample = sample_chart_new(&sample_kinds[0]);
    char *path = path_in(folder, "chart.png");
    size_t length = 0;
    assert_int_equal(rkv_chart_save(&sample->chart, path, RKV_PICTURE_PNG), RKV_OK);
    char *bytes = read_bytes(path, &length);
    assert_memory_equal(bytes, "\x89PNG\r\n\x1A\n", 8);
    assert_true(holds(bytes, length, "IDAT") && holds(bytes, length, "IEND"));
    for (size_t i = 0; i < COUNT(chunks); i++)
        assert_false(holds(bytes, length < 200 ? length : 200, chunks[i]));
    free(bytes);
    unlink(path);
    free(path);
    free(sample);
}

static void test_svg_holds_what_the_chart_does(void **state) {
    (void)state;
    for (size_t k = 0; k < n_sample_kinds; k++) {
        sample_chart *sample = sample_chart_new(&sample_kinds[k]);
        xml_document document = draw(&sample->chart);
        assert_string_equal(document.element[0].name, "svg");
        assert_int_equal(xml_count(&document, "g", "panel"), sample->chart.n_panels);
        assert_int_equal(xml_count(&document, "g", "series"), sample_kinds[k].n_series);
        assert_int_equal(xml_count(&document, "g", "entry"), sample_kinds[k].n_legend);
        size_t n_rules = 0;
        for (size_t p = 0; p < sample->chart.n_panels; p++) {
            const rkv_panel *panel = &sample->panel[p];
            n_rules += panel->n_rules;
            for (size_t s = 0; s < panel->n_series; s++)
                assert_true(!panel->series[s].name || xml_has_text(&document, "text", panel->series[s].name));
            for (size_t r = 0; r < panel->n_rules; r++)
                assert_true(xml_has_text(&document, "text", panel->rule_names[r]));
            assert_true(!panel->x.title || xml_has_text(&document, "text", panel->x.title));
            assert_true(!panel->y.title || xml_has_text(&document, "text", panel->y.title));
        }
        assert_int_equal(xml_count(&document, "g", "rule"), n_rules);
        assert_true(xml_has_text(&document, "title", sample->chart.title));
        assert_true(xml_has_text(&document, "text", sample->chart.title));
        xml_clear(&document);
        free(sample);
    }
}

/* Nothing is fetched, run or styled from elsewhere. */
static void test_svg_is_self_contained(void **state) {
    (void)state;
    static const char *const foreign[] = {"href", "url(", "<script", "<style", "<image", "@import", "<!"};
    sample_chart *sample = sample_chart_new(&sample_kinds[2]);
    char *path = path_in(folder, "chart.svg");
    size_t length = 0;
    assert_int_equal(rkv_chart_save(&sample->chart, path, RKV_PICTURE_SVG), RKV_OK);
    char *bytes = read_bytes(path, &length);
    for (size_t i = 0; i < COUNT(foreign); i++)
        assert_null(strstr(bytes, foreign[i]));
    free(bytes);
    unlink(path);
    free(path);
    free(sample);
}

/* ---- text from outside ---- */

static const double at[] = {0, 1, 2}, value[] = {1, 3, 2};

static void test_names_are_text(void **state) {
    (void)state;
    static const struct {
        const char *name, *shown;
    } rows[] = {
        {"</text><script>alert(1)</script>", NULL},
        {"a & b < c > d \"e\" 'f'", NULL},
        {"]]>&lt;", NULL},
        {"caf\u00E9 \u4F60\u597D", NULL},
        {"line\nbreak", "line\u23CEbreak"},
        {"\x01\x7F", "\\x01\\x7F"},
        {"\xFF\xFE", "\\xFF\\xFE"},
        {"\u202Eevil", "\\u{202E}evil"},
        {"\xEF\xBF\xBE|\xEF\xBF\xBF", "\uFFFD|\uFFFD"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *name = rows[i].name, *shown = rows[i].shown ? rows[i].shown : name;
        rkv_series series = {.name = name, .x = at, .y = value, .n = 3};
        rkv_panel panel = {.title = name,
                           .x = {.title = name, .labels = &name, .n_labels = 1},
                           .y = {.title = name},
                           .series = &series,
                           .n_series = 1,
                           .rules = value,
                           .rule_names = &name,
                           .n_rules = 1};
        rkv_chart chart = {.title = name, .note = name, .panels = &panel, .n_panels = 1};
        xml_document document = draw(&chart);
        assert_int_equal(xml_count(&document, "script", NULL), 0);
        size_t n = 0;
        for (size_t e = 0; e < document.n; e++)
            n += strcmp(document.element[e].text, shown) == 0;
        assert_true(n >= 6);
        xml_clear(&document);
    }
}

/* Names of any length are cut, in the middle of no character. */
static void test_endless_names(void **state) {
    (void)state;
    static char wide[20000], two_bytes[20001];
    memset(wide, 'W', sizeof wide - 1);
    for (size_t i = 0; i + 1 < sizeof two_bytes; i += 2)
        memcpy(two_bytes + i, "\u00E9", 2);
    const char *const names[] = {wide, two_bytes};
    for (size_t i = 0; i < COUNT(names); i++) {
        rkv_series series = {.name = names[i], .x = at, .y = value, .n = 3};
        const char *labels[3] = {names[i], names[i], names[i]};
        rkv_panel panel = {.title = names[i],
                           .x = {.title = names[i], .labels = labels, .n_labels = 3},
                           .y = {.title = names[i]},
                           .series = &series,
                           .n_series = 1,
                           .rules = value,
                           .rule_names = labels,
                           .n_rules = 3};
        rkv_chart chart = {.title = names[i], .subtitle = names[i], .note = names[i], .panels = &panel};
        chart.n_panels = 1;
        xml_document document = draw(&chart);
        for (size_t e = 0; e < document.n; e++) {
            const char *text = document.element[e].text;
            for (size_t b = 0, size; text[b] && strlen(text) < sizeof document.element[e].text - 1; b += size)
                assert_true((size = rkv_utf8_decode(text + b, strlen(text + b), NULL)) > 0);
        }
        xml_clear(&document);
    }
}

/* ---- refusals ---- */

typedef struct refusal {
    rkv_chart chart;
    rkv_panel panel;
    rkv_series series;
    rkv_picture_format format;
    const char *named;
} refusal;

static void test_refusals(void **state) {
    (void)state;
    static rkv_panel many[300];
    refusal rows[] = {
        {.chart.n_panels = 0, .named = "0 panels"},
        {.chart.n_panels = 257, .chart.panels = many, .named = "257 panels"},
        {.chart.n_panels = 1, .format = (rkv_picture_format)2, .named = "format 2"},
        {.chart.n_panels = 1, .panel.x.scale = (rkv_axis_scale)3, .named = "scale 3 of its x axis"},
        {.chart.n_panels = 1, .panel.y.scale = (rkv_axis_scale)9, .named = "scale 9 of its y axis"},
        {.chart.n_panels = 1, .panel.n_rules = 2, .named = "2 rules"},
        {.chart.n_panels = 1, .panel.n_rules = 65, .named = "65 rules"},
        {.chart.n_panels = 1, .panel.n_series = 1001, .named = "1001 series"},
        {.chart.n_panels = 1, .panel.n_series = 1, .series = {.n = 3, .x = at}, .named = "without x or y"},
        {.chart.n_panels = 1, .panel.n_series = 1, .series.mark = (rkv_mark)4, .named = "mark 4"},
        {.chart.n_panels = 1,
         .panel.n_series = 1,
         .series = {.n = 3, .x = at, .y = at, .low = at},
         .named = "one end"},
        {.chart.n_panels = 256, .chart.n_columns = 256, .chart.panels = many, .named = "32767"},
    };
    char *path = path_in(folder, "never");
    for (size_t i = 0; i < COUNT(rows); i++) {
        rows[i].panel.series = &rows[i].series;
        if (!rows[i].chart.panels) rows[i].chart.panels = &rows[i].panel;
        rkv_status status = rkv_chart_save(&rows[i].chart, path, rows[i].format);
        if (status != RKV_USAGE || !strstr(rkv_message(), rows[i].named))
            fail_msg("row %zu: %d %s", i, (int)status, rkv_message());
        assert_int_equal(access(path, F_OK), -1);
    }
    free(path);
}

/* So many names have looks of their own; one more is refused, another panel with the same names is not. */
static void test_names_that_looks_cannot_tell_apart(void **state) {
    (void)state;
    char name[RKV_LOOKS + 1][8];
    rkv_series series[RKV_LOOKS + 1];
    for (size_t s = 0; s <= RKV_LOOKS; s++) {
        snprintf(name[s], sizeof name[s], "s%zu", s);
        series[s] = (rkv_series){.name = name[s], .x = at, .y = value, .n = 3};
    }
    rkv_panel panel[2] = {{.series = series, .n_series = RKV_LOOKS},
                          {.series = series, .n_series = RKV_LOOKS}};
    rkv_chart chart = {.panels = panel, .n_panels = 2};
    xml_document document = draw(&chart);
    assert_int_equal(xml_count(&document, "g", "entry"), RKV_LOOKS);
    xml_clear(&document);
    panel[1].n_series++;
    assert_int_equal(rkv_chart_save(&chart, "never.svg", RKV_PICTURE_SVG), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "48"));
}

static void test_paths_that_cannot_be_created(void **state) {
    (void)state;
    sample_chart *sample = sample_chart_new(&sample_kinds[0]);
    char *missing = path_in(folder, "no/such/chart");
    for (size_t f = 0; f < COUNT(formats); f++) {
        assert_int_equal(rkv_chart_save(&sample->chart, missing, formats[f].format), RKV_CANNOT_CREATE);
        assert_non_null(strstr(rkv_message(), missing));
        assert_int_equal(rkv_chart_save(&sample->chart, folder, formats[f].format), RKV_CANNOT_CREATE);
    }
    free(missing);
    free(sample);
}

/* ---- the two builds ---- */

static int make(void **state) {
    (void)state;
    folder = make_test_folder();
    return 0;
}

static int drop(void **state) {
    (void)state;
    remove_test_folder(folder); /* empty: no temporary is left either */
    return 0;
}

static void test_available(void **state) {
    (void)state;
    assert_int_equal(rkv_chart_available(), RKV_OK);
}

static void test_unavailable_without_cairo(void **state) {
    (void)state;
    sample_chart *sample = sample_chart_new(&sample_kinds[0]);
    assert_int_equal(rkv_chart_available(), RKV_UNAVAILABLE);
    assert_true(strstr(rkv_message(), "Cairo") || strstr(rkv_message(), "font"));
    for (size_t f = 0; f < COUNT(formats); f++) {
        assert_int_equal(rkv_chart_save(&sample->chart, "never", formats[f].format), RKV_UNAVAILABLE);
        assert_true(strstr(rkv_message(), "Cairo") || strstr(rkv_message(), "font"));
        assert_int_equal(access("never", F_OK), -1);
    }
    free(sample);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_available),
        cmocka_unit_test(test_same_input_same_bytes),
        cmocka_unit_test(test_png_holds_pixels_alone),
        cmocka_unit_test(test_svg_holds_what_the_chart_does),
        cmocka_unit_test(test_svg_is_self_contained),
        cmocka_unit_test(test_names_are_text),
        cmocka_unit_test(test_endless_names),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names_that_looks_cannot_tell_apart),
        cmocka_unit_test(test_paths_that_cannot_be_created),
    };
    const struct CMUnitTest without[] = {cmocka_unit_test(test_unavailable_without_cairo)};
    rkv_lettering *lettering = NULL;
    if (rkv_lettering_new(&lettering) == RKV_UNAVAILABLE) return cmocka_run_group_tests(without, NULL, NULL);
    rkv_lettering_free(lettering);
    return cmocka_run_group_tests(tests, make, drop);
}
