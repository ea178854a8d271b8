/* figure_layer.c: all heads of a layer in a grid. */
#include <math.h>
#include <stdio.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/figures.h"
#include "viz/furniture.h"

/* A row of panels is about this wide; a panel is neither smaller nor larger than these. */
#define ROW_PX      1200
#define SMALLEST_PX 128
#define LARGEST_PX  400
#define PLAIN_GAP   2

size_t rkv_grid_columns(size_t n) {
    size_t best = 1;
    double best_cost = INFINITY;
    for (size_t columns = 1; columns <= n; columns++) {
        size_t rows = (n + columns - 1) / columns;
        double shape = fabs(log((double)columns / (double)rows / 1.25));
        double cost = shape + 4 * (double)(rows * columns - n) / (double)n;
        if (cost < best_cost) {
            best = columns;
            best_cost = cost;
        }
    }
    return best;
}

typedef struct grid {
    size_t columns, rows;
    rkv_fit fit;
    rkv_axis axis;
    int x, y, side; /* of the first panel */
    int step_x, step_y;
} grid;

static rkv_fit panel_fit(const rkv_figure *figure, size_t n_tokens, size_t columns) {
    size_t side = ROW_PX / columns;
    side = side < SMALLEST_PX ? SMALLEST_PX : side > LARGEST_PX ? LARGEST_PX : side;
    size_t asked = figure->options.size_px;
    return asked ? rkv_fit_within(n_tokens, asked) : rkv_fit_near(n_tokens, side);
}

/* Heads in parallel would hold H of the running rows: the rows of each head are shared instead. */
static rkv_status reduce_heads(rkv_figure *figure, const rkv_layer *layer, const rkv_fit *fit) {
    size_t cells = fit->cells * fit->cells, entries = layer->n_tokens * layer->n_tokens;
    rkv_status status = rkv_alloc_raw(&figure->cell, layer->n_heads, cells * sizeof *figure->cell);
    for (size_t h = 0; !status && h < layer->n_heads; h++) {
        status =
            rkv_reduce_matrix(figure->cell + h * cells, layer->attention + h * entries, layer->n_tokens,
                              fit->factor, figure->options.reduce, figure->options.scale == RKV_SCALE_ROW);
        if (!status) rkv_range_add(&figure->range, figure->cell + h * cells, fit->cells, fit->cells, true);
    }
    return status;
}

static const double *layer_eranks(const rkv_figure *figure, const rkv_layer *layer) {
    return figure->options.erank ? figure->options.erank + layer->index * layer->n_heads : NULL;
}

static void describe(rkv_figure *figure, const rkv_layer *layer) {
    const double *erank = layer_eranks(figure, layer);
    double sum = 0;
    for (size_t h = 0; h < layer->n_heads; h++)
        sum += erank ? erank[h] : NAN;
    double mean = sum / (double)layer->n_heads;
    if (isfinite(mean))
        rkv_figure_title(figure, "layer %zu \u00B7 mean effective rank %.1f", layer->index, mean);
    else
        rkv_figure_title(figure, "layer %zu", layer->index);
    rkv_figure_note(figure, "Title", "Attention of layer %zu, all heads", layer->index);
    char extra[96];
    snprintf(extra, sizeof extra, " \u00B7 %zu head%s", layer->n_heads, layer->n_heads == 1 ? "" : "s");
    rkv_figure_source(figure, layer->n_tokens, extra);
    if (erank) rkv_figure_line(figure, "each head with its effective rank; one colour scale for all");
    rkv_figure_note(figure, "Layer", "%zu", layer->index);
    rkv_figure_note(figure, "Heads", "%zu", layer->n_heads);
}

static void plan_grid(rkv_figure *figure, const rkv_layer *layer, grid *g) {
    double pitch = (double)g->side / (double)g->fit.cells / (double)g->fit.factor;
    g->axis = (rkv_axis){.n = layer->n_tokens, .first_px = 0.5 * pitch, .pitch_px = pitch};
    rkv_axis_plan(figure, &g->axis);
    int gap = figure->options.plain ? PLAIN_GAP : figure->em + g->axis.extent / 2; /* labels hang over */
    int title = figure->options.plain ? 0 : rkv_line_height(figure->small) + figure->em / 4;
    g->axis.title = "query";
    g->x = rkv_figure_left(figure) + rkv_axis_depth(figure, &g->axis);
    g->y = rkv_figure_top(figure) + title;
    g->step_x = g->side + gap;
    g->step_y = g->side + gap + title;
}

