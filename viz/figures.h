/* figures.h: the layouts, apart from the writing, so that tests can look at what is where. */
#ifndef RKV_VIZ_FIGURES_H
#define RKV_VIZ_FIGURES_H

#include "viz/figure.h"

/* Each lays a picture out in figure, which rkv_figure_open made. Attention, sheet, analysis, profile and budget are
 * borrowed until the figure was written. */
rkv_status rkv_layout_head(rkv_figure *figure, const float *attention, size_t n_tokens, size_t layer,
                           size_t head, size_t n_heads);
rkv_status rkv_layout_layer(rkv_figure *figure, const rkv_layer *layer);
rkv_status rkv_layout_sheet(rkv_figure *figure, const rkv_sheet *sheet);
rkv_status rkv_layout_metric(rkv_figure *figure, const rkv_analysis *analysis, rkv_metric metric,
                             const rkv_budget *budget);
rkv_status rkv_layout_signal(rkv_figure *figure, const rkv_profile *profile, const char *name,
                             const rkv_budget *budget);

/* How n panels are set out: columns, the last row as full as can be, the whole a little wider than high. */
size_t rkv_grid_columns(size_t n);

#endif
