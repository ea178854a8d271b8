/* figure_metric.c: a metric or signal by layer and head, the layers' aggregate and the budgets beside it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/figures.h"
#include "viz/furniture.h"
#include "viz/table.h"

/* What is shown: a metric of an analysis, or a signal of a profile. All borrowed, all text printable. */
typedef struct subject {
    const char *name, *unit, *summary;
    const char *origin;  /* of a signal; of an analysis NULL */
    const char *file;    /* what it is part of, for messages */
    const double *value; /* [L, H] or [L, G] */
    bool per_kv_head;
    const rkv_model_info *model;
    const char *prompt_name; /* NULL: of no prompt */
    size_t n_tokens;         /* 0: of no prompt */
    rkv_aggregate aggregate;
    const double *layer; /* [L] when the aggregates are known; else NULL */
} subject;

static int add_bars(rkv_figure *figure, const rkv_table *t, int x, int y, const char *title,
                    const double *value) {
    rkv_bars bars = {.title = title, .value = value, .n = t->rows, .pitch_px = t->cell_height};
    bars.length_px = 10 * figure->em;
    return rkv_add_bars(figure, x, y, &bars);
}

/* One value per layer: those that are known, else the aggregate of the row's finite values (the mean where
 * the aggregate is of matrices). Returns what it is called. */
static const char *aggregate_layers(const subject *about, const rkv_table *t, double *finite, double *layer) {
    rkv_aggregate aggregate = about->aggregate;
    if (!about->layer && aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX) aggregate = RKV_AGGREGATE_MEAN;
    for (size_t i = 0; i < t->rows; i++) {
        size_t n = 0;
        for (size_t j = 0; j < t->columns; j++)
            if (isfinite(t->value[i * t->columns + j])) finite[n++] = t->value[i * t->columns + j];
        layer[i] = about->layer ? about->layer[i] : n ? rkv_aggregate_values(aggregate, finite, n) : NAN;
    }
    return rkv_aggregate_name(aggregate);
}

typedef struct beside {
    double *layer, *finite, *budget, *head_budget;
    rkv_table heads;
} beside;

static void free_beside(beside *b) {
    free(b->layer);
    free(b->finite);
    free(b->budget);
    free(b->head_budget);
    free(b->heads.shown);
}

static rkv_status fill_beside(beside *b, const rkv_table *t, const rkv_budget *budget, size_t n_kv_heads) {
    size_t n = t->rows * n_kv_heads;
    rkv_status status = rkv_alloc(&b->layer, t->rows, sizeof *b->layer);
    if (!status) status = rkv_alloc(&b->finite, t->columns, sizeof *b->finite);
    if (!status && budget) status = rkv_alloc(&b->budget, t->rows, sizeof *b->budget);
    for (size_t i = 0; !status && budget && i < t->rows; i++)
        b->budget[i] = (double)budget->layers[i];
    if (status || !budget || !budget->heads) return status;
    status = rkv_alloc(&b->head_budget, n, sizeof *b->head_budget);
    if (!status) status = rkv_alloc(&b->heads.shown, n, sizeof *b->heads.shown);
    for (size_t i = 0; !status && i < n; i++)
        b->head_budget[i] = (double)budget->heads[i];
    return status;
}

static void describe_budget(rkv_figure *figure, const rkv_budget *budget) {
    rkv_text text = {0};
    char *policy = NULL;
    rkv_printable(&text, budget->policy, 48);
    if (budget->signal && budget->signal[0]) {
        rkv_text_printf(&text, " (");
        rkv_printable(&text, budget->signal, 48);
        rkv_text_printf(&text, ")");
    }
    rkv_status status = rkv_text_finish(&text, &policy);
    if (status && !figure->status) figure->status = status;
    if (!policy) return;
    size_t full = budget->model.n_layers * budget->n_tokens;
    rkv_figure_note(figure, "Budget", "%s, total %zu of %zu", policy, budget->total, full);
    rkv_figure_line(figure, "budget: %s \u00B7 %zu of %zu entries over all layers", policy, budget->total,
                    full);
    free(policy);
}

