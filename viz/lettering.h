/* lettering.h: text measured and drawn through Pango and Cairo, the same on every run. */
#ifndef RKV_VIZ_LETTERING_H
#define RKV_VIZ_LETTERING_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/status.h>

typedef struct rkv_box {
    int x, y, width, height;
} rkv_box;

/* A canvas of pixels 0x00RRGGBB, row-major [height, width]. */
typedef struct rkv_pixels {
    uint32_t *at;
    int width, height;
} rkv_pixels;

typedef struct rkv_type {
    double size_px;
    bool bold;
} rkv_type;

typedef struct rkv_lettering rkv_lettering;

/* RKV_UNAVAILABLE when built without Cairo, or no font is installed. */
rkv_status rkv_lettering_new(rkv_lettering **out);
void rkv_lettering_free(rkv_lettering *lettering);

/* The height of a line of this type, whatever its script. */
int rkv_line_height(rkv_type type);

/* The width of one line of printable UTF-8. */
int rkv_lettering_width(rkv_lettering *lettering, const char *text, rkv_type type);

/* The bytes of the longest prefix of text that is at most max_px wide. */
size_t rkv_lettering_fit(rkv_lettering *lettering, const char *text, rkv_type type, int max_px);

/* Where the text's baseline lies below the top of a line of line_px. */
double rkv_baseline(rkv_type type, int line_px);

/* Draws one line of text into box (cut with an ellipsis where it is wider, never painting outside), starting
 * at the box's left; turned: reading upward, starting at the box's bottom. colour is 0x00RRGGBB. */
void rkv_lettering_draw(rkv_lettering *lettering, rkv_pixels pixels, rkv_box box, const char *text,
                        rkv_type type, uint32_t colour, bool turned);

#endif
