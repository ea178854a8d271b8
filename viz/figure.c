/* figure.c: what every figure is made of. */
#include "viz/figure.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/colormap.h"

#define NAME_CHARACTERS 48

static rkv_status check_options(const rkv_heatmap_options *options) {
    if ((size_t)options->scale >= RKV_SCALE_COUNT)
        return rkv_fail(RKV_USAGE, "unknown scale %d: there are %d", (int)options->scale,
                        (int)RKV_SCALE_COUNT);
    if (options->reduce != RKV_REDUCE_MAX && options->reduce != RKV_REDUCE_MEAN)
        return rkv_fail(RKV_USAGE, "unknown reduction %d: there are max and mean", (int)options->reduce);
    if (options->size_px > RKV_MATRIX_LIMIT_PX)
        return rkv_fail(RKV_USAGE, "a matrix of %zu pixels is larger than the limit of %d", options->size_px,
                        RKV_MATRIX_LIMIT_PX);
    return RKV_OK;
}

rkv_status rkv_figure_open(rkv_figure *figure, const rkv_heatmap_options *options) {
    *figure = (rkv_figure){0};
    if (options) figure->options = *options;
    rkv_status status = check_options(&figure->options);
    if (!status) status = rkv_colormap_get(&figure->colormap, figure->options.colormap);
    if (!status) status = rkv_scene_open(&figure->scene, !figure->options.plain);
    if (status == RKV_UNAVAILABLE) rkv_fail_within(status, "ask for plain figures");
    rkv_figure_set_size(figure, 0);
    return status;
}

void rkv_figure_close(rkv_figure *figure) {
    rkv_scene_close(&figure->scene);
    for (size_t i = 0; i < figure->n_text; i++)
        free(figure->text[i].value);
    for (size_t i = 0; i < RKV_FIGURE_LINES; i++)
        free(figure->line[i]);
    free(figure->title);
    free(figure->cell);
    free(figure->second);
    *figure = (rkv_figure){0};
}

void rkv_figure_set_size(rkv_figure *figure, size_t side_px) {
    double em = (double)side_px / 52;
    em = em < 13 ? 13 : em > 40 ? 40 : em;
    figure->em = (int)em;
    figure->heading = (rkv_type){.size_px = 1.3 * em, .bold = true};
    figure->body = (rkv_type){.size_px = em};
    figure->small = (rkv_type){.size_px = 0.85 * em};
}

/* ---- text ---- */

static bool reorders_or_hides(unsigned c) {
    return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           c == 0xFEFF || c == 0xAD || c == 0x61C;
}

void rkv_printable(rkv_text *out, const char *text, size_t most) {
    size_t length = text ? strlen(text) : 0;
    for (size_t i = 0, n = 0; i < length; n++) {
        unsigned c = 0;
        size_t size = rkv_utf8_decode(text + i, length - i, &c);
        if (n == most) {
            rkv_text_add(out, "\u2026", strlen("\u2026"));
            return;
        }
        if (size && reorders_or_hides(c))
            rkv_text_printf(out, "\\u{%X}", c);
        else
            rkv_text_add_printable(out, text + i, size ? size : 1);
        i += size ? size : 1;
    }
}

/* Formats into *out, latching what fails. */
static void format_text(rkv_figure *figure, char **out, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    size_t size = (size_t)vsnprintf(NULL, 0, format, again) + 1;
    va_end(again);
    char *text = NULL;
    if (figure->status) return;
    figure->status = rkv_alloc_raw(&text, size, 1);
    if (figure->status) return;
    vsnprintf(text, size, format, arguments);
    *out = text;
}

void rkv_figure_title(rkv_figure *figure, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    free(figure->title);
    figure->title = NULL;
    format_text(figure, &figure->title, format, arguments);
    va_end(arguments);
}

void rkv_figure_line(rkv_figure *figure, const char *format, ...) {
    size_t i = 0;
    while (i < RKV_FIGURE_LINES && figure->line[i])
        i++;
    if (i == RKV_FIGURE_LINES) return;
    va_list arguments;
    va_start(arguments, format);
    format_text(figure, &figure->line[i], format, arguments);
    va_end(arguments);
}

void rkv_figure_note(rkv_figure *figure, const char *key, const char *format, ...) {
    if (figure->n_text == RKV_FIGURE_TEXTS) return;
    rkv_png_text *entry = &figure->text[figure->n_text];
    va_list arguments;
    va_start(arguments, format);
    format_text(figure, &entry->value, format, arguments);
    va_end(arguments);
    entry->key = key;
    if (entry->value) figure->n_text++;
}

static void note_name(rkv_figure *figure, const char *key, const char *name) {
    rkv_text text = {0};
    char *printable = NULL;
    if (!name || !name[0]) return;
    rkv_printable(&text, name, 4096);
    rkv_status status = rkv_text_finish(&text, &printable);
    if (status && !figure->status) figure->status = status;
    if (printable) rkv_figure_note(figure, key, "%s", printable);
    free(printable);
}