static void add_panel(rkv_figure *figure, const rkv_layer *layer, const grid *g, size_t head) {
    int x = g->x + (int)(head % g->columns) * g->step_x, y = g->y + (int)(head / g->columns) * g->step_y;
    size_t cells = g->fit.cells;
    rkv_image image = {
        .value = figure->cell + head * cells * cells, .rows = cells, .columns = cells, .causal = true};
    image.cell_width = image.cell_height = (int)g->fit.zoom;
    image.shade = figure->shade;
    rkv_scene_image(&figure->scene, x, y, &image);
    if (figure->options.plain) return;
    rkv_scene_frame(&figure->scene, (rkv_box){x, y, g->side, g->side}, RKV_RULE);
    const double *erank = layer_eranks(figure, layer);
    char title[64];
    if (erank && isfinite(erank[head]))
        snprintf(title, sizeof title, "head %zu \u00B7 %.1f", head, erank[head]);
    else
        snprintf(title, sizeof title, "head %zu", head);
    rkv_label label = {.text = title, .x = x, .type = figure->small, .colour = RKV_INK, .max_px = g->side};
    label.y = y - figure->em / 4 - rkv_line_height(figure->small);
    rkv_scene_label(&figure->scene, &label);
}

/* Axes stand at the outer panels only: left of each row, below each column. Returns the bottom. */
static int add_axes(rkv_figure *figure, const rkv_layer *layer, grid *g) {
    rkv_axis axis = g->axis, title = g->axis;
    int height = (int)(g->rows - 1) * g->step_y + g->side,
        width = (int)(g->columns - 1) * g->step_x + g->side;
    axis.title = NULL;
    title.n = 0;
    rkv_axis_add_rows(figure, &title, g->x, g->y, height);
    for (size_t r = 0; r < g->rows; r++)
        rkv_axis_add_rows(figure, &axis, g->x, g->y + (int)r * g->step_y, g->side);
    title.title = "key";
    rkv_axis_add_columns(figure, &title, g->x, g->y + height, width, false);
    for (size_t c = 0; c < g->columns; c++) {
        size_t last = g->rows - 1 - ((g->rows - 1) * g->columns + c >= layer->n_heads);
        int bottom = g->y + (int)last * g->step_y + g->side;
        rkv_axis_add_columns(figure, &axis, g->x + (int)c * g->step_x, bottom, g->side, false);
    }
    return g->y + height + rkv_axis_columns_depth(figure, &g->axis);
}

static void lay_out(rkv_figure *figure, const rkv_layer *layer, grid *g) {
    plan_grid(figure, layer, g);
    for (size_t h = 0; h < layer->n_heads; h++)
        add_panel(figure, layer, g, h);
    int right = g->x + (int)(g->columns - 1) * g->step_x + g->side;
    int bottom = g->y + (int)(g->rows - 1) * g->step_y + g->side;
    if (figure->options.plain) {
        rkv_figure_seal(figure, right, bottom);
        return;
    }
    int bar = bottom - g->y, left = rkv_figure_left(figure), below = add_axes(figure, layer, g);
    if (bar > 40 * figure->em) bar = 40 * figure->em;
    if (bar < 11 * figure->em) bar = 11 * figure->em;
    right = rkv_add_colour_bar(figure, right + 3 * figure->em / 2, g->y, bar, &figure->shade,
                               rkv_attention_caption(figure->options.scale));
    if (g->y + bar > below) below = g->y + bar;
    below = rkv_add_attention_legend(figure, left, below + figure->em, right - left, &g->fit);
    rkv_figure_seal(figure, right, below);
}

rkv_status rkv_layout_layer(rkv_figure *figure, const rkv_layer *layer) {
    if (layer->n_tokens == 0 || layer->n_heads == 0 || !layer->attention)
        return rkv_fail(RKV_USAGE, "layer %zu: no attention to show (%zu heads, %zu tokens)", layer->index,
                        layer->n_heads, layer->n_tokens);
    grid g = {.columns = rkv_grid_columns(layer->n_heads)};
    g.rows = (layer->n_heads + g.columns - 1) / g.columns;
    g.fit = panel_fit(figure, layer->n_tokens, g.columns);
    g.side = (int)g.fit.side_px;
    if (g.columns * g.fit.side_px > RKV_PICTURE_LIMIT_PX || g.rows * g.fit.side_px > RKV_PICTURE_LIMIT_PX)
        return rkv_fail(RKV_USAGE, "%zu heads of %zu pixels make a picture larger than %d on a side",
                        layer->n_heads, g.fit.side_px, RKV_PICTURE_LIMIT_PX);
    rkv_figure_set_size(figure, g.columns * g.fit.side_px * 3 / 4);
    rkv_status status = reduce_heads(figure, layer, &g.fit);
    if (status) return status;
    describe(figure, layer);
    rkv_figure_shade_attention(figure, &g.fit);
    lay_out(figure, layer, &g);
    return RKV_OK;
}

rkv_status rkv_heatmap_layer(const char *path, const rkv_layer *layer, const rkv_heatmap_options *options) {
    rkv_figure figure;
    rkv_status status = rkv_figure_open(&figure, options);
    if (!status) status = rkv_layout_layer(&figure, layer);
    if (!status) status = rkv_figure_write(&figure, path);
    rkv_figure_close(&figure);
    return status;
}