static void describe(rkv_figure *figure, const subject *about, const rkv_budget *budget, const rkv_table *t) {
    rkv_heatmap_options *options = &figure->options;
    if (!options->model_name) options->model_name = about->model->name;
    if (!options->model_sha256) options->model_sha256 = about->model->sha256;
    if (!options->prompt_name) options->prompt_name = about->prompt_name;
    rkv_figure_title(figure, "%s by layer and %s", about->name, t->heads);
    rkv_figure_note(figure, "Title", "%s by layer and %s", about->name, t->heads);
    rkv_figure_line(figure, "%s", about->summary);
    rkv_figure_source(figure, about->n_tokens, about->origin ? about->origin : "");
    if (about->origin) rkv_figure_note(figure, "Origin", "%s", about->origin);
    rkv_figure_note(figure, "Metric", "%s", about->name);
    rkv_figure_note(figure, "Unit", "%s", about->unit);
    rkv_figure_note(figure, "Layers", "%zu", t->rows);
    rkv_figure_note(figure, "Heads", "%zu", t->columns);
    rkv_figure_note(figure, "Colormap", "%s", figure->colormap->name);
    rkv_figure_note(figure, "Scale", "%s", rkv_scale_name(options->scale));
    rkv_figure_note(figure, "Value range", "%.9g .. %.9g", t->shade.low, t->shade.high);
    if (budget) describe_budget(figure, budget);
}

/* The budgets' bars and, by head, their matrix, from x on; returns the right edge. */
static int add_budget(rkv_figure *figure, const rkv_table *t, beside *b, int x, int y, size_t n_kv_heads) {
    int gap = 5 * figure->em / 2;
    if (!b->budget) return x;
    x = add_bars(figure, t, x + gap, y, "budget, entries", b->budget);
    if (!b->head_budget) return x;
    b->heads.value = b->head_budget;
    b->heads.rows = t->rows;
    b->heads.columns = n_kv_heads;
    b->heads.heads = "KV head";
    b->heads.unit =
        figure->options.scale == RKV_SCALE_ROW ? "budget / largest of its layer" : "budget, entries";
    b->heads.row_height = t->cell_height;
    rkv_table_plan(figure, &b->heads);
    return rkv_add_table(figure, &b->heads, x + gap, y);
}

static void lay_out(rkv_figure *figure, const subject *about, const rkv_table *t, beside *b) {
    rkv_axis rows = {
        .n = t->rows, .first_px = t->cell_height / 2., .pitch_px = t->cell_height, .title = "layer"};
    rkv_axis_plan(figure, &rows);
    int left = rkv_figure_left(figure), x = left + rkv_axis_depth(figure, &rows);
    int y = rkv_figure_top(figure) + rkv_axis_columns_depth(figure, &t->axis);
    int height = (int)t->rows * t->cell_height, right = rkv_add_table(figure, t, x, y);
    if (figure->options.plain) {
        rkv_figure_seal(figure, right, height);
        return;
    }
    rkv_axis_add_rows(figure, &rows, x, y, height);
    char title[64];
    snprintf(title, sizeof title, "layer: %s", aggregate_layers(about, t, b->finite, b->layer));
    right = add_bars(figure, t, right + 5 * figure->em / 2, y, title, b->layer);
    right = add_budget(figure, t, b, right, y, about->model->n_kv_heads);
    int bottom = y + (height > 11 * figure->em ? height : 11 * figure->em);
    rkv_legend_entry missing = {figure->colormap->missing, "not measured or not a finite number"};
    if (figure->range.n_missing)
        bottom = rkv_add_legend(figure, left, bottom + figure->em, right - left, &missing, 1);
    rkv_figure_seal(figure, right, bottom);
}

static rkv_status check_input(const rkv_figure *figure, const subject *about, const rkv_budget *budget) {
    const rkv_model_info *model = about->model;
    size_t side = figure->options.size_px ? figure->options.size_px : 1;
    if (model->n_layers == 0 || model->n_heads == 0 || model->n_kv_heads == 0 ||
        model->n_layers > RKV_PICTURE_LIMIT_PX / side || model->n_heads > RKV_PICTURE_LIMIT_PX / side)
        return rkv_fail(RKV_USAGE,
                        "%zu layers x %zu heads in cells of %zu pixels cannot be shown (limit %d on a side)",
                        model->n_layers, model->n_heads, side, RKV_PICTURE_LIMIT_PX);
    if (budget && budget->model.n_layers != model->n_layers)
        return rkv_fail(RKV_USAGE, "the budget has %zu layers, the %s %zu", budget->model.n_layers,
                        about->file, model->n_layers);
    if (budget && budget->heads && budget->model.n_kv_heads != model->n_kv_heads)
        return rkv_fail(RKV_USAGE, "the budget has %zu KV heads, the %s %zu", budget->model.n_kv_heads,
                        about->file, model->n_kv_heads);
    return RKV_OK;
}

