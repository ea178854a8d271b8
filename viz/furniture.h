/* furniture.h: what stands around a matrix: axes, colour bar, legend, bars. */
#ifndef RKV_VIZ_FURNITURE_H
#define RKV_VIZ_FURNITURE_H

#include "viz/figure.h"

/* Entries along one side of a matrix, the first centred first_px from the corner, the others pitch_px further
 * each. */
typedef struct rkv_axis {
    size_t n;
    double first_px, pitch_px;
    char *const *token_text; /* [n]; NULL: indices */
    const char *title;
    size_t first_index; /* what the first entry is called */
    /* planned: */
    size_t step;   /* every step-th entry has a label */
    rkv_type type; /* of the labels */
    int extent;    /* pixels of the longest label */
} rkv_axis;

/* Plans the labels of an axis: each entry's where they fit, every step-th otherwise. */
void rkv_axis_plan(rkv_figure *figure, rkv_axis *axis);
/* What the axis takes beside the matrix: labels and title. */
int rkv_axis_depth(const rkv_figure *figure, const rkv_axis *axis);
/* Adds it to the left of a matrix at x, y, length_px long. */
void rkv_axis_add_rows(rkv_figure *figure, const rkv_axis *axis, int x, int y, int length_px);
/* Adds it below y (the matrix's bottom) or, above, over y (its top). Token labels are turned. */
int rkv_axis_columns_depth(const rkv_figure *figure, const rkv_axis *axis);
void rkv_axis_add_columns(rkv_figure *figure, const rkv_axis *axis, int x, int y, int length_px, bool above);

/* Adds a colour bar with ticks and a turned caption; returns its right edge. */
int rkv_add_colour_bar(rkv_figure *figure, int x, int y, int height, const rkv_shade *shade,
                       const char *caption);

/* A legend in one line, broken where it is longer than max_px: swatches for what the colour bar lacks, then a
 * note. */
typedef struct rkv_legend_entry {
    const unsigned char *rgb; /* NULL: a note without swatch */
    const char *text;
} rkv_legend_entry;
/* Returns the bottom edge (y when there is nothing). */
int rkv_add_legend(rkv_figure *figure, int x, int y, int max_px, const rkv_legend_entry *entry, size_t n);

/* The legend of attention matrices: the masked triangle, missing values if any, the reduction if any. */
int rkv_add_attention_legend(rkv_figure *figure, int x, int y, int max_px, const rkv_fit *fit);

/* What attention's colour bar says, by scale. */
const char *rkv_attention_caption(rkv_scale scale);

/* Horizontal bars, one per row of pitch_px, value [n] with its number at the end. Returns the right edge. */
typedef struct rkv_bars {
    const char *title;
    const double *value; /* not finite: no bar */
    size_t n;
    int pitch_px;
    int length_px; /* of the longest bar */
} rkv_bars;
int rkv_add_bars(rkv_figure *figure, int x, int y, const rkv_bars *bars);

#endif
