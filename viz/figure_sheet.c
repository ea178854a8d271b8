/* figure_sheet.c: the contact sheet, every head of every layer as a thumbnail. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/colormap.h"
#include "viz/figures.h"
#include "viz/furniture.h"

#define SMALLEST_PX     16
#define THUMBNAIL_LIMIT 65536 /* four times the largest models of today */
#define PLAIN_GAP       2

/* The side of a thumbnail by how many there are. */
static const struct {
    size_t most;
    size_t side_px;
} sizes[] = {{512, 96}, {2048, 80}, {SIZE_MAX, 64}};

struct rkv_sheet {
    size_t n_layers, n_heads, n_tokens;
    rkv_fit fit;
    rkv_heatmap_options options; /* its strings are the sheet's own, erank is the caller's */
    float **layer;               /* [L] of [H, n, n] cells; NULL: not added */
};

/* Where everything stands: blocks of layers side by side, so that a deep model makes no ribbon. */
typedef struct arrangement {
    size_t blocks, rows; /* rows: layers in a block */
    int side, step_x, step_y, block_width;
    rkv_type type; /* of the rank below each thumbnail */
    bool ranks;
    rkv_axis layers, heads;
} arrangement;

/* ---- collecting ---- */

static size_t default_side(size_t n_layers, size_t n_heads) {
    size_t n = n_layers * n_heads, i = 0, side;
    while (n > sizes[i].most)
        i++;
    side = sizes[i].side_px;
    while (side > SMALLEST_PX && (n_heads * (side + side / 16 + 2) > RKV_PICTURE_LIMIT_PX - 1000 ||
                                  n_layers * (side + side / 4 + 2) > RKV_PICTURE_LIMIT_PX - 1000))
        side /= 2;
    return side;
}

/* Copies the options; the strings become the sheet's own, NULL where a copy failed. */
static rkv_status keep_options(rkv_sheet *sheet, const rkv_heatmap_options *options) {
    rkv_heatmap_options *own = &sheet->options;
    if (options) *own = *options;
    own->token_text = NULL;
    const rkv_colormap *colormap = NULL;
    rkv_status status = rkv_colormap_get(&colormap, own->colormap);
    own->colormap = colormap ? colormap->name : NULL;
    const char **strings[] = {&own->model_name, &own->model_sha256, &own->prompt_name};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        char *copy = NULL;
        if (!status) status = rkv_copy_string(&copy, *strings[i]);
        *strings[i] = copy;
    }
    return status;
}

/* Lays the empty sheet out: what could fail at the end of a long analysis fails at its beginning. */
static rkv_status rehearse(const rkv_sheet *sheet) {
    rkv_figure figure;
    rkv_status status = rkv_figure_open(&figure, &sheet->options);
    if (!status) status = rkv_layout_sheet(&figure, sheet);
    if (!status) status = rkv_figure_check(&figure);
    rkv_figure_close(&figure);
    return status;
}

rkv_status rkv_sheet_new(rkv_sheet **out, size_t n_layers, size_t n_heads, size_t n_tokens,
                         const rkv_heatmap_options *options) {
    *out = NULL;
    rkv_sheet *sheet = NULL;
    size_t thumbnails = 0;
    if (!rkv_multiply(n_layers, n_heads, &thumbnails) || thumbnails - 1 >= THUMBNAIL_LIMIT || n_tokens == 0)
        return rkv_fail(RKV_USAGE,
                        "%zu layers x %zu heads over %zu tokens make no contact sheet (limit %d thumbnails)",
                        n_layers, n_heads, n_tokens, THUMBNAIL_LIMIT);
    rkv_status status = rkv_alloc(&sheet, 1, sizeof *sheet);
    if (status) return status;
    sheet->n_layers = n_layers;
    sheet->n_heads = n_heads;
    sheet->n_tokens = n_tokens;
    status = keep_options(sheet, options);
    size_t asked = sheet->options.size_px;
    sheet->fit =
        asked ? rkv_fit_within(n_tokens, asked) : rkv_fit_near(n_tokens, default_side(n_layers, n_heads));
    if (!status) status = rkv_alloc(&sheet->layer, n_layers, sizeof *sheet->layer);
    if (!status) status = rehearse(sheet);
    if (status)
        rkv_sheet_free(sheet);
    else
        *out = sheet;
    return status;
}

void rkv_sheet_free(rkv_sheet *sheet) {
    if (!sheet) return;
    for (size_t l = 0; sheet->layer && l < sheet->n_layers; l++)
        free(sheet->layer[l]);
    free(sheet->layer);
    free((char *)sheet->options.model_name);
    free((char *)sheet->options.model_sha256);
    free((char *)sheet->options.prompt_name);
    free(sheet);
}

