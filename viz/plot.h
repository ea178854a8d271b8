/* plot.h: the parts of a chart: how axes are planned, which place a value has, and what is drawn there. */
#ifndef RKV_VIZ_PLOT_H
#define RKV_VIZ_PLOT_H

#include <rankkv/chart.h>

#include "viz/figure.h"
#include "viz/palette.h"
#include "viz/ticks.h"

/* ---- names (plot_names.c) ---- */

/* A name of the legend. */
typedef struct rkv_plot_name {
    const char *name; /* borrowed from the chart */
    rkv_mark mark;
    rkv_look look;
} rkv_plot_name;

typedef struct rkv_plot_names {
    rkv_plot_name *item; /* [n], in the order of their first appearance */
    size_t n, n_looks;   /* looks that are given away */
    size_t capacity;
} rkv_plot_names;

/* Gives every name of the chart its look. RKV_USAGE: more than RKV_LOOKS names. */
rkv_status rkv_plot_names_collect(rkv_plot_names *names, const rkv_chart *chart);
void rkv_plot_names_clear(rkv_plot_names *names);
/* The looks of a panel's series [n_series]. */
void rkv_plot_names_looks(const rkv_plot_names *names, const rkv_panel *panel, rkv_look *look);
/* The legend at x, y in lines of at most max_px; returns its bottom, y when there is none. */
int rkv_plot_names_add(rkv_figure *figure, const rkv_plot_names *names, int x, int y, int max_px);

/* ---- axes (plot_axis.c) ---- */

typedef struct rkv_plot_axis {
    const rkv_chart_axis *asked;
    double low, high; /* in the measure of the scale: the value, its log10 or its log2 */
    rkv_tick tick[RKV_TICK_LIMIT];
    size_t n_ticks;
    size_t step; /* categories: every step-th has its label */
    bool turned; /* labels below the plot read upward */
    int extent;  /* pixels of the longest label */
} rkv_plot_axis;

/* Whether a value can stand on the axis; its place in the axis's measure. */
bool rkv_plot_axis_holds(const rkv_chart_axis *axis, double value);
double rkv_plot_measure(const rkv_chart_axis *axis, double value);
/* The range that data span in the axis's measure (low > high: none), and what is shown: with room around it,
 * and with 0 where that is asked for or bars start from it. */
void rkv_plot_axis_span(rkv_plot_axis *axis, double low, double high, bool zero, double room);
/* Where a place of the axis's measure is between two pixels. */
double rkv_plot_axis_px(const rkv_plot_axis *axis, double measure, double from, double to);

/* Plans ticks and labels for an axis of length_px, below the plot or at its left. */
void rkv_plot_axis_plan(rkv_figure *figure, rkv_plot_axis *axis, int length_px, bool below);

/* ---- slots (plot_slots.c) ---- */

/* What stands side by side where series meet at one x. */
typedef enum rkv_slot_kind {
    RKV_SLOT_BAR,
    RKV_SLOT_POINT,
    RKV_SLOT_MUTED,
    RKV_SLOT_LINE,
    RKV_SLOT_KINDS
} rkv_slot_kind;

typedef struct rkv_plot_slots {
    double *at; /* [n_at] the x at which anything may meet, ascending */
    size_t n_at;
    double gap;                          /* the smallest between two of them, in the axis's measure */
    unsigned short *slot;                /* [n_series, n_at] 1, 2, ...; 0: nothing there */
    unsigned short *count;               /* [RKV_SLOT_KINDS, n_at] */
    unsigned short most[RKV_SLOT_KINDS]; /* of the counts */
} rkv_plot_slots;

rkv_status rkv_plot_slots_make(rkv_plot_slots *slots, const rkv_panel *panel);
void rkv_plot_slots_clear(rkv_plot_slots *slots);
/* How far from x a series' point stands, in the axis's measure. */
double rkv_plot_slots_shift(const rkv_plot_slots *slots, const rkv_panel *panel, size_t series, double x);
double rkv_plot_slots_bar(const rkv_plot_slots *slots); /* how wide a bar is */

/* ---- a panel ---- */

typedef struct rkv_plot {
    const rkv_panel *panel;
    rkv_plot_axis x, y;
    rkv_plot_slots slots;
    rkv_look *look; /* [n_series] */
    rkv_box box;    /* the inside of the axes; its width is set first */
    int left;       /* where its column begins: the y axis's title */
    bool any;       /* of its values can be shown */
    bool y_title, y_labels, x_title, rule_names;
} rkv_plot;

/* Whether point i of a series is shown. */
bool rkv_plot_shows(const rkv_panel *panel, const rkv_series *series, size_t i);
/* Whether it has an interval that is shown. On a logarithmic axis low may lie below the axis. */
bool rkv_plot_shows_interval(const rkv_panel *panel, const rkv_series *series, size_t i);

/* Ranges of both axes. */
void rkv_plot_measure_panel(rkv_plot *plot);
/* Draws series (plot_series.c): those that lie behind rules, or those in front. */
void rkv_plot_add_series(rkv_figure *figure, const rkv_plot *plot, bool behind);
/* Draws the panel whose box is set, axes planned (plot_panel.c). */
void rkv_plot_add(rkv_figure *figure, const rkv_plot *plot);
/* What the panel takes around its box. */
int rkv_plot_left(rkv_figure *figure, const rkv_plot *plot);
int rkv_plot_right(rkv_figure *figure, const rkv_plot *plot);
int rkv_plot_below(rkv_figure *figure, const rkv_plot *plot);
int rkv_plot_above(rkv_figure *figure, const rkv_plot *plot);

/* ---- the page (chart.c) ---- */

/* More of a thing than this is refused: nobody could read it. */
#define RKV_PLOT_PANELS 256
#define RKV_PLOT_SERIES 1000
#define RKV_PLOT_RULES  64
/* RKV_USAGE names what is wrong (plot_check.c). */
rkv_status rkv_plot_check(const rkv_chart *chart);

/* Lays a chart out in figure, which holds a scene with lettering. */
rkv_status rkv_layout_chart(rkv_figure *figure, const rkv_chart *chart);

#endif
