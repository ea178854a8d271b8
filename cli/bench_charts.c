/* bench_charts.c: what `rankkv bench` measured, as pictures: times by method, and speed and memory along the
 * context. */
#include <stdlib.h>
#include <string.h>

#include <rankkv/chart.h>

#include "cli/bench.h"
#include "cli/message.h"

/* What a panel shows of a row: a field in a unit, or one over it. */
typedef struct quantity {
    const char *title, *axis;
    bench_field field;
    double unit;
    bool inverse;
} quantity;

enum { N_PANELS = 2 };

static const struct chart_kind {
    const char *name; /* of the files */
    const char *title, *note;
    bool by_method; /* methods stand side by side, a series for each context; else the other way round */
    quantity panels[N_PANELS];
} kinds[] = {
    {"times",
     "Time to the first token and per token",
     "Bars: medians over rounds; lines: from the least to the most. Each case and round is a process of its "
     "own.",
     true,
     {{"time to the first token", "seconds", BENCH_TTFT_S, 1, false},
      {"time per token after it", "milliseconds", BENCH_TPOT_S, 1e3, false}}},
    {"contexts",
     "Decoding speed and cache along the context",
     "Medians over rounds, from the least to the most. The cache: bytes allocated after the prompt.",
     false,
     {{"decoding speed", "tokens per second", BENCH_TPOT_S, 1, true},
      {"cache after the prompt", "MiB", BENCH_CACHE_BYTES, 1.0 / (1 << 20), false}}},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* ---- points ---- */

/* All of a panel: series with their numbers, [n_series, n_points] each. */
typedef struct drawn_panel {
    rkv_series *series;
    double *numbers; /* x, y, low, high */
} drawn_panel;

typedef struct drawing {
    const bench_report *report;
    const struct chart_kind *kind;
    size_t n_series, n_points;
    char (*contexts)[32]; /* names of contexts */
    drawn_panel panels[N_PANELS];
} drawing;

static const bench_row *row_of(const drawing *d, size_t series, size_t point) {
    size_t n_methods = d->report->methods.n;
    return &d->report->rows[d->kind->by_method ? series * n_methods + point : point * n_methods + series];
}

static void set_point(const quantity *q, const bench_row *row, double *y, double *low, double *high) {
    bench_spread s = bench_row_spread(row, q->field);
    *y = q->inverse ? q->unit / s.median : s.median * q->unit;
    *low = q->inverse ? q->unit / s.most : s.least * q->unit;
    *high = q->inverse ? q->unit / s.least : s.most * q->unit;
}

static const char *series_name(const drawing *d, size_t series) {
    return d->kind->by_method ? d->contexts[series] : d->report->methods.items[series];
}

static rkv_status fill_panel(drawing *d, size_t panel) {
    size_t n = d->n_series * d->n_points;
    drawn_panel *p = &d->panels[panel];
    p->series = calloc(d->n_series, sizeof *p->series);
    p->numbers = calloc(4 * n, sizeof *p->numbers);
    if (!p->series || !p->numbers) return complain(RKV_NO_MEMORY, "out of memory");
    double *x = p->numbers, *y = x + n, *low = y + n, *high = low + n;
    for (size_t s = 0; s < d->n_series; s++) {
        size_t first = s * d->n_points;
        for (size_t i = 0; i < d->n_points; i++) {
            const bench_row *row = row_of(d, s, i);
            x[first + i] = d->kind->by_method ? (double)i : (double)row->c.context;
            set_point(&d->kind->panels[panel], row, &y[first + i], &low[first + i], &high[first + i]);
        }
        p->series[s] = (rkv_series){.name = series_name(d, s),
                                    .x = x + first,
                                    .y = y + first,
                                    .low = low + first,
                                    .high = high + first,
                                    .n = d->n_points,
                                    .mark = d->kind->by_method ? RKV_MARK_BAR : RKV_MARK_LINE};
    }
    return RKV_OK;
}

static rkv_status name_contexts(drawing *d) {
    d->contexts = calloc(d->report->n_contexts, sizeof *d->contexts);
    if (!d->contexts) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < d->report->n_contexts; i++)
        snprintf(d->contexts[i], sizeof *d->contexts, "%zu tokens", d->report->contexts[i]);
    return RKV_OK;
}

