/* axis.c: labels along the sides of a matrix. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "viz/furniture.h"
#include "viz/ticks.h"

/* Longest label of a token, in characters and in em; smallest readable type. */
#define TOKEN_CHARACTERS 24
#define TOKEN_EM         8
#define SMALLEST_PX      9.

/* What entry i is called: its index, its token, or both when not every token is shown. A leading blank is
 * left out, and a token of blanks alone shows them. */
static void entry_text(const rkv_axis *axis, size_t i, rkv_text *out) {
    if (!axis->token_text || axis->step > 1)
        rkv_text_printf(out, axis->token_text ? "%zu " : "%zu", axis->first_index + i);
    if (!axis->token_text || !axis->token_text[i]) return;
    const char *token = axis->token_text[i];
    size_t blanks = strspn(token, " ");
    if (token[blanks]) {
        rkv_printable(out, token + blanks, TOKEN_CHARACTERS);
        return;
    }
    for (size_t b = 0; b < blanks && b < 8; b++)
        rkv_text_add(out, "\u2423", strlen("\u2423"));
}

static int longest_label(rkv_figure *figure, const rkv_axis *axis) {
    int longest = 0, most = axis->token_text ? TOKEN_EM * figure->em : 1 << 20;
    size_t stride = axis->token_text ? axis->step : axis->n - 1; /* the last index is the longest */
    for (size_t i = 0; i < axis->n; i += stride ? stride : 1) {
        rkv_text text = {0};
        entry_text(axis, i, &text);
        if (text.status && !figure->status) figure->status = text.status;
        int length = text.bytes ? rkv_scene_text_width(&figure->scene, text.bytes, axis->type) : 0;
        free(text.bytes);
        if (length > longest) longest = length;
    }
    return longest < most ? longest : most;
}

void rkv_axis_plan(rkv_figure *figure, rkv_axis *axis) {
    axis->step = 1;
    axis->type = figure->small;
    double line = 1.2 * SMALLEST_PX, roomy = 1.3 * figure->small.size_px;
    if (axis->token_text) {
        if (axis->pitch_px < line)
            axis->step = rkv_round_step(roomy / axis->pitch_px);
        else if (axis->pitch_px < 1.2 * figure->small.size_px)
            axis->type.size_px = axis->pitch_px / 1.2 - 0.01;
    } else {
        double widest = longest_label(figure, axis) + 0.6 * figure->small.size_px;
        double least = widest > roomy ? widest : roomy;
        if (axis->pitch_px < least) {
            least = widest > 3 * roomy ? widest : 3 * roomy; /* few indices read better than many */
            axis->step = rkv_round_step(least / axis->pitch_px);
        }
    }
    axis->extent = longest_label(figure, axis);
}

static int gap(const rkv_figure *figure) {
    return figure->em / 2;
}

int rkv_axis_depth(const rkv_figure *figure, const rkv_axis *axis) {
    if (!figure->scene.lettering) return 0;
    int title = axis->title ? rkv_line_height(figure->small) + gap(figure) : 0;
    return title + axis->extent + gap(figure);
}

static int centre(const rkv_axis *axis, size_t i) {
    return (int)floor(axis->first_px + (double)i * axis->pitch_px);
}

/* Adds one label of the axis; the label's anchor and orientation are the side's. */
static void add_entry(rkv_figure *figure, const rkv_axis *axis, size_t i, rkv_label label) {
    rkv_text text = {0};
    entry_text(axis, i, &text);
    if (text.status && !figure->status) figure->status = text.status;
    label.text = text.bytes ? text.bytes : "";
    label.type = axis->type;
    label.colour = RKV_INK;
    label.max_px = axis->extent;
    rkv_scene_label(&figure->scene, &label);
    free(text.bytes);
}

void rkv_axis_add_rows(rkv_figure *figure, const rkv_axis *axis, int x, int y, int length_px) {
    if (!figure->scene.lettering) return;
    int line = rkv_line_height(axis->type), tick = gap(figure) / 2;
    for (size_t i = 0; i < axis->n; i += axis->step) {
        int middle = y + centre(axis, i);
        add_entry(figure, axis, i,
                  (rkv_label){.x = x - gap(figure), .y = middle - line / 2, .anchor = RKV_RIGHT});
        if (axis->step > 1)
            rkv_scene_fill(&figure->scene, (rkv_box){x - 1 - tick, middle, tick, 1}, RKV_MUTED);
    }
    if (!axis->title) return;
    int title = rkv_scene_text_width(&figure->scene, axis->title, figure->small);
    rkv_label label = {.text = axis->title, .anchor = RKV_CENTRE, .type = figure->small, .turned = true};
    label.x = x - rkv_axis_depth(figure, axis);
    label.y = y + (title > length_px ? title : length_px) / 2; /* never up into the heading */
    label.colour = RKV_MUTED;
    rkv_scene_label(&figure->scene, &label);
}

static int columns_text_depth(const rkv_axis *axis) {
    return axis->token_text ? axis->extent : rkv_line_height(axis->type);
}

int rkv_axis_columns_depth(const rkv_figure *figure, const rkv_axis *axis) {
    if (!figure->scene.lettering) return 0;
    int title = axis->title ? rkv_line_height(figure->small) + gap(figure) / 2 : 0;
    return gap(figure) + columns_text_depth(axis) + title;
}

static void add_columns_title(rkv_figure *figure, const rkv_axis *axis, int middle, int y) {
    if (!axis->title) return;
    rkv_label label = {.text = axis->title, .x = middle, .y = y, .anchor = RKV_CENTRE};
    label.type = figure->small;
    label.colour = RKV_MUTED;
    rkv_scene_label(&figure->scene, &label);
}

void rkv_axis_add_columns(rkv_figure *figure, const rkv_axis *axis, int x, int y, int length_px, bool above) {
    if (!figure->scene.lettering) return;
    int line = rkv_line_height(axis->type), tick = gap(figure) / 2, depth = columns_text_depth(axis);
    int edge = above ? y - gap(figure) - depth : y + gap(figure);
    for (size_t i = 0; i < axis->n; i += axis->step) {
        int middle = x + centre(axis, i);
        rkv_label label = {.x = middle, .y = edge, .anchor = RKV_CENTRE};
        if (axis->token_text)
            label = (rkv_label){.x = middle - line / 2, .y = edge, .anchor = RKV_RIGHT, .turned = true};
        add_entry(figure, axis, i, label);
        rkv_box mark = {middle, above ? y - 1 - tick : y + 1, 1, tick};
        if (axis->step > 1) rkv_scene_fill(&figure->scene, mark, RKV_MUTED);
    }
    int title = above ? y - rkv_axis_columns_depth(figure, axis) : edge + depth + gap(figure) / 2;
    add_columns_title(figure, axis, x + length_px / 2, title);
}
