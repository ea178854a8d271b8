/* sample_charts.h: charts of made-up results, of every kind that the evaluation draws. */
#ifndef RKV_TESTS_SAMPLE_CHARTS_H
#define RKV_TESTS_SAMPLE_CHARTS_H

#include <rankkv/chart.h>

#define SAMPLE_SERIES 64
#define SAMPLE_POINTS 128
#define SAMPLE_PANELS 4

/* A chart with all that it points to. */
typedef struct sample_chart {
    rkv_chart chart;
    rkv_panel panel[SAMPLE_PANELS];
    rkv_series series[SAMPLE_PANELS][SAMPLE_SERIES];
    double x[SAMPLE_PANELS][SAMPLE_SERIES][SAMPLE_POINTS], y[SAMPLE_PANELS][SAMPLE_SERIES][SAMPLE_POINTS];
    double low[SAMPLE_PANELS][SAMPLE_SERIES][SAMPLE_POINTS];
    double high[SAMPLE_PANELS][SAMPLE_SERIES][SAMPLE_POINTS];
} sample_chart;

typedef struct sample_kind {
    const char *name;
    void (*fill)(sample_chart *sample);
    size_t n_series, n_legend; /* in all panels; names */
} sample_kind;

extern const sample_kind sample_kinds[];
extern const size_t n_sample_kinds;

/* Makes one; free() it. */
sample_chart *sample_chart_new(const sample_kind *kind);

#endif