rkv_status rkv_sheet_add_layer(void *user, const rkv_layer *layer) {
    rkv_sheet *sheet = user;
    if (layer->index >= sheet->n_layers || layer->n_heads != sheet->n_heads ||
        layer->n_tokens != sheet->n_tokens || !layer->attention)
        return rkv_fail(
            RKV_USAGE,
            "layer %zu (%zu heads, %zu tokens%s) does not fit a sheet of %zu x %zu over %zu tokens",
            layer->index, layer->n_heads, layer->n_tokens, layer->attention ? "" : ", no attention",
            sheet->n_layers, sheet->n_heads, sheet->n_tokens);
    size_t cells = sheet->fit.cells * sheet->fit.cells, entries = layer->n_tokens * layer->n_tokens;
    float *cell = NULL;
    rkv_status status = rkv_alloc_raw(&cell, sheet->n_heads, cells * sizeof *cell);
    for (size_t h = 0; !status && h < sheet->n_heads; h++)
        status = rkv_reduce_matrix(cell + h * cells, layer->attention + h * entries, layer->n_tokens,
                                   sheet->fit.factor, sheet->options.reduce,
                                   sheet->options.scale == RKV_SCALE_ROW);
    if (status) {
        free(cell);
        return status;
    }
    free(sheet->layer[layer->index]);
    sheet->layer[layer->index] = cell;
    return RKV_OK;
}

/* ---- layout ---- */

static void plan_block(rkv_figure *figure, const rkv_sheet *sheet, arrangement *a) {
    bool plain = figure->options.plain;
    double size = a->side / 8.;
    a->type = (rkv_type){.size_px = size < 9 ? 9 : size > 13 ? 13 : size};
    a->ranks = !plain && figure->options.erank && a->side >= 4 * a->type.size_px;
    int gap = plain ? PLAIN_GAP : a->side / 16 + 2;
    a->step_x = a->side + gap;
    a->step_y = a->side + gap + (a->ranks ? rkv_line_height(a->type) : 0);
    a->layers =
        (rkv_axis){.n = sheet->n_layers, .first_px = a->side / 2., .pitch_px = a->step_y, .title = "layer"};
    a->heads =
        (rkv_axis){.n = sheet->n_heads, .first_px = a->side / 2., .pitch_px = a->step_x, .title = "head"};
    rkv_axis_plan(figure, &a->layers);
    rkv_axis_plan(figure, &a->heads);
    a->block_width = rkv_axis_depth(figure, &a->layers) + (int)sheet->n_heads * a->step_x - gap;
}

static int between_blocks(const rkv_figure *figure) {
    return figure->options.plain ? 3 * PLAIN_GAP : 2 * figure->em;
}

/* As many blocks as bring the sheet near 4:3, with little left empty in the last. */
static void choose_blocks(const rkv_figure *figure, const rkv_sheet *sheet, arrangement *a) {
    double best = INFINITY, width = a->block_width + between_blocks(figure);
    for (size_t blocks = 1; blocks <= sheet->n_layers; blocks++) {
        size_t rows = (sheet->n_layers + blocks - 1) / blocks;
        double shape = (double)blocks * width / ((double)rows * a->step_y);
        double empty = (double)(rows * blocks - sheet->n_layers) / (double)sheet->n_layers;
        double cost = fabs(log(shape / 1.33)) + 2 * empty;
        if (cost >= best) continue;
        best = cost;
        a->blocks = blocks;
        a->rows = rows;
    }
}

static void add_thumbnail(rkv_figure *figure, const rkv_sheet *sheet, const arrangement *a, size_t layer,
                          size_t head, rkv_box box) {
    size_t cells = sheet->fit.cells;
    if (!figure->options.plain) rkv_scene_frame(&figure->scene, box, RKV_RULE);
    if (!sheet->layer[layer]) return;
    rkv_image image = {.rows = cells, .columns = cells, .causal = true, .shade = figure->shade};
    image.value = sheet->layer[layer] + head * cells * cells;
    image.cell_width = image.cell_height = (int)sheet->fit.zoom;
    rkv_scene_image(&figure->scene, box.x, box.y, &image);
    double erank = a->ranks ? figure->options.erank[layer * sheet->n_heads + head] : NAN;
    if (!isfinite(erank)) return;
    char number[32];
    snprintf(number, sizeof number, "%.1f", erank);
    rkv_label label = {
        .text = number, .x = box.x + box.width / 2, .y = box.y + box.height + 1, .anchor = RKV_CENTRE};
    label.type = a->type;
    label.colour = RKV_INK;
    label.max_px = box.width;
    rkv_scene_label(&figure->scene, &label);
}

