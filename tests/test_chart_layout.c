/* test_chart_layout.c: what stands where in a chart: values at their ticks, names in one look, no label cut
 * off or on another, whatever the input. */
#include "test_viz_common.h"

#include "support/sample_charts.h"
#include "viz/plot.h"

/* ---- looking at a scene ---- */

/* Lays a chart out; rkv_figure_close is due. */
static void lay_out(rkv_figure *figure, const rkv_chart *chart) {
    *figure = (rkv_figure){0};
    assert_int_equal(rkv_scene_open(&figure->scene, true), RKV_OK);
    if (rkv_layout_chart(figure, chart) || rkv_figure_check(figure)) fail_msg("%s", rkv_message());
}

static bool overlap(rkv_box a, rkv_box b) {
    return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

static bool within(rkv_box inner, rkv_box outer) {
    return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width &&
           inner.y + inner.height <= outer.y + outer.height;
}

static void check_labels(const char *where, const rkv_scene *scene) {
    for (size_t i = 0; i < scene->n_items; i++)
        for (size_t j = 0; scene->item[i].kind == RKV_ITEM_LABEL && j < i; j++)
            if (scene->item[j].kind == RKV_ITEM_LABEL && overlap(scene->item[i].box, scene->item[j].box))
                fail_msg("%s: \"%s\" on \"%s\"", where, scene->item[i].text, scene->item[j].text);
}

/* Everything lies on the page, and is finite. */
static void check_page(const char *where, const rkv_scene *scene) {
    rkv_box page = {0, 0, scene->width, scene->height};
    for (size_t i = 0; i < scene->n_items; i++) {
        const rkv_item *item = &scene->item[i];
        for (size_t p = 0; p < item->n_points; p++)
            assert_true(isfinite(item->point[p].x) && isfinite(item->point[p].y));
        bool empty = item->kind == RKV_ITEM_GROUP || item->kind == RKV_ITEM_END;
        if (!empty && !within(item->box, page))
            fail_msg("%s: item %zu (kind %d, \"%s\") is cut off: %d %d %d %d in %d %d", where, i,
                     (int)item->kind, item->text ? item->text : "", item->box.x, item->box.y, item->box.width,
                     item->box.height, page.width, page.height);
    }
    check_labels(where, scene);
}

/* The items of the k-th group of a family: [*first, returned). */
static size_t group(const rkv_scene *scene, const char *family, size_t k, size_t *first) {
    for (size_t i = 0; i < scene->n_items; i++) {
        const rkv_item *item = &scene->item[i];
        if (item->kind != RKV_ITEM_GROUP || strcmp(item->family, family) != 0 || k-- > 0) continue;
        *first = i + 1;
        size_t depth = 1;
        while (depth > 0) {
            i++;
            depth += scene->item[i].kind == RKV_ITEM_GROUP;
            depth -= scene->item[i].kind == RKV_ITEM_END;
        }
        return i;
    }
    fail_msg("no group %s", family);
    return 0;
}

static const rkv_item *label_of(const rkv_scene *scene, const char *text) {
    for (size_t i = 0; i < scene->n_items; i++)
        if (scene->item[i].kind == RKV_ITEM_LABEL && strcmp(scene->item[i].text, text) == 0)
            return &scene->item[i];
    fail_msg("no label \"%s\"", text);
    return NULL;
}

static double middle_y(const rkv_item *item) {
    return item->box.y + item->box.height / 2.;
}

static double middle_x(const rkv_item *item) {
    return item->box.x + item->box.width / 2.;
}

/* ---- samples ---- */

static void test_samples(void **state) {
    (void)state;
    for (size_t k = 0; k < n_sample_kinds; k++) {
        sample_chart *sample = sample_chart_new(&sample_kinds[k]);
        rkv_figure figure;
        lay_out(&figure, &sample->chart);
        check_page(sample_kinds[k].name, &figure.scene);
        rkv_figure_close(&figure);
        free(sample);
    }
}

/* ---- values ---- */

/* A point's sign lies where the labels of its x and y do. */
static void test_points_lie_at_their_ticks(void **state) {
    (void)state;
    static const struct {
        rkv_axis_scale scale;
        double value[3];
        const char *label[3];
    } rows[] = {{RKV_AXIS_LINEAR, {0, 10, 20}, {"0", "10", "20"}},
                {RKV_AXIS_LINEAR, {-10, 0, 10}, {"\u221210", "0", "10"}},
                {RKV_AXIS_LOG10, {1, 10, 1000}, {"1", "10", "1000"}},
                {RKV_AXIS_LOG2, {4, 16, 64}, {"4", "16", "64"}}};
    static const double still[] = {1, 1, 1};
    for (size_t i = 0; i < COUNT(rows); i++) {
        rkv_series series = {.x = still, .y = rows[i].value, .n = 3, .mark = RKV_MARK_POINT};
        rkv_panel panel = {.y = {.scale = rows[i].scale}, .series = &series, .n_series = 1};
        rkv_chart chart = {.panels = &panel, .n_panels = 1};
        rkv_figure figure;
        lay_out(&figure, &chart);
        size_t first = 0, end = group(&figure.scene, "series", 0, &first);
        assert_int_equal(end - first, 3);
        for (size_t p = 0; p < 3; p++) {
            double label = middle_y(label_of(&figure.scene, rows[i].label[p]));
            assert_true(fabs(figure.scene.item[first + p].point[0].y - label) < 3);
        }
        rkv_figure_close(&figure);
        series.x = rows[i].value;
        series.y = still;
        panel.x.scale = rows[i].scale;
        panel.y.scale = RKV_AXIS_LINEAR;
        panel.y.title = "y";
        lay_out(&figure, &chart);
        end = group(&figure.scene, "series", 0, &first);
        for (size_t p = 0; p < 3; p++) {
            double x = figure.scene.item[first + p].point[0].x, nearest = INFINITY;
            for (size_t l = 0; l < figure.scene.n_items; l++)
                if (figure.scene.item[l].kind == RKV_ITEM_LABEL &&
                    strcmp(figure.scene.item[l].text, rows[i].label[p]) == 0)
                    nearest = fmin(nearest, fabs(middle_x(&figure.scene.item[l]) - x));
            assert_true(nearest < 3);
        }
        rkv_figure_close(&figure);
    }
}

/* Whiskers reach from low to high, with a cap at each end; where low lies below a logarithmic axis it has
 * none. */
static void test_intervals(void **state) {
    (void)state;
    static const double x[] = {1, 2}, y[] = {10, 100}, low[] = {1, -3}, high[] = {100, 1000};
    rkv_series series = {.x = x, .y = y, .low = low, .high = high, .n = 2, .mark = RKV_MARK_POINT};
    rkv_panel panel = {.y = {.scale = RKV_AXIS_LOG10}, .series = &series, .n_series = 1};
    rkv_chart chart = {.panels = &panel, .n_panels = 1};
    rkv_figure figure;
    lay_out(&figure, &chart);
    size_t first = 0, end = group(&figure.scene, "series", 0, &first);
    const rkv_item *item = figure.scene.item + first;
    assert_int_equal(end - first, 3 + 2 + 2);
    double one = middle_y(label_of(&figure.scene, "1")), hundred = middle_y(label_of(&figure.scene, "100"));
    assert_true(fabs(item[0].point[0].y - one) < 3 && fabs(item[0].point[1].y - hundred) < 3);
    assert_true(item[3].point[0].y > one); /* down to the axis */
    rkv_figure_close(&figure);
}

/* What is not finite is left out and breaks the line. */
static void test_missing_values(void **state) {
    (void)state;
    static const double x[] = {0, 1, 2, 3, 4, 5, 6},
                        y[] = {1, 2, NAN, 3, INFINITY, 2, 1}; /* runs of 2, 1 and 2 */
    rkv_series series = {.x = x, .y = y, .n = 7};
    rkv_panel panel = {.series = &series, .n_series = 1};
    rkv_chart chart = {.panels = &panel, .n_panels = 1};
    rkv_figure figure;
    lay_out(&figure, &chart);
    size_t first = 0, end = group(&figure.scene, "series", 0, &first), n_dots = 0, n_paths = 0;
    for (size_t i = first; i < end; i++) {
        n_dots += figure.scene.item[i].kind == RKV_ITEM_DOT;
        n_paths += figure.scene.item[i].kind == RKV_ITEM_PATH;
    }
    assert_int_equal(n_dots, 5);
    assert_int_equal(n_paths, 2);
    rkv_figure_close(&figure);
}

/* A step holds its value until the next x. */
static void test_steps(void **state) {
    (void)state;
    static const double x[] = {0, 1, 2}, y[] = {1, 3, 2};
    rkv_series series = {.x = x, .y = y, .n = 3, .mark = RKV_MARK_STEP};
    rkv_panel panel = {.series = &series, .n_series = 1};
    rkv_chart chart = {.panels = &panel, .n_panels = 1};
    rkv_figure figure;
    lay_out(&figure, &chart);
    size_t first = 0;
    group(&figure.scene, "series", 0, &first);
    const rkv_item *path = &figure.scene.item[first];
    assert_int_equal(path->n_points, 5);
    for (size_t i = 0; i < 4; i++) {
        bool across = path->point[i].y == path->point[i + 1].y, up = path->point[i].x == path->point[i + 1].x;
        assert_true(across == (i % 2 == 0) && up == (i % 2 == 1));
    }
    rkv_figure_close(&figure);
}

/* So do the ends of its intervals: along the tops, down, and back. */
static void test_steps_of_bands(void **state) {
    (void)state;
    static const double x[] = {0, 1, 2}, y[] = {2, 4, 3}, low[] = {1, 3, 2}, high[] = {3, 6, 4};
    rkv_series series = {.x = x, .y = y, .low = low, .high = high, .n = 3, .mark = RKV_MARK_STEP};
    rkv_panel panel = {.series = &series, .n_series = 1};
    rkv_chart chart = {.panels = &panel, .n_panels = 1};
    rkv_figure figure;
    lay_out(&figure, &chart);
    size_t first = 0;
    group(&figure.scene, "band", 0, &first);
    const rkv_item *path = &figure.scene.item[first];
    assert_int_equal(path->n_points, 10);
    assert_true(path->closed);
    for (size_t i = 0; i < 10; i++) {
        const rkv_point *from = &path->point[i], *to = &path->point[(i + 1) % 10];
        assert_true((from->x == to->x) == (i % 2 == 1 || i == 4));
        assert_true((from->y == to->y) == (from->x != to->x));
    }
    rkv_figure_close(&figure);
}

/* ---- side by side ---- */

/* Bars of one category stand beside each other, on 0, inside of their category; a series that has no value
 * there takes no room. */
static void test_bars(void **state) {
    (void)state;
    static const char *const labels[] = {"a", "b"};
    static const double x[] = {0, 1}, y[3][2] = {{3, 1}, {-2, NAN}, {1, 2}};
    rkv_series series[3];
    for (size_t s = 0; s < 3; s++)
        series[s] = (rkv_series){.x = x, .y = y[s], .n = 2, .mark = RKV_MARK_BAR};
    rkv_panel panel = {.x = {.labels = labels, .n_labels = 2}, .series = series, .n_series = 3};
    rkv_chart chart = {.panels = &panel, .n_panels = 1};
    rkv_figure figure;
    lay_out(&figure, &chart);
    double zero = middle_y(label_of(&figure.scene, "0")), right = 0;
    for (size_t s = 0; s < 3; s++) {
        size_t first = 0;
        group(&figure.scene, "series", s, &first);
        const rkv_item *bar = &figure.scene.item[first];
        assert_true(fabs(bar->point[0].y - zero) < 3);
        assert_true((bar->point[1].y < zero) == (y[s][0] > 0));
        assert_true(bar->point[0].x >= right);
        right = bar->point[2].x;
    }
    double a = middle_x(label_of(&figure.scene, "a")), b = middle_x(label_of(&figure.scene, "b"));
    assert_true(right < (a + b) / 2);
    size_t first = 0;
    group(&figure.scene, "series", 0, &first);
    double one = figure.scene.item[first + 1].point[2].x;
    group(&figure.scene, "series", 2, &first);
    double other = figure.scene.item[first + 1].point[0].x;
    assert_true(fabs(one + other - 2 * b) < 2); /* the two are centred at b */
    rkv_figure_close(&figure);
}

/* Controls of a cloud are spread over their category. */
static void test_controls_are_spread(void **state) {
    (void)state;
    static const char *const labels[] = {"a"};
    static const double x[] = {0}, y[] = {1};
    rkv_series series[20];
    for (size_t s = 0; s < COUNT(series); s++)
        series[s] =
            (rkv_series){.name = "shuffles", .x = x, .y = y, .n = 1, .mark = RKV_MARK_POINT, .muted = true};
    rkv_panel panel = {.x = {.labels = labels, .n_labels = 1}, .series = series, .n_series = COUNT(series)};
    rkv_chart chart = {.panels = &panel, .n_panels = 1};
    rkv_figure figure;
    lay_out(&figure, &chart);
    double before = 0;
    for (size_t s = 0; s < COUNT(series); s++) {
        size_t first = 0;
        group(&figure.scene, "series", s, &first);
        const rkv_item *dot = &figure.scene.item[first];
        assert_int_equal(dot->pen.fill, RKV_CONTROL);
        assert_true(dot->point[0].x > before);
        before = dot->point[0].x;
    }
    rkv_figure_close(&figure);
}

/* ---- several panels ---- */

/* A name looks the same wherever it stands; the legend shows that look. */
static void test_names_keep_their_look(void **state) {
    (void)state;
    static const char *const order[2][3] = {{"a", "b", "c"}, {"c", "a", "d"}};
    static const double x[] = {0, 1}, y[] = {0, 1};
    rkv_series series[2][3];
    for (size_t p = 0; p < 2; p++)
        for (size_t s = 0; s < 3; s++)
            series[p][s] = (rkv_series){.name = order[p][s], .x = x, .y = y, .n = 2};
    rkv_panel panel[2] = {{.series = series[0], .n_series = 3}, {.series = series[1], .n_series = 3}};
    rkv_chart chart = {.panels = panel, .n_panels = 2};
    rkv_figure figure;
    lay_out(&figure, &chart);
    for (size_t k = 0; k < 6; k++) {
        size_t first = 0, entry = 0;
        group(&figure.scene, "series", k, &first);
        const rkv_item *line = &figure.scene.item[first], *sign = line + 1;
        const char *name = figure.scene.item[first - 1].text;
        group(&figure.scene, "entry", (size_t)(name[0] - 'a'), &entry);
        const rkv_item *swatch = &figure.scene.item[entry];
        assert_string_equal(swatch[2].text, name);
        assert_int_equal(swatch[0].pen.stroke, line->pen.stroke);
        assert_int_equal(swatch[1].pen.fill, sign->pen.fill);
        assert_int_equal(swatch[1].n_points, sign->n_points);
    }
    rkv_figure_close(&figure);
}

/* With one range the same value is as high, or as far right, in every panel. */
static void test_same_ranges(void **state) {
    (void)state;
    static const double x[] = {0, 0}, y[2][2] = {{0, 1}, {0, 10}};
    for (int same = 0; same < 2; same++) {
        rkv_series series[2] = {{.x = x, .y = y[0], .n = 2, .mark = RKV_MARK_POINT},
                                {.x = x, .y = y[1], .n = 2, .mark = RKV_MARK_POINT}};
        rkv_panel panel[2] = {{.series = &series[0], .n_series = 1}, {.series = &series[1], .n_series = 1}};
        rkv_chart chart = {.panels = panel, .n_panels = 2, .n_columns = 2, .same_y = same == 1};
        rkv_figure figure;
        lay_out(&figure, &chart);
        size_t a = 0, b = 0;
        group(&figure.scene, "series", 0, &a);
        group(&figure.scene, "series", 1, &b);
        double one = figure.scene.item[a + 1].point[0].y, ten = figure.scene.item[b + 1].point[0].y;
        assert_true(same ? one > ten + 50 : fabs(one - ten) < 1);
        rkv_figure_close(&figure);
        series[0] = (rkv_series){.x = y[0], .y = x, .n = 2, .mark = RKV_MARK_POINT};
        series[1] = (rkv_series){.x = y[1], .y = x, .n = 2, .mark = RKV_MARK_POINT};
        chart.same_x = same == 1;
        chart.n_columns = 1;
        lay_out(&figure, &chart);
        group(&figure.scene, "series", 0, &a);
        group(&figure.scene, "series", 1, &b);
        one = figure.scene.item[a + 1].point[0].x;
        ten = figure.scene.item[b + 1].point[0].x;
        assert_true(same ? one < ten - 50 : fabs(one - ten) < 1);
        rkv_figure_close(&figure);
    }
}

static void test_labels_are_turned_where_they_do_not_fit(void **state) {
    (void)state;
    static const char *const labels[] = {
        "short", "a rather long name", "another long name", "x", "y", "z", "u", "v", "w", "o", "p", "q"};
    static const double x[] = {0}, y[] = {1};
    rkv_series series = {.x = x, .y = y, .n = 1, .mark = RKV_MARK_BAR};
    for (size_t n = 2; n <= COUNT(labels); n += COUNT(labels) - 2) {
        rkv_panel panel = {.x = {.labels = labels, .n_labels = n}, .series = &series, .n_series = 1};
        rkv_chart chart = {.panels = &panel, .n_panels = 1};
        rkv_figure figure;
        lay_out(&figure, &chart);
        assert_int_equal(label_of(&figure.scene, "short")->turned, n > 2);
        check_page("turned", &figure.scene);
        rkv_figure_close(&figure);
    }
}

/* ---- any input ---- */

static const double nothing[] = {NAN, NAN, NAN}, equal[] = {5, 5, 5}, zeros[] = {0, 0, 0},
                    huge[] = {1e30, -1e30, 3}, largest[] = {1.7e308, -1.7e308, 1},
                    tiny[] = {1e-30, 3e-30, 5e-324}, near_ones[] = {1e9, 1e9 + 1e-6, 1e9 + 2e-6},
                    mixed[] = {1, INFINITY, -2}, large[] = {1e299, 2e299, 3e299}, below_zero[] = {-3, -2, -1};
static const double *const lists[] = {nothing, equal,     zeros, huge,  largest,
                                      tiny,    near_ones, mixed, large, below_zero};

static void check_panel(const char *where, const rkv_panel *panel) {
    rkv_chart chart = {.title = "t", .panels = panel, .n_panels = 1};
    rkv_figure figure;
    lay_out(&figure, &chart);
    check_page(where, &figure.scene);
    rkv_figure_close(&figure);
}

static void test_any_values(void **state) {
    (void)state;
    static const char *const labels[] = {"a", "b", "c"};
    char where[96];
    for (size_t i = 0; i < COUNT(lists); i++)
        for (size_t j = 0; j < COUNT(lists); j++)
            for (int mark = RKV_MARK_LINE; mark <= RKV_MARK_BAR; mark++)
                for (int scale = RKV_AXIS_LINEAR; scale <= RKV_AXIS_LOG2 + 1; scale++) {
                    size_t n = (i + j) % 4;
                    rkv_series series = {.x = lists[i], .y = lists[j], .n = n, .mark = (rkv_mark)mark};
                    series.low = lists[(i + 3) % COUNT(lists)];
                    series.high = lists[(j + 5) % COUNT(lists)];
                    rkv_panel panel = {.series = &series, .n_series = 1, .rules = lists[j]};
                    panel.rule_names = labels;
                    panel.n_rules = mark == RKV_MARK_LINE ? 3 : 0;
                    if (scale <= RKV_AXIS_LOG2)
                        panel.x.scale = panel.y.scale = (rkv_axis_scale)scale;
                    else
                        panel.x.labels = panel.y.labels = labels, panel.x.n_labels = panel.y.n_labels = 3;
                    snprintf(where, sizeof where, "x %zu y %zu mark %d scale %d", i, j, mark, scale);
                    check_panel(where, &panel);
                }
}

static void test_panels_without_values_say_so(void **state) {
    (void)state;
    static const double x[] = {1, 2}, y[] = {-1, 0};
    rkv_series series[] = {{.n = 0}, {.x = nothing, .y = equal, .n = 3}, {.x = x, .y = y, .n = 2}};
    rkv_panel panels[] = {{.n_series = 0},
                          {.series = &series[0], .n_series = 1},
                          {.series = &series[1], .n_series = 1},
                          {.y.scale = RKV_AXIS_LOG10, .series = &series[2], .n_series = 1}};
    for (size_t i = 0; i < COUNT(panels); i++) {
        rkv_chart chart = {.panels = &panels[i], .n_panels = 1};
        rkv_figure figure;
        lay_out(&figure, &chart);
        label_of(&figure.scene, "no values to show");
        rkv_figure_close(&figure);
    }
}

/* 30 panels of 40 series, each with long names, in any number of columns. */
static void test_many(void **state) {
    (void)state;
    static const size_t panels[] = {1, 2, 5, 30}, columns[] = {0, 1, 6};
    char name[40][64];
    const char *names[40];
    static const double x[] = {0, 1, 2}, y[] = {1, 100, 10};
    rkv_series series[40];
    for (size_t s = 0; s < 40; s++) {
        snprintf(name[s], sizeof name[s], "a method:with=many,options=%zu/and a budget", s);
        names[s] = name[s];
        series[s] = (rkv_series){
            .name = name[s], .x = x, .y = y, .low = y, .high = y, .n = 3, .mark = (rkv_mark)(s % 4)};
    }
    rkv_panel all[30];
    for (size_t p = 0; p < 30; p++) {
        all[p] = (rkv_panel){.title = name[p], .series = series, .n_series = 40};
        all[p].y.title = "loss, nats";
        all[p].x.title = name[p % 2];
        if (p % 3 == 0) all[p].x.labels = names, all[p].x.n_labels = 40;
        if (p % 5 == 0) all[p].rules = y, all[p].rule_names = names, all[p].n_rules = 3;
    }
    for (size_t i = 0; i < COUNT(panels); i++)
        for (size_t c = 0; c < COUNT(columns); c++) {
            rkv_chart chart = {.title = "many", .panels = all, .n_panels = panels[i]};
            chart.n_columns = columns[c];
            chart.same_y = c == 2;
            char where[64];
            snprintf(where, sizeof where, "%zu panels in %zu columns", panels[i], columns[c]);
            rkv_figure figure;
            lay_out(&figure, &chart);
            check_page(where, &figure.scene);
            rkv_figure_close(&figure);
        }
}

/* Rules at nearly one height: their names do not meet. */
static void test_rules_that_are_close(void **state) {
    (void)state;
    static const double rules[] = {1, 1.001, 1.002, 5, 0, 1.003, NAN};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    rkv_panel panel = {.rules = rules, .rule_names = names, .n_rules = COUNT(rules)};
    rkv_chart chart = {.panels = &panel, .n_panels = 1};
    rkv_figure figure;
    lay_out(&figure, &chart);
    check_page("rules", &figure.scene);
    for (size_t i = 0; i < 6; i++)
        label_of(&figure.scene, names[i]);
    assert_true(label_of(&figure.scene, "f")->box.y < label_of(&figure.scene, "c")->box.y);
    rkv_figure_close(&figure);
}

/* Long text is broken at blanks; of too much the rest is cut; newlines break. */
static void test_paragraphs(void **state) {
    (void)state;
    rkv_scene scene;
    assert_int_equal(rkv_scene_open(&scene, true), RKV_OK);
    rkv_label label = {.type = {.size_px = 20}, .max_px = 300};
    label.text = "several words that are longer than one line of three hundred pixels\nand a second";
    int bottom = rkv_scene_paragraph(&scene, &label, 9, true), n = (int)scene.n_items;
    assert_true(n >= 4);
    assert_string_equal(scene.item[n - 1].text, "and a second");
    assert_true(bottom >= scene.item[n - 1].box.y + scene.item[n - 1].box.height);
    for (int i = 0; i < n; i++)
        assert_true(scene.item[i].box.width <= 300 && scene.item[i].text[0] != ' ');
    rkv_scene_paragraph(&scene, &label, 2, true);
    assert_int_equal(scene.n_items, n + 2);
    static char word[4000];
    memset(word, 'm', sizeof word - 1);
    label.text = word;
    rkv_scene_paragraph(&scene, &label, 5, true);
    assert_int_equal(scene.n_items, n + 7);
    label.max_px = 1; /* narrower than any character: one a line */
    rkv_scene_paragraph(&scene, &label, 5, true);
    assert_int_equal(rkv_scene_check(&scene), RKV_OK);
    rkv_scene_close(&scene);
}

/* Painting in bands leaves no seam in lines and dots. */
static void test_bands_leave_no_seam(void **state) {
    (void)state;
    static const size_t bands[] = {1, 7000, 100000};
    sample_chart *sample = sample_chart_new(&sample_kinds[n_sample_kinds - 1]);
    char *folder = make_test_folder(), *path = path_in(folder, "a.png"), *whole = NULL;
    size_t whole_length = 0;
    rkv_figure figure;
    lay_out(&figure, &sample->chart);
    assert_int_equal(rkv_figure_write(&figure, path), RKV_OK);
    assert_int_equal(rkv_read_file(path, (size_t)1 << 26, &whole, &whole_length), RKV_OK);
    for (size_t i = 0; i < COUNT(bands); i++) {
        char *bytes = NULL;
        size_t length = 0;
        figure.scene.band_pixels = bands[i];
        assert_int_equal(rkv_figure_write(&figure, path), RKV_OK);
        assert_int_equal(rkv_read_file(path, (size_t)1 << 26, &bytes, &length), RKV_OK);
        assert_int_equal(length, whole_length);
        assert_memory_equal(bytes, whole, length);
        free(bytes);
    }
    free(whole);
    unlink(path);
    free(path);
    remove_test_folder(folder);
    rkv_figure_close(&figure);
    free(sample);
}

int main(void) {
    rkv_lettering *lettering = NULL;
    if (rkv_lettering_new(&lettering) == RKV_UNAVAILABLE) {
        printf("skipped: %s\n", rkv_message());
        return 0;
    }
    rkv_lettering_free(lettering);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_points_lie_at_their_ticks),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_missing_values),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_steps_of_bands),
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_controls_are_spread),
        cmocka_unit_test(test_names_keep_their_look),
        cmocka_unit_test(test_same_ranges),
        cmocka_unit_test(test_labels_are_turned_where_they_do_not_fit),
        cmocka_unit_test(test_any_values),
        cmocka_unit_test(test_panels_without_values_say_so),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_rules_that_are_close),
        cmocka_unit_test(test_paragraphs),
        cmocka_unit_test(test_bands_leave_no_seam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
