/* furniture.c: colour bar, legend and bars. */
#include "viz/furniture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "viz/ticks.h"

/* ---- colour bar ---- */

static int bar_thickness(const rkv_figure *figure) {
    return figure->em;
}

/* Returns the length of the tick's label. */
static int add_tick(rkv_figure *figure, int x, int y, const char *text) {
    int line = rkv_line_height(figure->small);
    rkv_scene_fill(&figure->scene, (rkv_box){x + 1, y, figure->em / 4, 1}, RKV_MUTED);
    rkv_label label = {
        .text = text, .x = x + figure->em / 2, .y = y - line / 2, .type = figure->small, .colour = RKV_INK};
    return rkv_scene_label(&figure->scene, &label);
}

/* The ticks of a shade, and the value at its end where no tick is near it. */
static size_t shade_ticks(const rkv_shade *shade, size_t most, rkv_tick tick[RKV_TICK_LIMIT]) {
    size_t n = shade->logarithmic ? rkv_ticks_log(shade->low, shade->high, most, tick)
                                  : rkv_ticks_linear(shade->low, shade->high, most, tick);
    double last = 0;
    for (size_t i = 0; i < n; i++)
        last = fmax(last, rkv_shade_position(shade, tick[i].value));
    if (n < RKV_TICK_LIMIT && (1 - last) * (double)most > 0.9) {
        tick[n].value = shade->high;
        char number[RKV_SHORT_NUMBER];
        rkv_format_short(shade->high, number);
        snprintf(tick[n].label, sizeof tick[n].label, "%s", number);
        n++;
    }
    return n;
}

int rkv_add_colour_bar(rkv_figure *figure, int x, int y, int height, const rkv_shade *shade,
                       const char *caption) {
    if (!figure->scene.lettering) return x;
    rkv_box box = {x, y, bar_thickness(figure), height};
    rkv_scene_ramp(&figure->scene, box, shade->colormap);
    rkv_scene_frame(&figure->scene, box, RKV_RULE);
    rkv_tick tick[RKV_TICK_LIMIT];
    size_t most = (size_t)(height / (2 * rkv_line_height(figure->small)));
    size_t n = shade_ticks(shade, most < 2 ? 2 : most > 8 ? 8 : most, tick);
    int longest = 0;
    for (size_t i = 0; i < n; i++) {
        double position = rkv_shade_position(shade, tick[i].value);
        int middle = y + (int)lround((1 - position) * (height - 1));
        int length = add_tick(figure, x + box.width, middle, tick[i].label);
        if (length > longest) longest = length;
    }
    int line = rkv_line_height(figure->small), right = x + box.width + figure->em + longest + line;
    rkv_scene_label(&figure->scene, &(rkv_label){.text = caption,
                                                 .x = right - line,
                                                 .y = y + height / 2,
                                                 .anchor = RKV_CENTRE,
                                                 .type = figure->small,
                                                 .colour = RKV_MUTED,
                                                 .max_px = height,
                                                 .turned = true});
    return right;
}

const char *rkv_attention_caption(rkv_scale scale) {
    static const char *const captions[RKV_SCALE_COUNT] = {
        [RKV_SCALE_LINEAR] = "attention weight",
        [RKV_SCALE_LOG] = "attention weight, log",
        [RKV_SCALE_ROW] = "weight / row maximum",
    };
    return captions[scale];
}

/* ---- legend ---- */

int rkv_add_legend(rkv_figure *figure, int x, int y, int max_px, const rkv_legend_entry *entry, size_t n) {
    if (!figure->scene.lettering || n == 0) return y;
    int line = rkv_line_height(figure->small), swatch = (int)figure->small.size_px, at = x;
    for (size_t i = 0; i < n; i++) {
        int mark = entry[i].rgb ? swatch + figure->em / 2 : 0;
        int length = mark + rkv_scene_text_width(&figure->scene, entry[i].text, figure->small);
        if (at > x && at + length > x + max_px) {
            at = x;
            y += line + figure->em / 3;
        }
        if (entry[i].rgb) {
            rkv_box box = {at, y + (line - swatch) / 2, swatch, swatch};
            rkv_scene_fill(&figure->scene, box, RKV_RGB(entry[i].rgb[0], entry[i].rgb[1], entry[i].rgb[2]));
        }
        rkv_label label = {.text = entry[i].text,
                           .x = at + mark,
                           .y = y,
                           .type = figure->small,
                           .colour = RKV_MUTED,
                           .max_px = max_px > mark ? max_px - mark : 1};
        rkv_scene_label(&figure->scene, &label);
        at += length + 2 * figure->em;
    }
    return y + line;
}

int rkv_add_attention_legend(rkv_figure *figure, int x, int y, int max_px, const rkv_fit *fit) {
    rkv_legend_entry entry[3];
    size_t n = 0;
    char note[96];
    entry[n++] = (rkv_legend_entry){figure->colormap->masked, "masked: keys after the query"};
    if (figure->range.n_missing)
        entry[n++] = (rkv_legend_entry){figure->colormap->missing, "not a finite number"};
    snprintf(note, sizeof note, "each cell = %s of %zu \u00D7 %zu entries",
             figure->options.reduce == RKV_REDUCE_MEAN ? "mean" : "max", fit->factor, fit->factor);
    if (fit->factor > 1) entry[n++] = (rkv_legend_entry){NULL, note};
    return rkv_add_legend(figure, x, y, max_px, entry, n);
}

/* ---- bars ---- */

int rkv_add_bars(rkv_figure *figure, int x, int y, const rkv_bars *bars) {
    if (!figure->scene.lettering) return x;
    double largest = 0;
    for (size_t i = 0; i < bars->n; i++)
        if (isfinite(bars->value[i]) && bars->value[i] > largest) largest = bars->value[i];
    int line = rkv_line_height(figure->small), right = x + bars->length_px;
    bool numbers = bars->pitch_px >= line;
    for (size_t i = 0; i < bars->n; i++) {
        if (!isfinite(bars->value[i]) || !(largest > 0)) continue;
        int top = y + (int)i * bars->pitch_px, inset = bars->pitch_px / 6;
        int length = (int)lround(fmax(bars->value[i], 0) / largest * bars->length_px);
        rkv_box box = {x, top + inset, length > 1 ? length : 1, bars->pitch_px - 2 * inset};
        rkv_scene_fill(&figure->scene, box, RKV_BAR);
        char number[RKV_SHORT_NUMBER];
        rkv_format_short(bars->value[i], number);
        rkv_label label = {.text = number,
                           .x = x + box.width + figure->em / 3,
                           .y = top + (bars->pitch_px - line) / 2,
                           .type = figure->small,
                           .colour = RKV_INK};
        int end = numbers ? label.x + rkv_scene_label(&figure->scene, &label) : 0;
        if (end > right) right = end;
    }
    rkv_scene_fill(&figure->scene, (rkv_box){x - 1, y, 1, (int)bars->n * bars->pitch_px}, RKV_MUTED);
    rkv_label title = {.text = bars->title,
                       .x = x,
                       .y = y - figure->em / 2 - line,
                       .type = figure->small,
                       .colour = RKV_MUTED};
    int end = x + rkv_scene_label(&figure->scene, &title);
    return end > right ? end : right;
}
