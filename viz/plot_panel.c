/* plot_panel.c: one pair of axes: its ranges, grid, labels and rules. */
#include <math.h>
#include <stdlib.h>

#include "viz/plot.h"

#define GRID          RKV_RGB(229, 232, 237)
#define RULE_EM       11
#define RULE_TEXT     48
#define TITLE_TEXT    96
#define TITLE_LINES   3
#define CATEGORY_TEXT 48

/* ---- what is shown ---- */

bool rkv_plot_shows(const rkv_panel *panel, const rkv_series *series, size_t i) {
    return rkv_plot_axis_holds(&panel->x, series->x[i]) && rkv_plot_axis_holds(&panel->y, series->y[i]);
}

static bool logarithmic(const rkv_chart_axis *axis) {
    return !axis->labels && axis->scale != RKV_AXIS_LINEAR;
}

bool rkv_plot_shows_interval(const rkv_panel *panel, const rkv_series *series, size_t i) {
    if (!series->low || !rkv_plot_shows(panel, series, i)) return false;
    double low = series->low[i];
    bool below = logarithmic(&panel->y) && isfinite(low) && low <= 0;
    return (below || rkv_plot_axis_holds(&panel->y, low)) && rkv_plot_axis_holds(&panel->y, series->high[i]);
}

typedef struct extent {
    double low, high;
} extent;

static void extend(extent *e, const rkv_chart_axis *axis, double value) {
    if (!rkv_plot_axis_holds(axis, value)) return;
    double measure = rkv_plot_measure(axis, value);
    e->low = fmin(e->low, measure);
    e->high = fmax(e->high, measure);
}

void rkv_plot_measure_panel(rkv_plot *plot) {
    const rkv_panel *panel = plot->panel;
    extent x = {INFINITY, -INFINITY}, y = x;
    bool bars = false;
    for (size_t s = 0; s < panel->n_series; s++) {
        const rkv_series *series = &panel->series[s];
        bars = bars || series->mark == RKV_MARK_BAR;
        for (size_t i = 0; i < series->n; i++) {
            if (!rkv_plot_shows(panel, series, i)) continue;
            plot->any = true;
            extend(&x, &panel->x, series->x[i]);
            extend(&y, &panel->y, series->y[i]);
            if (!rkv_plot_shows_interval(panel, series, i)) continue;
            extend(&y, &panel->y, series->low[i]);
            extend(&y, &panel->y, series->high[i]);
        }
    }
    for (size_t r = 0; r < panel->n_rules; r++)
        extend(&y, &panel->y, panel->rules[r]);
    if (bars && x.low <= x.high) x.low -= 0.5 * plot->slots.gap, x.high += 0.5 * plot->slots.gap;
    plot->x.asked = &panel->x;
    plot->y.asked = &panel->y;
    rkv_plot_axis_span(&plot->x, x.low, x.high, false, bars ? 0 : 0.03);
    rkv_plot_axis_span(&plot->y, y.low, y.high, bars, 0.06);
}

/* ---- around the box ---- */

static int gap(const rkv_figure *figure) {
    return figure->em / 2;
}

int rkv_plot_left(rkv_figure *figure, const rkv_plot *plot) {
    int title = plot->y_title && plot->panel->y.title ? rkv_line_height(figure->small) + gap(figure) : 0;
    return title + (plot->y_labels ? plot->y.extent + gap(figure) : 0);
}

/* Text from outside as a label; returns its length. */
static int add_text(rkv_figure *figure, const char *raw, size_t characters, rkv_label label) {
    rkv_text text = {0};
    rkv_printable(&text, raw, characters);
    rkv_scene_latch(&figure->scene, text.status);
    label.text = text.bytes ? text.bytes : "";
    int length = rkv_scene_label(&figure->scene, &label);
    free(text.bytes);
    return length;
}

static int text_length(rkv_figure *figure, const char *raw, size_t characters) {
    rkv_text text = {0};
    rkv_printable(&text, raw, characters);
    int length = text.bytes ? rkv_scene_text_width(&figure->scene, text.bytes, figure->small) : 0;
    rkv_scene_latch(&figure->scene, text.status);
    free(text.bytes);
    return length;
}

int rkv_plot_right(rkv_figure *figure, const rkv_plot *plot) {
    int longest = 0, most = RULE_EM * figure->em;
    for (size_t r = 0; plot->rule_names && r < plot->panel->n_rules && longest < most; r++) {
        if (!rkv_plot_axis_holds(&plot->panel->y, plot->panel->rules[r])) continue;
        int length = text_length(figure, plot->panel->rule_names[r], RULE_TEXT);
        if (length > longest) longest = length;
    }
    return longest ? gap(figure) + (longest < most ? longest : most) : 0;
}

