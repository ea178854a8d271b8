/* chart.h: charts of results, as PNG and SVG. The same input gives the same bytes. */
#ifndef RANKKV_CHART_H
#define RANKKV_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include <rankkv/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the points of a series are shown. */
typedef enum rkv_mark {
    RKV_MARK_LINE,  /* joined, with a sign at each point */
    RKV_MARK_POINT, /* signs alone */
    RKV_MARK_STEP,  /* a line that holds each value until the next x: lengths over steps */
    RKV_MARK_BAR    /* bars from 0; series with the same x stand side by side */
} rkv_mark;

/* Points (x, y), with an interval each where low and high are given. What is not finite is left out. */
typedef struct rkv_series {
    const char *name; /* in the legend; NULL: not there */
    const double *x, *y;
    const double *low, *high; /* both or neither NULL */
    size_t n;
    rkv_mark mark;
    bool muted; /* grey and thin: a control, one of a cloud of shuffles */
} rkv_series;

typedef enum rkv_axis_scale { RKV_AXIS_LINEAR, RKV_AXIS_LOG10, RKV_AXIS_LOG2 } rkv_axis_scale;

typedef struct rkv_chart_axis {
    const char *title; /* with its unit: "cache, MiB" */
    rkv_axis_scale scale;
    bool from_zero; /* linear: 0 is on the axis */
    const char *const
        *labels; /* [n_labels] for x = 0, 1, ...: categories instead of numbers; NULL: numbers */
    size_t n_labels;
} rkv_chart_axis;

/* One pair of axes with its series. */
typedef struct rkv_panel {
    const char *title; /* NULL: none */
    rkv_chart_axis x, y;
    const rkv_series *series; /* [n_series] */
    size_t n_series;
    const double *rules; /* [n_rules] horizontal reference lines, each with its name at the right end */
    const char *const *rule_names;
    size_t n_rules;
} rkv_panel;

/* One or more panels in a grid with one heading and one legend: a name has the same colour and sign in every
 * panel. Text may hold anything: it is made printable and cut to what fits. */
typedef struct rkv_chart {
    const char *title;
    const char *subtitle; /* what, of which model, on what text; NULL: none */
    const char *note;     /* below: how to read it, how it was made; NULL: none. Broken into lines */
    const rkv_panel *panels;
    size_t n_panels;
    size_t n_columns;    /* of panels; 0: a good number */
    bool same_x, same_y; /* all panels have one x range, one y range */
} rkv_chart;

typedef enum rkv_picture_format { RKV_PICTURE_PNG, RKV_PICTURE_SVG } rkv_picture_format;

/* Whether charts can be drawn here: RKV_OK, or RKV_UNAVAILABLE with the reason, before there is one to draw.
 */
RKV_API rkv_status rkv_chart_available(void);

/* Draws a chart into a file. RKV_UNAVAILABLE: this build is without Cairo, or the machine without a font.
 * RKV_USAGE: no panel, a picture over RKV_PICTURE_LIMIT_PX (heatmap.h). RKV_CANNOT_CREATE, RKV_IO. */
RKV_API rkv_status rkv_chart_save(const rkv_chart *chart, const char *path, rkv_picture_format format);

#ifdef __cplusplus
}
#endif
#endif