static void add_block(rkv_figure *figure, const rkv_sheet *sheet, const arrangement *a, size_t block, int x,
                      int y) {
    size_t first = block * a->rows,
           end = first + a->rows < sheet->n_layers ? first + a->rows : sheet->n_layers;
    if (first >= end) return;
    rkv_axis layers = a->layers;
    layers.n = end - first;
    layers.first_index = first;
    rkv_axis_add_rows(figure, &layers, x, y, (int)layers.n * a->step_y);
    rkv_axis_add_columns(figure, &a->heads, x, y, (int)sheet->n_heads * a->step_x, true);
    for (size_t l = first; l < end; l++)
        for (size_t h = 0; h < sheet->n_heads; h++) {
            rkv_box box = {x + (int)h * a->step_x, y + (int)(l - first) * a->step_y, a->side, a->side};
            add_thumbnail(figure, sheet, a, l, h, box);
        }
}

static void describe(rkv_figure *figure, const rkv_sheet *sheet, const arrangement *a) {
    size_t added = 0, cells = sheet->fit.cells;
    for (size_t l = 0; l < sheet->n_layers; l++) {
        if (!sheet->layer[l]) continue;
        added++;
        for (size_t h = 0; h < sheet->n_heads; h++)
            rkv_range_add(&figure->range, sheet->layer[l] + h * cells * cells, cells, cells, true);
    }
    rkv_figure_title(figure, "attention of %zu layer%s \u00D7 %zu head%s", sheet->n_layers,
                     sheet->n_layers == 1 ? "" : "s", sheet->n_heads, sheet->n_heads == 1 ? "" : "s");
    rkv_figure_note(figure, "Title", "Attention of %zu layers x %zu heads", sheet->n_layers, sheet->n_heads);
    rkv_figure_source(figure, sheet->n_tokens, "");
    if (a->ranks) rkv_figure_line(figure, "below each head its effective rank; one colour scale for all");
    rkv_figure_note(figure, "Layers", "%zu of %zu", added, sheet->n_layers);
    rkv_figure_note(figure, "Heads", "%zu", sheet->n_heads);
    rkv_figure_shade_attention(figure, &sheet->fit);
}

static void lay_out(rkv_figure *figure, const rkv_sheet *sheet, const arrangement *a) {
    int depth = rkv_axis_depth(figure, &a->layers), left = rkv_figure_left(figure), x = left + depth;
    int y = rkv_figure_top(figure) + rkv_axis_columns_depth(figure, &a->heads);
    for (size_t b = 0; b < a->blocks; b++)
        add_block(figure, sheet, a, b, x + (int)b * (a->block_width + between_blocks(figure)), y);
    int right = left + (int)a->blocks * (a->block_width + between_blocks(figure)) - between_blocks(figure);
    int bottom = y + (int)a->rows * a->step_y - (a->ranks ? 0 : a->step_y - a->side);
    if (figure->options.plain) {
        rkv_figure_seal(figure, right, bottom);
        return;
    }
    int bar = bottom - y;
    if (bar > 32 * figure->em) bar = 32 * figure->em;
    if (bar < 11 * figure->em) bar = 11 * figure->em;
    right = rkv_add_colour_bar(figure, right + 3 * figure->em / 2, y, bar, &figure->shade,
                               rkv_attention_caption(figure->options.scale));
    if (y + bar > bottom) bottom = y + bar;
    bottom = rkv_add_attention_legend(figure, left, bottom + figure->em, right - left, &sheet->fit);
    rkv_figure_seal(figure, right, bottom);
}

rkv_status rkv_layout_sheet(rkv_figure *figure, const rkv_sheet *sheet) {
    arrangement a = {.side = (int)sheet->fit.side_px};
    double thumbnails = (double)sheet->n_layers * (double)sheet->n_heads;
    bool fits = (double)a.side * sqrt(thumbnails) <= RKV_PICTURE_LIMIT_PX &&
                sheet->n_heads * sheet->fit.side_px <= RKV_PICTURE_LIMIT_PX;
    if (!fits)
        return rkv_fail(RKV_USAGE,
                        "%zu x %zu thumbnails of %d pixels make a picture larger than %d on a side",
                        sheet->n_layers, sheet->n_heads, a.side, RKV_PICTURE_LIMIT_PX);
    rkv_figure_set_size(figure, (size_t)(0.45 * a.side * sqrt(thumbnails)));
    plan_block(figure, sheet, &a);
    choose_blocks(figure, sheet, &a);
    describe(figure, sheet, &a);
    lay_out(figure, sheet, &a);
    return RKV_OK;
}

rkv_status rkv_sheet_save(const rkv_sheet *sheet, const char *path) {
    rkv_figure figure;
    rkv_status status = rkv_figure_open(&figure, &sheet->options);
    if (!status) status = rkv_layout_sheet(&figure, sheet);
    if (!status) status = rkv_figure_write(&figure, path);
    rkv_figure_close(&figure);
    return status;
}
