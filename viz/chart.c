/* chart.c: a chart's page: heading, legend, panels in a grid, and the note. */
#include <rankkv/chart.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/figures.h"
#include "viz/plot.h"
#include "viz/svg.h"

/* The picture has two pixels for one of a page, so that it is sharp on fine screens. */
#define PIXELS      2
#define SIDE_PX     (52 * 26) /* rkv_figure_set_size: an em of 26 */
#define PAGE_EM     63
#define PLOT_EM     11 /* the narrowest plot */
#define WIDEST_EM   80
#define TITLE_LINES 3
#define LINES       12

/* ---- panels ---- */

typedef struct page {
    rkv_figure *figure;
    const rkv_chart *chart;
    rkv_plot_names names;
    rkv_plot *plot; /* [n] */
    size_t n, columns, rows;
    int width;  /* of a plot */
    int height; /* likewise */
    int inner;  /* between the margins */
} page;

static void close_page(page *p) {
    rkv_plot_names_clear(&p->names);
    for (size_t i = 0; p->plot && i < p->n; i++) {
        rkv_plot_slots_clear(&p->plot[i].slots);
        free(p->plot[i].look);
    }
    free(p->plot);
}

static rkv_status open_plot(page *p, size_t i) {
    rkv_plot *plot = &p->plot[i];
    plot->panel = &p->chart->panels[i];
    rkv_status status = rkv_alloc(&plot->look, plot->panel->n_series, sizeof *plot->look);
    if (!status) status = rkv_plot_slots_make(&plot->slots, plot->panel);
    if (status) return status;
    rkv_plot_names_looks(&p->names, plot->panel, plot->look);
    rkv_plot_measure_panel(plot);
    return RKV_OK;
}