static int labels_depth(rkv_figure *figure, const rkv_plot *plot) {
    return gap(figure) + (plot->x.turned ? plot->x.extent : rkv_line_height(figure->small));
}

int rkv_plot_below(rkv_figure *figure, const rkv_plot *plot) {
    bool title = plot->x_title && plot->panel->x.title;
    return labels_depth(figure, plot) + (title ? rkv_line_height(figure->small) + gap(figure) / 2 : 0);
}

/* The title above the box, whose width is known; top: where it begins. Returns its height. */
static int title_height(rkv_figure *figure, const rkv_plot *plot, int top, bool add) {
    rkv_label label = {.text = plot->panel->title, .x = plot->box.x, .y = top, .type = figure->body};
    label.colour = RKV_INK;
    label.max_px = plot->box.width;
    return rkv_scene_paragraph(&figure->scene, &label, TITLE_LINES, add) - top;
}

int rkv_plot_above(rkv_figure *figure, const rkv_plot *plot) {
    return plot->panel->title ? title_height(figure, plot, 0, false) + gap(figure) / 2 : 0;
}

/* ---- axes ---- */

static int across(const rkv_plot *plot, double measure) {
    return (int)lround(rkv_plot_axis_px(&plot->x, measure, plot->box.x, plot->box.x + plot->box.width - 1));
}

static int up(const rkv_plot *plot, double measure) {
    return (int)lround(rkv_plot_axis_px(&plot->y, measure, plot->box.y + plot->box.height - 1, plot->box.y));
}

static void add_y_entry(rkv_figure *figure, const rkv_plot *plot, double value, const char *text) {
    int y = up(plot, rkv_plot_measure(&plot->panel->y, value));
    rkv_box line = {plot->box.x, y - 1, plot->box.width, 2};
    rkv_scene_fill(&figure->scene, line, GRID);
    rkv_label label = {.x = plot->box.x - gap(figure), .y = y - rkv_line_height(figure->small) / 2};
    label.anchor = RKV_RIGHT;
    label.type = figure->small;
    label.colour = RKV_INK;
    label.max_px = plot->y.extent;
    if (plot->y_labels) add_text(figure, text, CATEGORY_TEXT, label);
}

/* A label below the axis hardly leaves the box, so that it meets neither the next panel's nor the page's end.
 */
static int kept_inside(const rkv_figure *figure, const rkv_plot *plot, int middle, int width) {
    int over = 2 * figure->em / 5, least = plot->box.x - over + (width + 1) / 2;
    int most = plot->box.x + plot->box.width + over - (width + 1) / 2;
    return middle > most ? most : middle < least ? least : middle;
}

static void add_x_entry(rkv_figure *figure, const rkv_plot *plot, double value, const char *text) {
    int x = across(plot, rkv_plot_measure(&plot->panel->x, value)), bottom = plot->box.y + plot->box.height;
    int line = rkv_line_height(figure->small);
    if (!plot->panel->x.labels)
        rkv_scene_fill(&figure->scene, (rkv_box){x - 1, bottom, 2, gap(figure) / 2}, RKV_MUTED);
    int width = plot->x.turned ? line : text_length(figure, text, CATEGORY_TEXT);
    x = kept_inside(figure, plot, x, width);
    rkv_label label = {.x = x, .y = bottom + gap(figure), .anchor = RKV_CENTRE, .type = figure->small};
    if (plot->x.turned) {
        label.x = x - line / 2;
        label.anchor = RKV_RIGHT;
        label.turned = true;
        label.max_px = plot->x.extent;
    }
    label.colour = RKV_INK;
    add_text(figure, text, CATEGORY_TEXT, label);
}

typedef void (*add_entry_fn)(rkv_figure *figure, const rkv_plot *plot, double value, const char *text);

static void add_entries(rkv_figure *figure, const rkv_plot *plot, const rkv_plot_axis *axis,
                        add_entry_fn add) {
    const rkv_chart_axis *asked = axis->asked;
    for (size_t i = 0; asked->labels && i < asked->n_labels; i += axis->step)
        add(figure, plot, (double)i, asked->labels[i]);
    for (size_t i = 0; !asked->labels && i < axis->n_ticks; i++)
        add(figure, plot, axis->tick[i].value, axis->tick[i].label);
}

