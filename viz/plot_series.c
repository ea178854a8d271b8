/* plot_series.c: lines, steps, bars, points and their intervals. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "viz/plot.h"

/* Lines of more points show their intervals as a band, and signs on some of their points. */
#define WHISKER_POINTS 24
#define SIGNS          9

#define LINE_EM       0.1
#define MUTED_LINE_EM 0.05
#define SIGN_EM       0.26
#define MUTED_SIGN_EM 0.17
#define CAP_EM        0.2
#define BAND_OPACITY  0.16
#define MUTED_OPACITY 0.55

/* A series in its panel. */
typedef struct drawing {
    rkv_figure *figure;
    const rkv_plot *plot;
    const rkv_series *series;
    const rkv_look *look;
    size_t index;
    double em;
    rkv_point *point; /* [4 n] room for a path */
} drawing;

static double at_x(const drawing *d, size_t i) {
    const rkv_plot *plot = d->plot;
    double x = d->series->x[i], shift = rkv_plot_slots_shift(&plot->slots, plot->panel, d->index, x);
    return rkv_plot_axis_px(&plot->x, rkv_plot_measure(&plot->panel->x, x) + shift, plot->box.x,
                            plot->box.x + plot->box.width);
}

/* What a logarithmic axis does not reach lies on its end. */
static double at_y(const drawing *d, double y) {
    const rkv_plot *plot = d->plot;
    double bottom = plot->box.y + plot->box.height, measure = plot->y.low;
    if (rkv_plot_axis_holds(&plot->panel->y, y)) measure = rkv_plot_measure(&plot->panel->y, y);
    return rkv_plot_axis_px(&plot->y, measure, bottom, plot->box.y);
}

static rkv_point place(const drawing *d, size_t i) {
    return (rkv_point){at_x(d, i), at_y(d, d->series->y[i])};
}

static bool shows(const drawing *d, size_t i) {
    return i < d->series->n && rkv_plot_shows(d->plot->panel, d->series, i);
}

static bool shows_interval(const drawing *d, size_t i) {
    return i < d->series->n && rkv_plot_shows_interval(d->plot->panel, d->series, i);
}

/* ---- intervals ---- */

static bool has_band(const rkv_series *series) {
    return series->low &&
           (series->mark == RKV_MARK_STEP || (series->mark == RKV_MARK_LINE && series->n > WHISKER_POINTS));
}

/* The path along y [n] of points first .. first + n - 1, into point; a step goes across before it goes up or
 * down. Returns how many points it has, at most 2 n. */
static size_t trace(const drawing *d, const double *y, size_t first, size_t n, rkv_point *point) {
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        rkv_point p = {at_x(d, first + i), at_y(d, y[first + i])};
        if (d->series->mark == RKV_MARK_STEP && i > 0)
            point[length] = (rkv_point){p.x, point[length - 1].y}, length++;
        point[length++] = p;
    }
    return length;
}

/* The band of points first .. first + n - 1, all with intervals: along the tops and back. */
static void add_band(const drawing *d, size_t first, size_t n) {
    rkv_pen pen = {.fill = d->look->colour, .fill_opacity = BAND_OPACITY};
    size_t tops = trace(d, d->series->high, first, n, d->point);
    size_t all = tops + trace(d, d->series->low, first, n, d->point + tops);
    for (size_t i = tops, j = all - 1; i < j; i++, j--) {
        rkv_point p = d->point[i];
        d->point[i] = d->point[j];
        d->point[j] = p;
    }
    rkv_scene_path(&d->figure->scene, d->point, all, true, &pen);
}

static void add_bands(const drawing *d) {
    for (size_t i = 0; i < d->series->n; i++) {
        size_t first = i;
        while (shows_interval(d, i))
            i++;
        if (i - first > 1) add_band(d, first, i - first);
    }
}

/* How many pixels a bar is wide, without the space between bars. */
static double bar_px(const drawing *d) {
    const rkv_plot_axis *x = &d->plot->x;
    double width = rkv_plot_slots_bar(&d->plot->slots) / (x->high - x->low) * d->plot->box.width;
    return fmax(width * (d->plot->slots.most[RKV_SLOT_BAR] > 1 ? 0.92 : 1), 1);
}

static void add_cap(const drawing *d, double x, double y, const rkv_pen *pen) {
    double half = CAP_EM * d->em;
    if (d->series->mark == RKV_MARK_BAR) half = fmin(half, 0.35 * bar_px(d));
    rkv_point end[2] = {{x - half, y}, {x + half, y}};
    rkv_scene_path(&d->figure->scene, end, 2, false, pen);
}

static void add_whiskers(const drawing *d) {
    bool bars = d->series->mark == RKV_MARK_BAR;
    rkv_pen pen = {.stroke = bars ? RKV_INK : d->look->colour};
    pen.stroke_opacity = d->look->muted ? MUTED_OPACITY : d->series->mark == RKV_MARK_LINE ? 0.6 : 1;
    pen.width_px = (d->look->muted ? MUTED_LINE_EM : 0.75 * LINE_EM) * d->em;
    for (size_t i = 0; i < d->series->n; i++) {
        if (!shows_interval(d, i)) continue;
        double x = at_x(d, i), low = at_y(d, d->series->low[i]), high = at_y(d, d->series->high[i]);
        rkv_point end[2] = {{x, low}, {x, high}};
        rkv_scene_path(&d->figure->scene, end, 2, false, &pen);
        if (rkv_plot_axis_holds(&d->plot->panel->y, d->series->low[i])) add_cap(d, x, low, &pen);
        add_cap(d, x, high, &pen);
    }
}