void rkv_figure_source(rkv_figure *figure, size_t n_tokens, const char *extra) {
    const rkv_heatmap_options *options = &figure->options;
    rkv_figure_note(figure, "Software", "RankKV %s", rkv_version());
    note_name(figure, "Model", options->model_name);
    note_name(figure, "Model SHA-256", options->model_sha256);
    note_name(figure, "Prompt", options->prompt_name);
    if (n_tokens) rkv_figure_note(figure, "Tokens", "%zu", n_tokens);
    rkv_text line = {0};
    const char *const names[] = {options->model_name, options->prompt_name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!names[i] || !names[i][0]) continue;
        rkv_printable(&line, names[i], NAME_CHARACTERS);
        rkv_text_printf(&line, " \u00B7 ");
    }
    if (n_tokens) rkv_text_printf(&line, "%zu token%s", n_tokens, n_tokens == 1 ? "" : "s");
    rkv_text_printf(&line, "%s", extra);
    char *text = NULL;
    rkv_status status = rkv_text_finish(&line, &text);
    if (status && !figure->status) figure->status = status;
    if (text) rkv_figure_line(figure, "%s", text);
    free(text);
}

/* ---- shade ---- */

/* Attention below this takes the lowest colour of a logarithmic picture. */
#define ATTENTION_FLOOR 1e-6

void rkv_figure_shade_attention(rkv_figure *figure, const rkv_fit *fit) {
    const rkv_heatmap_options *options = &figure->options;
    figure->shade = rkv_shade_for_range(figure->colormap, options->scale, &figure->range, ATTENTION_FLOOR);
    rkv_figure_note(figure, "Colormap", "%s", figure->colormap->name);
    rkv_figure_note(figure, "Scale", "%s", rkv_scale_name(options->scale));
    rkv_figure_note(figure, "Value range", "%.9g .. %.9g", figure->shade.low, figure->shade.high);
    rkv_figure_note(figure, "Reduce", "%s", options->reduce == RKV_REDUCE_MEAN ? "mean" : "max");
    rkv_figure_note(figure, "Reduce factor", "%zu", fit->factor);
    rkv_figure_note(figure, "Pixels per cell", "%zu", fit->zoom);
}

/* ---- the page ---- */

static int margin(const rkv_figure *figure) {
    return figure->scene.lettering ? 3 * figure->em / 2 : 0;
}

int rkv_figure_left(const rkv_figure *figure) {
    return margin(figure);
}

int rkv_figure_top(const rkv_figure *figure) {
    if (!figure->scene.lettering) return 0;
    int top = margin(figure) + rkv_line_height(figure->heading) + figure->em / 4;
    for (size_t i = 0; i < RKV_FIGURE_LINES && figure->line[i]; i++)
        top += rkv_line_height(figure->body) + figure->em / 6;
    return top + figure->em;
}

/* Adds the heading's lines, cut to max_px when that is positive; returns the longest line's natural length.
 */
static int heading(rkv_figure *figure, int max_px, bool add) {
    int longest = 0, x = margin(figure), y = margin(figure);
    rkv_label label = {
        .text = figure->title, .x = x, .y = y, .type = figure->heading, .colour = RKV_INK, .max_px = max_px};
    for (size_t i = 0; label.text; i++) {
        int length = rkv_scene_text_width(&figure->scene, label.text, label.type);
        if (length > longest) longest = length;
        if (add) rkv_scene_label(&figure->scene, &label);
        label.y += rkv_line_height(label.type) + (i == 0 ? figure->em / 4 : figure->em / 6);
        label.type = figure->body;
        label.colour = RKV_MUTED;
        label.text = i < RKV_FIGURE_LINES ? figure->line[i] : NULL;
    }
    return longest;
}

void rkv_figure_seal(rkv_figure *figure, int right, int bottom) {
    figure->scene.width = right;
    figure->scene.height = bottom;
    if (!figure->scene.lettering) return;
    int longest = heading(figure, 0, false), most = 60 * figure->em;
    if (longest > most) longest = most;
    int inner = right - margin(figure);
    if (inner < longest) inner = longest;
    heading(figure, inner, true);
    figure->scene.width = inner + 2 * margin(figure);
    figure->scene.height = bottom + margin(figure);
}

rkv_status rkv_figure_check(const rkv_figure *figure) {
    if (figure->status) return rkv_fail(figure->status, "out of memory for the text of a figure");
    return rkv_scene_check(&figure->scene);
}

rkv_status rkv_figure_write(const rkv_figure *figure, const char *path) {
    rkv_status status = rkv_figure_check(figure);
    return status ? status : rkv_scene_write(&figure->scene, path, figure->text, figure->n_text);
}