static rkv_status fill(drawing *d, const bench_report *report, const struct chart_kind *kind) {
    *d = (drawing){.report = report, .kind = kind};
    d->n_series = kind->by_method ? report->n_contexts : report->methods.n;
    d->n_points = kind->by_method ? report->methods.n : report->n_contexts;
    rkv_status status = name_contexts(d);
    for (size_t i = 0; i < N_PANELS && !status; i++)
        status = fill_panel(d, i);
    return status;
}

static void clear(drawing *d) {
    for (size_t i = 0; i < N_PANELS; i++) {
        free(d->panels[i].series);
        free(d->panels[i].numbers);
    }
    free(d->contexts);
}

/* ---- pictures ---- */

static rkv_panel panel_of(const drawing *d, size_t i) {
    const quantity *q = &d->kind->panels[i];
    rkv_panel panel = {.title = q->title,
                       .x = {.title = "tokens of the prompt", .scale = RKV_AXIS_LOG2},
                       .y = {.title = q->axis, .from_zero = true},
                       .series = d->panels[i].series,
                       .n_series = d->n_series};
    if (d->kind->by_method)
        panel.x = (rkv_chart_axis){.labels = d->report->methods.items, .n_labels = d->report->methods.n};
    return panel;
}

static rkv_status save_as(const rkv_chart *chart, const cli_folder *folder, const char *name,
                          const char *ending, rkv_picture_format format) {
    char *path = NULL, file[64];
    snprintf(file, sizeof file, "%s.%s", name, ending);
    rkv_status status = folder_file(folder, file, &path);
    if (!status) {
        status = rkv_chart_save(chart, path, format);
        if (status != RKV_UNAVAILABLE) said(status);
    }
    free(path);
    return status;
}

/* "SmolLM2 (Q4_1), 32 new tokens after prose, 3 rounds; budgets: inverse" */
static void write_subtitle(char *text, size_t size, const bench_report *report) {
    const rkv_model_info *info = rkv_model_get_info(report->model);
    const bench_options *options = report->options;
    const char *policy = options->each.policy;
    snprintf(text, size, "%s (%s), %zu new tokens after %s, %zu round%s%s%s", info->name, info->file_type,
             options->each.new_tokens, report->text.name, options->repeats, options->repeats == 1 ? "" : "s",
             policy ? "; budgets: " : "", policy ? policy : "");
}

/* RKV_UNAVAILABLE, not told: charts cannot be drawn here. */
static rkv_status save_kind(const bench_report *report, const struct chart_kind *kind,
                            const cli_folder *folder) {
    drawing d;
    char subtitle[512];
    write_subtitle(subtitle, sizeof subtitle, report);
    rkv_status status = fill(&d, report, kind);
    if (!status) {
        rkv_panel panels[N_PANELS];
        for (size_t i = 0; i < N_PANELS; i++)
            panels[i] = panel_of(&d, i);
        rkv_chart chart = {.title = kind->title,
                           .subtitle = subtitle,
                           .note = kind->note,
                           .panels = panels,
                           .n_panels = N_PANELS,
                           .n_columns = kind->by_method ? 1 : N_PANELS};
        status = save_as(&chart, folder, kind->name, "png", RKV_PICTURE_PNG);
        if (!status) status = save_as(&chart, folder, kind->name, "svg", RKV_PICTURE_SVG);
    }
    clear(&d);
    return status;
}

rkv_status bench_charts_save(const bench_report *report, const cli_folder *folder) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < N_KINDS && !status; i++)
        status = save_kind(report, &kinds[i], folder);
    if (status != RKV_UNAVAILABLE) return status;
    note("without charts: %s", rkv_message());
    return RKV_OK;
}

bool bench_chart_is_ours(const char *name) {
    for (size_t i = 0; i < N_KINDS; i++) {
        size_t length = strlen(kinds[i].name);
        if (strncmp(name, kinds[i].name, length) == 0 &&
            (strcmp(name + length, ".png") == 0 || strcmp(name + length, ".svg") == 0))
            return true;
    }
    return false;
}