static rkv_status lay_out_subject(rkv_figure *figure, const subject *about, const rkv_budget *budget) {
    const rkv_model_info *model = about->model;
    rkv_status status = check_input(figure, about, budget);
    if (status) return status;
    rkv_table t = {.value = about->value, .rows = model->n_layers, .unit = about->unit};
    t.columns = about->per_kv_head ? model->n_kv_heads : model->n_heads;
    t.heads = about->per_kv_head ? "KV head" : "query head";
    if (figure->options.scale == RKV_SCALE_ROW) t.unit = "value / largest of its layer";
    status = rkv_alloc(&figure->cell, t.rows * t.columns, sizeof *figure->cell);
    if (status) return status;
    t.shown = figure->cell;
    rkv_table_plan(figure, &t);
    beside b = {0};
    status = fill_beside(&b, &t, budget, model->n_kv_heads);
    if (!status) {
        describe(figure, about, budget, &t);
        lay_out(figure, about, &t, &b);
        figure->second = b.heads.shown; /* the scene borrows it */
        b.heads.shown = NULL;
    }
    free_beside(&b);
    return status;
}

/* ---- a metric of an analysis ---- */

rkv_status rkv_layout_metric(rkv_figure *figure, const rkv_analysis *analysis, rkv_metric metric,
                             const rkv_budget *budget) {
    if ((size_t)metric >= RKV_METRIC_COUNT)
        return rkv_fail(RKV_USAGE, "unknown metric %d: there are %d", (int)metric, (int)RKV_METRIC_COUNT);
    const rkv_metric_info *info = rkv_metric_get_info(metric);
    if (!analysis->metric[metric]) return rkv_fail(RKV_DATA, "the analysis has no %s", info->name);
    const subject about = {
        .name = info->name,
        .unit = info->unit,
        .summary = info->summary,
        .file = "analysis",
        .value = analysis->metric[metric],
        .per_kv_head = info->per_kv_head,
        .model = &analysis->model,
        .prompt_name = analysis->prompt_name,
        .n_tokens = analysis->n_tokens,
        .aggregate = analysis->aggregate,
        .layer = metric == RKV_ERANK ? analysis->layer_rank : NULL,
    };
    return lay_out_subject(figure, &about, budget);
}

rkv_status rkv_heatmap_metric(const char *path, const rkv_analysis *analysis, rkv_metric metric,
                              const rkv_budget *budget, const rkv_heatmap_options *options) {
    rkv_figure figure;
    rkv_status status = rkv_figure_open(&figure, options);
    if (!status) status = rkv_layout_metric(&figure, analysis, metric, budget);
    if (!status) status = rkv_figure_write(&figure, path);
    rkv_figure_close(&figure);
    return status;
}

/* ---- a signal of a profile ---- */

/* Longest unit, and line, of a picture. */
#define UNIT_CHARACTERS 40
#define LINE_CHARACTERS 100

/* A file's text may hold anything. */
static rkv_status make_printable(const char *text, size_t limit, char **out) {
    rkv_text printable = {0};
    rkv_printable(&printable, text, limit);
    return rkv_text_finish(&printable, out);
}

rkv_status rkv_layout_signal(rkv_figure *figure, const rkv_profile *profile, const char *name,
                             const rkv_budget *budget) {
    const rkv_signal *signal = rkv_profile_find(profile, name);
    if (!signal) return rkv_fail(RKV_USAGE, "the profile has no signal %s", name);
    char *unit = NULL, *summary = NULL, *origin = NULL;
    rkv_status status = make_printable(signal->unit, UNIT_CHARACTERS, &unit);
    if (!status) status = make_printable(signal->summary, LINE_CHARACTERS, &summary);
    if (!status) status = make_printable(signal->origin, LINE_CHARACTERS, &origin);
    const subject about = {
        .name = signal->name,
        .unit = unit,
        .summary = summary,
        .origin = origin,
        .file = "profile",
        .value = signal->values,
        .per_kv_head = signal->per_kv_head,
        .model = &profile->model,
        .aggregate = RKV_AGGREGATE_MEAN,
    };
    if (!status) status = lay_out_subject(figure, &about, budget);
    free(origin);
    free(summary);
    free(unit);
    return status;
}

rkv_status rkv_heatmap_signal(const char *path, const rkv_profile *profile, const char *name,
                              const rkv_budget *budget, const rkv_heatmap_options *options) {
    rkv_figure figure;
    rkv_status status = rkv_figure_open(&figure, options);
    if (!status) status = rkv_layout_signal(&figure, profile, name, budget);
    if (!status) status = rkv_figure_write(&figure, path);
    rkv_figure_close(&figure);
    return status;
}