/* ---- marks ---- */

/* The path through points first .. first + n - 1. */
static void add_run(const drawing *d, size_t first, size_t n) {
    rkv_pen pen = {.stroke = d->look->colour, .dash = d->look->dash};
    pen.stroke_opacity = d->look->muted ? MUTED_OPACITY : 1;
    pen.width_px = (d->look->muted ? MUTED_LINE_EM : LINE_EM) * d->em;
    size_t length = trace(d, d->series->y, first, n, d->point);
    rkv_scene_path(&d->figure->scene, d->point, length, false, &pen);
}

/* A value that is not shown breaks the line: what lies between is not known. */
static void add_line(const drawing *d) {
    for (size_t i = 0; i < d->series->n; i++) {
        size_t first = i;
        while (shows(d, i))
            i++;
        if (i - first > 1) add_run(d, first, i - first);
    }
}

/* Signs on every point, on a long line on some, staggered so that lines on each other are seen; a point
 * between two gaps has its sign in any case. */
static void add_signs(const drawing *d) {
    bool points = d->series->mark == RKV_MARK_POINT;
    if (d->look->muted && !points && d->series->n > 1) return;
    size_t most = d->series->mark == RKV_MARK_STEP ? SIGNS : (size_t)(d->plot->box.width / (1.2 * d->em));
    size_t stride = points || d->series->n <= most ? 1 : d->series->n / SIGNS;
    size_t offset = d->look->index * stride / RKV_COLOURS % stride;
    double size = (d->look->muted ? MUTED_SIGN_EM : SIGN_EM) * d->em;
    if (stride > 1) size *= 0.85;
    for (size_t i = 0; i < d->series->n; i++) {
        bool alone = !(i > 0 && shows(d, i - 1)) && !shows(d, i + 1);
        if (!shows(d, i) || (i % stride != offset && !alone)) continue;
        rkv_add_sign(&d->figure->scene, d->look, place(d, i), size);
    }
}

static void add_bars(const drawing *d) {
    double width = bar_px(d);
    uint32_t fill = d->look->muted ? RKV_RULE : rkv_tint(d->look->colour, d->look->filling);
    rkv_pen pen = {.fill = fill, .fill_opacity = 1, .stroke = d->look->colour};
    pen.stroke_opacity = d->look->filling < 1;
    pen.width_px = fmin(0.08 * d->em, 0.2 * width);
    double base = at_y(d, 0);
    for (size_t i = 0; i < d->series->n; i++) {
        if (!shows(d, i)) continue;
        rkv_point p = place(d, i);
        double inset = pen.stroke_opacity > 0 ? 0.5 * pen.width_px : 0, left = p.x - 0.5 * width + inset;
        rkv_point corner[4] = {
            {left, base}, {left, p.y}, {left + width - 2 * inset, p.y}, {left + width - 2 * inset, base}};
        rkv_scene_path(&d->figure->scene, corner, 4, true, &pen);
    }
}

/* ---- a series ---- */

static void add_series(const drawing *d) {
    rkv_mark mark = d->series->mark;
    if (mark == RKV_MARK_BAR) add_bars(d);
    if (mark == RKV_MARK_LINE || mark == RKV_MARK_STEP) add_line(d);
    if (!has_band(d->series)) add_whiskers(d);
    if (mark != RKV_MARK_BAR) add_signs(d);
}

static void add_named(const drawing *d, bool band) {
    rkv_text name = {0};
    if (d->series->name) rkv_printable(&name, d->series->name, 200);
    rkv_scene_latch(&d->figure->scene, name.status);
    rkv_scene_group(&d->figure->scene, band ? "band" : "series", name.bytes);
    if (band)
        add_bands(d);
    else
        add_series(d);
    rkv_scene_end(&d->figure->scene);
    free(name.bytes);
}

/* Controls, bars and bands lie behind the rules; controls behind all. */
void rkv_plot_add_series(rkv_figure *figure, const rkv_plot *plot, bool behind) {
    const rkv_panel *panel = plot->panel;
    for (int pass = 0; pass < 3; pass++)
        for (size_t s = 0; s < panel->n_series; s++) {
            const rkv_series *series = &panel->series[s];
            bool back = series->muted || series->mark == RKV_MARK_BAR, band = pass == 1;
            bool wanted = !behind ? pass == 2 && !back
                          : band  ? !series->muted && has_band(series)
                                  : back && (pass == 0) == series->muted;
            if (!wanted) continue;
            drawing d = {figure, plot, series, &plot->look[s], s, figure->em, NULL};
            rkv_scene_latch(&figure->scene, rkv_alloc_raw(&d.point, 4 * series->n, sizeof *d.point));
            if (d.point) add_named(&d, band);
            free(d.point);
        }
}
