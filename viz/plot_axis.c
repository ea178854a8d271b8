/* plot_axis.c: which values an axis spans, where they lie, and what its labels are. */
#include <math.h>
#include <stdlib.h>

#include "viz/plot.h"

/* Values beyond are as good as infinite: sums and differences of those within stay finite. */
#define LARGEST       1e300
/* A range smaller than this part of its values is none: digits end. */
#define NO_RANGE      1e-11
#define CATEGORY_EM   18
#define CATEGORY_TEXT 48

bool rkv_plot_axis_holds(const rkv_chart_axis *axis, double value) {
    if (!isfinite(value) || fabs(value) > LARGEST) return false;
    if (axis->labels) return value >= -0.5 && value <= (double)axis->n_labels - 0.5;
    return axis->scale == RKV_AXIS_LINEAR || value > 1 / LARGEST;
}

double rkv_plot_measure(const rkv_chart_axis *axis, double value) {
    if (axis->labels || axis->scale == RKV_AXIS_LINEAR) return value;
    return axis->scale == RKV_AXIS_LOG10 ? log10(value) : log2(value);
}

static double value_of(const rkv_chart_axis *axis, double measure) {
    if (axis->labels || axis->scale == RKV_AXIS_LINEAR) return measure;
    return axis->scale == RKV_AXIS_LOG10 ? pow(10, measure) : exp2(measure);
}

static void span_linear(rkv_plot_axis *axis, double low, double high, bool zero, double room) {
    if (low > high) low = 0, high = 1;
    if (zero) low = fmin(low, 0), high = fmax(high, 0);
    double span = high - low, size = fmax(fabs(low), fabs(high));
    if (span <= NO_RANGE * size) {
        span = size > 0 ? 0.1 * size : 1;
        if (!(zero && low == 0)) low -= span;
        if (!(zero && high == 0) || low == high) high += span;
    }
    axis->low = zero && low == 0 ? 0 : low - room * span;
    axis->high = zero && high == 0 ? 0 : high + room * span;
}

void rkv_plot_axis_span(rkv_plot_axis *axis, double low, double high, bool zero, double room) {
    const rkv_chart_axis *asked = axis->asked;
    if (asked->labels) {
        axis->low = -0.5;
        axis->high = asked->n_labels ? (double)asked->n_labels - 0.5 : 0.5;
        return;
    }
    if (asked->scale == RKV_AXIS_LINEAR) {
        span_linear(axis, low, high, zero || asked->from_zero, room);
        return;
    }
    if (low > high) low = 0, high = 1;
    double least = asked->scale == RKV_AXIS_LOG10 ? 0.2 : 1, missing = fmax(least - (high - low), 0) / 2;
    axis->low = low - missing - room * (high - low);
    axis->high = high + missing + room * (high - low);
}

double rkv_plot_axis_px(const rkv_plot_axis *axis, double measure, double from, double to) {
    double share = (measure - axis->low) / (axis->high - axis->low);
    return from + fmin(fmax(share, 0), 1) * (to - from);
}

/* ---- labels ---- */

static void number_ticks(rkv_plot_axis *axis, size_t most) {
    double low = value_of(axis->asked, axis->low), high = value_of(axis->asked, axis->high);
    axis->n_ticks = 0;
    if (axis->asked->scale == RKV_AXIS_LOG10) axis->n_ticks = rkv_ticks_log(low, high, most, axis->tick);
    if (axis->asked->scale == RKV_AXIS_LOG2) axis->n_ticks = rkv_ticks_log2(low, high, most, axis->tick);
    if (axis->n_ticks < 3) { /* a narrow range reads like a linear one */
        rkv_tick tick[RKV_TICK_LIMIT];
        size_t n = rkv_ticks_linear(low, high, most, tick);
        for (size_t i = 0; n > axis->n_ticks && i < n; i++)
            axis->tick[i] = tick[i];
        if (n > axis->n_ticks) axis->n_ticks = n;
    }
}

static int longest_number(const rkv_figure *figure, const rkv_plot_axis *axis) {
    int longest = 0;
    for (size_t i = 0; i < axis->n_ticks; i++) {
        int length = rkv_scene_text_width(&figure->scene, axis->tick[i].label, figure->small);
        if (length > longest) longest = length;
    }
    return longest;
}

/* As many numbers as do not meet. */
static void plan_numbers(rkv_figure *figure, rkv_plot_axis *axis, int length_px, bool below) {
    int line = rkv_line_height(figure->small);
    size_t most = below ? 10 : (size_t)(length_px / (2 * line));
    most = most > 10 ? 10 : most < 2 ? 2 : most;
    for (;; most--) {
        number_ticks(axis, most);
        axis->extent = longest_number(figure, axis);
        /* the outer labels may be moved inward by half of their length */
        int shift = axis->extent / 2 > figure->em ? axis->extent / 2 : figure->em;
        int needed = below ? axis->extent + shift : 3 * line / 2;
        double closest = INFINITY, before = NAN;
        for (size_t i = 0; i < axis->n_ticks; i++) {
            double measure = rkv_plot_measure(axis->asked, axis->tick[i].value);
            double at = rkv_plot_axis_px(axis, measure, 0, length_px);
            if (i > 0) closest = fmin(closest, fabs(at - before));
            before = at;
        }
        if (closest >= needed || most <= 2) return;
    }
}

static void plan_categories(rkv_figure *figure, rkv_plot_axis *axis, int length_px, bool below) {
    int line = rkv_line_height(figure->small), most = CATEGORY_EM * figure->em;
    size_t n = axis->asked->n_labels;
    axis->extent = 0;
    for (size_t i = 0; i < n && axis->extent < most; i++) {
        rkv_text text = {0};
        rkv_printable(&text, axis->asked->labels[i], CATEGORY_TEXT);
        int length = text.bytes ? rkv_scene_text_width(&figure->scene, text.bytes, figure->small) : 0;
        rkv_scene_latch(&figure->scene, text.status);
        free(text.bytes);
        if (length > axis->extent) axis->extent = length;
    }
    if (axis->extent > most) axis->extent = most;
    double pitch = (double)length_px / (n ? (double)n : 1);
    bool short_ones = axis->extent <= 3 * figure->em; /* numbers: every k-th, not turned */
    double across = axis->extent + 0.5 * figure->em;
    axis->turned = below && pitch < across && !short_ones;
    double least = below && !axis->turned ? across : line;
    axis->step = pitch < least ? rkv_round_step(least / pitch) : 1;
}

void rkv_plot_axis_plan(rkv_figure *figure, rkv_plot_axis *axis, int length_px, bool below) {
    if (axis->asked->labels)
        plan_categories(figure, axis, length_px, below);
    else
        plan_numbers(figure, axis, length_px, below);
}