static rkv_status open_page(page *p) {
    const rkv_chart *chart = p->chart;
    p->n = chart->n_panels;
    p->columns = chart->n_columns == 0 ? rkv_grid_columns(p->n) : chart->n_columns;
    if (p->columns > p->n) p->columns = p->n;
    p->rows = (p->n + p->columns - 1) / p->columns;
    rkv_status status = rkv_plot_names_collect(&p->names, chart);
    if (!status) status = rkv_alloc(&p->plot, p->n, sizeof *p->plot);
    for (size_t i = 0; !status && i < p->n; i++)
        status = open_plot(p, i);
    return status;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

typedef rkv_plot_axis *(*axis_fn)(rkv_plot *plot);

static rkv_plot_axis *x_of(rkv_plot *plot) {
    return &plot->x;
}

static rkv_plot_axis *y_of(rkv_plot *plot) {
    return &plot->y;
}

/* Gives all panels one range, unless they measure in different ways; returns whether they have one. */
static bool share_range(page *p, axis_fn axis) {
    double low = INFINITY, high = -INFINITY;
    const rkv_chart_axis *first = axis(&p->plot[0])->asked;
    for (size_t i = 0; i < p->n; i++) {
        rkv_plot_axis *a = axis(&p->plot[i]);
        if (a->asked->scale != first->scale || a->asked->labels != first->labels) return false;
        if (!p->plot[i].any) continue;
        low = fmin(low, a->low);
        high = fmax(high, a->high);
    }
    for (size_t i = 0; low < high && i < p->n; i++)
        axis(&p->plot[i])->low = low, axis(&p->plot[i])->high = high;
    return true;
}

static bool same_rules(const rkv_panel *a, const rkv_panel *b) {
    if (a->n_rules != b->n_rules) return false;
    for (size_t r = 0; r < a->n_rules; r++)
        if (a->rules[r] != b->rules[r] || !same_text(a->rule_names[r], b->rule_names[r])) return false;
    return true;
}

/* What is the same in all panels is written once: at the left, at the right, and below the last of each
 * column. */
static void share_text(page *p, bool same_y) {
    bool x_title = true, y_title = true, rules = same_y;
    for (size_t i = 1; i < p->n; i++) {
        x_title = x_title && same_text(p->plot[i].panel->x.title, p->plot[0].panel->x.title);
        y_title = y_title && same_text(p->plot[i].panel->y.title, p->plot[0].panel->y.title);
        rules = rules && same_rules(p->plot[i].panel, p->plot[0].panel);
    }
    for (size_t i = 0; i < p->n; i++) {
        bool first = i % p->columns == 0, last = i + p->columns >= p->n;
        p->plot[i].x_title = !x_title || last;
        p->plot[i].y_title = !y_title || first;
        p->plot[i].y_labels = !same_y || first;
        p->plot[i].rule_names = !rules || i % p->columns == p->columns - 1;
    }
}

/* ---- measures ---- */

static int between(const page *p) {
    return p->columns > 3 ? p->figure->em : 3 * p->figure->em / 2;
}

/* The most that panels of a column take at a side. */
static int widest(const page *p, size_t column, int (*side)(rkv_figure *, const rkv_plot *)) {
    int most = 0;
    for (size_t i = column; i < p->n; i += p->columns) {
        int taken = side(p->figure, &p->plot[i]);
        if (taken > most) most = taken;
    }
    return most;
}

static int deepest(const page *p, size_t row, int (*side)(rkv_figure *, const rkv_plot *)) {
    int most = 0;
    for (size_t i = row * p->columns; i < p->n && i < (row + 1) * p->columns; i++) {
        int taken = side(p->figure, &p->plot[i]);
        if (taken > most) most = taken;
    }
    return most;
}

/* How wide a plot must be for its categories and bars. */
static int needed(const page *p) {
    int em = p->figure->em, most = PLOT_EM * em, line = rkv_line_height(p->figure->small);
    for (size_t i = 0; i < p->n; i++) {
        const rkv_plot_slots *slots = &p->plot[i].slots;
        double labels = p->chart->panels[i].x.labels ? (double)p->chart->panels[i].x.n_labels : 0;
        double categories = 1.1 * line * labels;
        double bars = 8. * (double)slots->n_at * slots->most[RKV_SLOT_BAR];
        double wanted = fmin(fmax(categories, bars), WIDEST_EM * em);
        if (p->columns > 1) wanted = fmin(wanted, 40. * em);
        if (wanted > most) most = (int)wanted;
    }
    return most;
}

static void plan(page *p) {
    rkv_figure *figure = p->figure;
    if (p->chart->same_x) share_range(p, x_of);
    bool same_y = p->chart->same_y && share_range(p, y_of);
    share_text(p, same_y);
    int em = figure->em, sides = 0;
    double ratio = p->columns == 1 ? 0.5 : p->columns == 2 ? 0.68 : 0.8;
    p->height = (int)(ratio * PAGE_EM * em / (double)p->columns);
    p->height = p->height > 26 * em ? 26 * em : p->height < 10 * em ? 10 * em : p->height;
    for (size_t i = 0; i < p->n; i++)
        rkv_plot_axis_plan(figure, &p->plot[i].y, p->height, false);
    for (size_t c = 0; c < p->columns; c++)
        sides += widest(p, c, rkv_plot_left) + widest(p, c, rkv_plot_right) + (c > 0 ? between(p) : 0);
    int least = needed(p);
    p->width = (PAGE_EM * em - sides) / (int)p->columns;
    if (p->width < least) p->width = least;
    p->inner = sides + p->width * (int)p->columns;
    for (size_t i = 0; i < p->n; i++) {
        p->plot[i].box.width = p->width; /* titles are broken by it */
        rkv_plot_axis_plan(figure, &p->plot[i].x, p->width, true);
    }
}

/* ---- the page ---- */

static int add_row(page *p, size_t row, int y) {
    int x = rkv_figure_left(p->figure), top = y + deepest(p, row, rkv_plot_above);
    for (size_t c = 0; c < p->columns; c++) {
        size_t i = row * p->columns + c;
        int left = x;
        x += widest(p, c, rkv_plot_left);
        if (i < p->n) {
            p->plot[i].left = left;
            p->plot[i].box = (rkv_box){x, top, p->width, p->height};
            rkv_plot_add(p->figure, &p->plot[i]);
        }
        x += p->width + widest(p, c, rkv_plot_right) + between(p);
    }
    return top + p->height + deepest(p, row, rkv_plot_below);
}

static int add_heading(page *p) {
    rkv_figure *figure = p->figure;
    int y = rkv_figure_left(figure);
    rkv_label label = {.text = p->chart->title, .x = y, .y = y, .type = figure->heading, .colour = RKV_INK};
    label.max_px = p->inner;
    y = rkv_scene_paragraph(&figure->scene, &label, TITLE_LINES, true);
    label.text = p->chart->subtitle;
    label.y = y + figure->em / 6;
    label.type = figure->body;
    label.colour = RKV_MUTED;
    y = rkv_scene_paragraph(&figure->scene, &label, LINES, true) + figure->em / 2;
    return rkv_plot_names_add(figure, &p->names, label.x, y, p->inner) + figure->em;
}

static void add_note(page *p, int bottom) {
    rkv_figure *figure = p->figure;
    int margin = rkv_figure_left(figure);
    rkv_label label = {.text = p->chart->note, .x = margin, .y = bottom + figure->em, .type = figure->small};
    label.colour = RKV_MUTED;
    label.max_px = p->inner;
    if (label.text && label.text[0]) bottom = rkv_scene_paragraph(&figure->scene, &label, LINES, true);
    figure->scene.width = p->inner + 2 * margin;
    figure->scene.height = bottom + margin;
}

rkv_status rkv_layout_chart(rkv_figure *figure, const rkv_chart *chart) {
    page p = {.figure = figure, .chart = chart};
    rkv_figure_set_size(figure, SIDE_PX);
    rkv_status status = open_page(&p);
    if (!status) {
        plan(&p);
        int y = add_heading(&p);
        for (size_t row = 0; row < p.rows; row++)
            y = add_row(&p, row, y + (row > 0 ? figure->em : 0));
        add_note(&p, y);
    }
    close_page(&p);
    return status;
}

/* ---- saving ---- */

/* What the picture says for those who do not see it. */
static rkv_status describe(const rkv_chart *chart, char **title, char **description) {
    rkv_text heading = {0}, rest = {0};
    rkv_printable(&heading, chart->title, 1000);
    rkv_printable(&rest, chart->subtitle, 4000);
    if (chart->subtitle && chart->note) rkv_text_add(&rest, " ", 1);
    rkv_printable(&rest, chart->note, 4000);
    rkv_status status = rkv_text_finish(&heading, title), second = rkv_text_finish(&rest, description);
    return status ? status : second;
}

static rkv_status write_svg(const rkv_figure *figure, const rkv_chart *chart, const char *path) {
    char *title = NULL, *description = NULL;
    rkv_status status = rkv_figure_check(figure);
    if (!status) status = describe(chart, &title, &description);
    if (!status) status = rkv_svg_write(&figure->scene, path, title, description, PIXELS);
    free(title);
    free(description);
    return status;
}

rkv_status rkv_chart_available(void) {
    rkv_scene scene = {0};
    rkv_status status = rkv_scene_open(&scene, true);
    rkv_scene_close(&scene);
    return status;
}

rkv_status rkv_chart_save(const rkv_chart *chart, const char *path, rkv_picture_format format) {
    rkv_figure figure = {0};
    rkv_status status = rkv_plot_check(chart);
    if (!status && format != RKV_PICTURE_PNG && format != RKV_PICTURE_SVG)
        status = rkv_fail(RKV_USAGE, "unknown format %d of a picture: there are PNG and SVG", (int)format);
    if (!status) status = rkv_scene_open(&figure.scene, true);
    if (!status) status = rkv_layout_chart(&figure, chart);
    if (!status)
        status =
            format == RKV_PICTURE_SVG ? write_svg(&figure, chart, path) : rkv_figure_write(&figure, path);
    rkv_figure_close(&figure);
    return status;
}
