/* figure.h: what every figure is made of: checked options, heading, provenance, and a scene to lay out. */
#ifndef RKV_VIZ_FIGURE_H
#define RKV_VIZ_FIGURE_H

#include "core/text.h"
#include "viz/scene.h"

#define RKV_INK   RKV_RGB(31, 35, 40)
#define RKV_MUTED RKV_RGB(89, 99, 110)
#define RKV_RULE  RKV_RGB(208, 213, 220)
#define RKV_BAR   RKV_RGB(110, 130, 155)

#define RKV_FIGURE_TEXTS 24
#define RKV_FIGURE_LINES 3

typedef struct rkv_figure {
    rkv_heatmap_options options;
    const rkv_colormap *colormap;
    rkv_scene scene;
    float *cell, *second; /* values shown, when the figure owns them */
    rkv_shade shade;
    rkv_range range;
    int em; /* the unit of the layout, in pixels */
    rkv_type heading, body, small;
    char *title, *line[RKV_FIGURE_LINES];
    rkv_png_text text[RKV_FIGURE_TEXTS];
    size_t n_text;
    rkv_status status; /* of the first text that failed */
} rkv_figure;

/* Checks the options (NULL: all zero) and opens the scene. RKV_USAGE, RKV_UNAVAILABLE. rkv_figure_close is
 * due whatever the result. */
rkv_status rkv_figure_open(rkv_figure *figure, const rkv_heatmap_options *options);
void rkv_figure_close(rkv_figure *figure);

/* Sizes the type for a body whose main side is side_px. */
void rkv_figure_set_size(rkv_figure *figure, size_t side_px);

/* Sets the title, adds a line below it, adds a provenance entry. Text from outside goes through rkv_printable
 * first. */
void rkv_figure_title(rkv_figure *figure, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rkv_figure_line(rkv_figure *figure, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rkv_figure_note(rkv_figure *figure, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The line "MODEL · PROMPT · T tokens, EXTRA" (EXTRA may be ""), and the same as provenance. */
void rkv_figure_source(rkv_figure *figure, size_t n_tokens, const char *extra);

/* Shades for the cells in figure->range, and the provenance of how attention cells were made. */
void rkv_figure_shade_attention(rkv_figure *figure, const rkv_fit *fit);

/* Where the body begins: below the heading. 0 for plain figures. */
int rkv_figure_left(const rkv_figure *figure);
int rkv_figure_top(const rkv_figure *figure);

/* The body ends at right, bottom: adds the heading and sets the size of the picture. */
void rkv_figure_seal(rkv_figure *figure, int right, int bottom);

/* What failed while the figure was laid out; RKV_USAGE when it is larger than a picture may be. */
rkv_status rkv_figure_check(const rkv_figure *figure);
rkv_status rkv_figure_write(const rkv_figure *figure, const char *path);

/* Adds at most `most` characters of text in printable form, "…" for the rest. Characters that reorder or hide
 * others are shown as \u{HEX}. NULL is nothing. */
void rkv_printable(rkv_text *out, const char *text, size_t most);

#endif
