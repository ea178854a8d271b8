/* figure_metric.c: a metric by layer and head, the layers' aggregate and the budgets beside it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/figures.h"
#include "viz/furniture.h"
#include "viz/table.h"

static int add_bars(rkv_figure *figure, const rkv_table *t, int x, int y, const char *title,
                    const double *value) {
    rkv_bars bars = {.title = title, .value = value, .n = t->rows, .pitch_px = t->cell_height};
    bars.length_px = 10 * figure->em;
    return rkv_add_bars(figure, x, y, &bars);
}

/* One value per layer: the analysis's layer ranks for the effective rank, else the same aggregate of the
 * row's finite values (the mean where the aggregate is of matrices). Returns what it is called. */
static const char *aggregate_layers(const rkv_analysis *analysis, rkv_metric metric, const rkv_table *t,
                                    double *finite, double *layer) {
    rkv_aggregate aggregate = analysis->aggregate;
    bool ranked = metric == RKV_ERANK && analysis->layer_rank;
    if (!ranked && aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX) aggregate = RKV_AGGREGATE_MEAN;
    for (size_t i = 0; i < t->rows; i++) {
        size_t n = 0;
        for (size_t j = 0; j < t->columns; j++)
            if (isfinite(t->value[i * t->columns + j])) finite[n++] = t->value[i * t->columns + j];
        layer[i] = ranked ? analysis->layer_rank[i] : n ? rkv_aggregate_values(aggregate, finite, n) : NAN;
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

static void describe(rkv_figure *figure, const rkv_analysis *analysis, const rkv_metric_info *info,
                     const rkv_budget *budget, const rkv_table *t) {
    rkv_heatmap_options *options = &figure->options;
    if (!options->model_name) options->model_name = analysis->model.name;
    if (!options->model_sha256) options->model_sha256 = analysis->model.sha256;
    if (!options->prompt_name) options->prompt_name = analysis->prompt_name;
    rkv_figure_title(figure, "%s by layer and %s", info->name, t->heads);
    rkv_figure_note(figure, "Title", "%s by layer and %s", info->name, t->heads);
    rkv_figure_line(figure, "%s", info->summary);
    rkv_figure_source(figure, analysis->n_tokens, "");
    rkv_figure_note(figure, "Metric", "%s", info->name);
    rkv_figure_note(figure, "Unit", "%s", info->unit);
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

static void lay_out(rkv_figure *figure, const rkv_analysis *analysis, rkv_metric metric, const rkv_table *t,
                    beside *b) {
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
    snprintf(title, sizeof title, "layer: %s", aggregate_layers(analysis, metric, t, b->finite, b->layer));
    right = add_bars(figure, t, right + 5 * figure->em / 2, y, title, b->layer);
    right = add_budget(figure, t, b, right, y, analysis->model.n_kv_heads);
    int bottom = y + (height > 11 * figure->em ? height : 11 * figure->em);
    rkv_legend_entry missing = {figure->colormap->missing, "not measured or not a finite number"};
    if (figure->range.n_missing)
        bottom = rkv_add_legend(figure, left, bottom + figure->em, right - left, &missing, 1);
    rkv_figure_seal(figure, right, bottom);
}

static rkv_status check_input(const rkv_figure *figure, const rkv_analysis *analysis, rkv_metric metric,
                              const rkv_budget *budget) {
    const rkv_model_info *model = &analysis->model;
    if ((size_t)metric >= RKV_METRIC_COUNT)
        return rkv_fail(RKV_USAGE, "unknown metric %d: there are %d", (int)metric, (int)RKV_METRIC_COUNT);
    if (!analysis->metric[metric])
        return rkv_fail(RKV_DATA, "the analysis has no %s", rkv_metric_get_info(metric)->name);
    size_t side = figure->options.size_px ? figure->options.size_px : 1;
    if (model->n_layers == 0 || model->n_heads == 0 || model->n_kv_heads == 0 ||
        model->n_layers > RKV_PICTURE_LIMIT_PX / side || model->n_heads > RKV_PICTURE_LIMIT_PX / side)
        return rkv_fail(RKV_USAGE,
                        "%zu layers x %zu heads in cells of %zu pixels cannot be shown (limit %d on a side)",
                        model->n_layers, model->n_heads, side, RKV_PICTURE_LIMIT_PX);
    if (budget && budget->model.n_layers != model->n_layers)
        return rkv_fail(RKV_USAGE, "the budget has %zu layers, the analysis %zu", budget->model.n_layers,
                        model->n_layers);
    if (budget && budget->heads && budget->model.n_kv_heads != model->n_kv_heads)
        return rkv_fail(RKV_USAGE, "the budget has %zu KV heads, the analysis %zu", budget->model.n_kv_heads,
                        model->n_kv_heads);
    return RKV_OK;
}

rkv_status rkv_layout_metric(rkv_figure *figure, const rkv_analysis *analysis, rkv_metric metric,
                             const rkv_budget *budget) {
    rkv_status status = check_input(figure, analysis, metric, budget);
    if (status) return status;
    const rkv_metric_info *info = rkv_metric_get_info(metric);
    rkv_table t = {.value = analysis->metric[metric], .rows = analysis->model.n_layers, .unit = info->unit};
    t.columns = info->per_kv_head ? analysis->model.n_kv_heads : analysis->model.n_heads;
    t.heads = info->per_kv_head ? "KV head" : "query head";
    if (figure->options.scale == RKV_SCALE_ROW) t.unit = "value / largest of its layer";
    status = rkv_alloc(&figure->cell, t.rows * t.columns, sizeof *figure->cell);
    if (status) return status;
    t.shown = figure->cell;
    rkv_table_plan(figure, &t);
    beside b = {0};
    status = fill_beside(&b, &t, budget, analysis->model.n_kv_heads);
    if (!status) {
        describe(figure, analysis, info, budget, &t);
        lay_out(figure, analysis, metric, &t, &b);
        figure->second = b.heads.shown; /* the scene borrows it */
        b.heads.shown = NULL;
    }
    free_beside(&b);
    return status;
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