static void add_titles(rkv_figure *figure, const rkv_plot *plot) {
    rkv_box box = plot->box;
    rkv_label label = {.type = figure->small, .colour = RKV_MUTED, .anchor = RKV_CENTRE};
    if (plot->y_title && plot->panel->y.title) {
        label.x = plot->left;
        label.y = box.y + box.height / 2;
        label.turned = true;
        label.max_px = box.height;
        add_text(figure, plot->panel->y.title, TITLE_TEXT, label);
    }
    label.turned = false;
    label.max_px = box.width;
    if (plot->x_title && plot->panel->x.title) {
        label.x = box.x + box.width / 2;
        label.y = box.y + box.height + labels_depth(figure, plot) + gap(figure) / 2;
        add_text(figure, plot->panel->x.title, TITLE_TEXT, label);
    }
    title_height(figure, plot, box.y - rkv_plot_above(figure, plot), true);
}

/* ---- rules ---- */

static void add_rule_line(rkv_figure *figure, const rkv_plot *plot, double value) {
    double y = up(plot, rkv_plot_measure(&plot->panel->y, value));
    rkv_point end[2] = {{plot->box.x, y}, {plot->box.x + plot->box.width, y}};
    rkv_pen pen = {.stroke = RKV_MUTED, .stroke_opacity = 1, .width_px = 0.08 * figure->em};
    pen.dash = RKV_DASHED;
    rkv_scene_path(&figure->scene, end, 2, false, &pen);
}

/* The next rule in the order of their heights: the highest below `before`, with the first index. */
static size_t next_rule(const rkv_panel *panel, const bool *done) {
    size_t best = panel->n_rules;
    for (size_t r = 0; r < panel->n_rules; r++)
        if (!done[r] && rkv_plot_axis_holds(&panel->y, panel->rules[r]) &&
            (best == panel->n_rules || panel->rules[r] > panel->rules[best]))
            best = r;
    return best;
}

/* Names that would meet are moved down; those for which no room is left are left out. */
static void add_rule_names(rkv_figure *figure, const rkv_plot *plot, bool *done) {
    const rkv_panel *panel = plot->panel;
    int line = rkv_line_height(figure->small), free_from = plot->box.y - line / 2;
    int last = plot->box.y + plot->box.height - line / 2;
    for (size_t r; (r = next_rule(panel, done)) < panel->n_rules; done[r] = true) {
        int y = up(plot, rkv_plot_measure(&panel->y, panel->rules[r])) - line / 2;
        rkv_label label = {.x = plot->box.x + plot->box.width + gap(figure), .type = figure->small};
        label.y = y > free_from ? y : free_from;
        label.colour = RKV_MUTED;
        label.max_px = RULE_EM * figure->em;
        if (label.y > last) return;
        if (add_text(figure, panel->rule_names[r], RULE_TEXT, label)) free_from = label.y + line;
    }
}

static void add_rules(rkv_figure *figure, const rkv_plot *plot) {
    const rkv_panel *panel = plot->panel;
    bool done[RKV_PLOT_RULES] = {false};
    for (size_t r = 0; r < panel->n_rules; r++)
        if (rkv_plot_axis_holds(&panel->y, panel->rules[r])) {
            rkv_scene_group(&figure->scene, "rule", NULL);
            add_rule_line(figure, plot, panel->rules[r]);
            rkv_scene_end(&figure->scene);
        }
    if (plot->rule_names) add_rule_names(figure, plot, done);
}

static void add_zero(rkv_figure *figure, const rkv_plot *plot) {
    const rkv_plot_axis *axis = &plot->y;
    if (axis->asked->labels || axis->asked->scale != RKV_AXIS_LINEAR || axis->low >= 0 || axis->high < 0)
        return;
    rkv_box line = {plot->box.x, up(plot, 0) - 1, plot->box.width, 2};
    rkv_scene_fill(&figure->scene, line, RKV_CONTROL);
}

void rkv_plot_add(rkv_figure *figure, const rkv_plot *plot) {
    rkv_box box = plot->box;
    rkv_scene_group(&figure->scene, "panel", NULL);
    add_entries(figure, plot, &plot->y, add_y_entry);
    add_entries(figure, plot, &plot->x, add_x_entry);
    add_zero(figure, plot);
    rkv_plot_add_series(figure, plot, true);
    add_rules(figure, plot);
    rkv_plot_add_series(figure, plot, false);
    rkv_scene_fill(&figure->scene, (rkv_box){box.x, box.y + box.height - 1, box.width, 2}, RKV_MUTED);
    add_titles(figure, plot);
    rkv_label label = {.text = "no values to show",
                       .x = box.x + box.width / 2,
                       .y = box.y + box.height / 2 - rkv_line_height(figure->small),
                       .anchor = RKV_CENTRE,
                       .type = figure->small,
                       .colour = RKV_MUTED,
                       .max_px = box.width};
    if (!plot->any) rkv_scene_label(&figure->scene, &label);
    rkv_scene_end(&figure->scene);
}
