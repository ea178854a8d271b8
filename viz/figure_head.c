/* figure_head.c: one head's attention with its tokens. */
#include <math.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/figures.h"
#include "viz/furniture.h"

/* Sides between these when nothing is asked for. */
#define SMALL_PX        512
#define LARGE_PX        1024
/* Up to so many tokens, cells are large enough for every token's label. */
#define LABELLED_TOKENS 72
#define LABELLED_CELL   14

static rkv_fit good_fit(const rkv_figure *figure, size_t n_tokens) {
    const rkv_heatmap_options *options = &figure->options;
    size_t side = options->size_px;
    if (side) return rkv_fit_within(n_tokens, side);
    if (options->plain)
        return rkv_fit_within(n_tokens, n_tokens < RKV_MATRIX_LIMIT_PX ? n_tokens : RKV_MATRIX_LIMIT_PX);
    side = n_tokens < SMALL_PX ? (SMALL_PX + n_tokens - 1) / n_tokens * n_tokens : LARGE_PX;
    if (options->token_text && n_tokens <= LABELLED_TOKENS && side < n_tokens * LABELLED_CELL)
        side = n_tokens * LABELLED_CELL;
    return rkv_fit_within(n_tokens, side);
}

static rkv_status reduce_head(rkv_figure *figure, const float *attention, size_t n_tokens,
                              const rkv_fit *fit) {
    rkv_status status = rkv_alloc_raw(&figure->cell, fit->cells * fit->cells, sizeof *figure->cell);
    if (!status)
        status = rkv_reduce_matrix(figure->cell, attention, n_tokens, fit->factor, figure->options.reduce,
                                   figure->options.scale == RKV_SCALE_ROW);
    if (!status) rkv_range_add(&figure->range, figure->cell, fit->cells, fit->cells, true);
    return status;
}

static void describe(rkv_figure *figure, size_t n_tokens, size_t layer, size_t head, size_t n_heads) {
    double erank = figure->options.erank ? figure->options.erank[layer * n_heads + head] : NAN;
    if (isfinite(erank))
        rkv_figure_title(figure, "layer %zu \u00B7 head %zu \u00B7 effective rank %.1f", layer, head, erank);
    else
        rkv_figure_title(figure, "layer %zu \u00B7 head %zu", layer, head);
    rkv_figure_note(figure, "Title", "Attention of layer %zu, head %zu", layer, head);
    rkv_figure_source(figure, n_tokens, "");
    rkv_figure_note(figure, "Layer", "%zu", layer);
    rkv_figure_note(figure, "Head", "%zu of %zu", head, n_heads);
    if (isfinite(erank)) rkv_figure_note(figure, "Effective rank", "%.17g", erank);
}

/* The matrix, and what stands around it: rows on its left, columns and legend below, the colour bar on its
 * right. */
static void lay_out(rkv_figure *figure, size_t n_tokens, const rkv_fit *fit) {
    char *const *tokens = figure->options.token_text;
    double pitch = (double)fit->side_px / (double)fit->cells / (double)fit->factor;
    rkv_axis axis = {.n = n_tokens, .first_px = 0.5 * pitch, .pitch_px = pitch, .token_text = tokens};
    axis.title = tokens ? "query token" : "query";
    rkv_axis_plan(figure, &axis);
    int side = (int)fit->side_px, x = rkv_figure_left(figure) + rkv_axis_depth(figure, &axis);
    int y = rkv_figure_top(figure);
    rkv_image image = {.value = figure->cell, .rows = fit->cells, .columns = fit->cells, .causal = true};
    image.cell_width = image.cell_height = (int)fit->zoom;
    image.shade = figure->shade;
    rkv_scene_image(&figure->scene, x, y, &image);
    if (figure->options.plain) {
        rkv_figure_seal(figure, side, side);
        return;
    }
    rkv_scene_frame(&figure->scene, (rkv_box){x, y, side, side}, RKV_RULE);
    rkv_axis_add_rows(figure, &axis, x, y, side);
    axis.title = tokens ? "key token" : "key";
    rkv_axis_add_columns(figure, &axis, x, y + side, side, false);
    int bottom = y + side + rkv_axis_columns_depth(figure, &axis);
    int bar = side > 11 * figure->em ? side : 11 * figure->em;
    int right = rkv_add_colour_bar(figure, x + side + 3 * figure->em / 2, y, bar, &figure->shade,
                                   rkv_attention_caption(figure->options.scale));
    if (y + bar > bottom) bottom = y + bar;
    int left = rkv_figure_left(figure);
    bottom = rkv_add_attention_legend(figure, left, bottom + figure->em, right - left, fit);
    rkv_figure_seal(figure, right, bottom);
}

rkv_status rkv_layout_head(rkv_figure *figure, const float *attention, size_t n_tokens, size_t layer,
                           size_t head, size_t n_heads) {
    if (n_tokens == 0 || head >= n_heads)
        return rkv_fail(RKV_USAGE, "head %zu of %zu heads over %zu tokens cannot be shown", head, n_heads,
                        n_tokens);
    rkv_fit fit = good_fit(figure, n_tokens);
    rkv_figure_set_size(figure, fit.side_px);
    rkv_status status = reduce_head(figure, attention, n_tokens, &fit);
    if (status) return status;
    describe(figure, n_tokens, layer, head, n_heads);
    rkv_figure_shade_attention(figure, &fit);
    lay_out(figure, n_tokens, &fit);
    return RKV_OK;
}

rkv_status rkv_heatmap_head(const char *path, const float *attention, size_t n_tokens, size_t layer,
                            size_t head, size_t n_heads, const rkv_heatmap_options *options) {
    rkv_figure figure;
    rkv_status status = rkv_figure_open(&figure, options);
    if (!status) status = rkv_layout_head(&figure, attention, n_tokens, layer, head, n_heads);
    if (!status) status = rkv_figure_write(&figure, path);
    rkv_figure_close(&figure);
    return status;
}
