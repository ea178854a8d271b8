/* lettering.c: text measured and drawn through Pango and Cairo.
 *
 * Everything that a desktop's settings could change (resolution, hinting, antialiasing, direction) is fixed
 * here, so that the same fonts give the same bytes. */
#include "viz/lettering.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"

int rkv_line_height(rkv_type type) {
    return (int)ceil(1.2 * type.size_px);
}

/* The baseline lies where DejaVu Sans (ascent 0.928, descent 0.236 of its size) is centred in its line, so
 * that a token in another script stands on the same line as its neighbours. */
double rkv_baseline(rkv_type type, int line_px) {
    return round(0.5 * (line_px - 1.164 * type.size_px) + 0.928 * type.size_px);
}

/* The width of the first `length` bytes. */
static int width_of(rkv_lettering *lettering, const char *text, size_t length, rkv_type type);

int rkv_lettering_width(rkv_lettering *lettering, const char *text, rkv_type type) {
    return width_of(lettering, text, strlen(text), type);
}

static bool continues(char byte) {
    return ((unsigned char)byte & 0xC0) == 0x80;
}

size_t rkv_lettering_fit(rkv_lettering *lettering, const char *text, rkv_type type, int max_px) {
    size_t length = strlen(text), fits = 0, beyond = length;
    if (width_of(lettering, text, length, type) <= max_px) return length;
    while (beyond - fits > 1) {
        size_t middle = fits + (beyond - fits) / 2, end = middle;
        while (end > fits && continues(text[end]))
            end--;
        bool within = width_of(lettering, text, end, type) <= max_px;
        if (within && end > fits)
            fits = end;
        else
            beyond = within ? middle : end;
    }
    return fits;
}

#ifdef RKV_HAVE_CAIRO

#include <pango/pangocairo.h>

struct rkv_lettering {
    cairo_font_options_t *options;
    PangoFontMap
        *fonts; /* its own: the shared one would keep every size of every font until the thread ends */
    PangoContext *context;
    PangoLayout *layout;
    PangoFontDescription *font;
};

/* A machine without any font would give pictures without any text. */
static rkv_status check_font(rkv_lettering *l) {
    pango_font_description_set_absolute_size(l->font, 12 * PANGO_SCALE);
    PangoFont *font = pango_context_load_font(l->context, l->font);
    if (!font) return rkv_fail(RKV_UNAVAILABLE, "labels need a font (DejaVu Sans), and none is installed");
    g_object_unref(font);
    return RKV_OK;
}

static cairo_font_options_t *fixed_options(void) {
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    return options;
}

rkv_status rkv_lettering_new(rkv_lettering **out) {
    *out = NULL;
    rkv_lettering *l = NULL;
    rkv_status status = rkv_alloc(&l, 1, sizeof *l);
    if (status) return status;
    l->options = fixed_options();
    l->fonts = pango_cairo_font_map_new();
    l->context = pango_font_map_create_context(l->fonts);
    pango_cairo_context_set_font_options(l->context, l->options);
    pango_cairo_context_set_resolution(l->context, 96);
    pango_context_set_base_dir(l->context, PANGO_DIRECTION_LTR);
    pango_context_set_language(l->context, pango_language_from_string("en"));
    pango_context_set_round_glyph_positions(l->context, FALSE);
    l->layout = pango_layout_new(l->context);
    pango_layout_set_auto_dir(l->layout, FALSE);
    pango_layout_set_single_paragraph_mode(l->layout, TRUE);
    l->font = pango_font_description_from_string("DejaVu Sans, sans-serif");
    status = check_font(l);
    if (status)
        rkv_lettering_free(l);
    else
        *out = l;
    return status;
}

void rkv_lettering_free(rkv_lettering *l) {
    if (!l) return;
    pango_font_description_free(l->font);
    g_object_unref(l->layout);
    g_object_unref(l->context);
    g_object_unref(l->fonts);
    cairo_font_options_destroy(l->options);
    free(l);
}

/* Sets the line; max_px < 0: as wide as it is. */
static void set_line(rkv_lettering *l, const char *text, size_t length, rkv_type type, int max_px) {
    pango_font_description_set_absolute_size(l->font, type.size_px * PANGO_SCALE);
    pango_font_description_set_weight(l->font, type.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(l->layout, l->font);
    pango_layout_set_width(l->layout, max_px < 0 ? -1 : max_px * PANGO_SCALE);
    pango_layout_set_ellipsize(l->layout, max_px < 0 ? PANGO_ELLIPSIZE_NONE : PANGO_ELLIPSIZE_END);
    pango_layout_set_text(l->layout, text, (int)length);
}

static int width_of(rkv_lettering *l, const char *text, size_t length, rkv_type type) {
    PangoRectangle logical;
    set_line(l, text, length, type, -1);
    pango_layout_get_extents(l->layout, NULL, &logical);
    return PANGO_PIXELS_CEIL(logical.width);
}

void rkv_lettering_draw(rkv_lettering *l, rkv_pixels pixels, rkv_box box, const char *text, rkv_type type,
                        uint32_t colour, bool turned) {
    int length = turned ? box.height : box.width, line = turned ? box.width : box.height;
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (unsigned char *)pixels.at, CAIRO_FORMAT_RGB24, pixels.width, pixels.height, pixels.width * 4);
    cairo_t *cairo = cairo_create(surface);
    cairo_set_font_options(cairo, l->options);
    cairo_rectangle(cairo, box.x, box.y, box.width, box.height);
    cairo_clip(cairo);
    cairo_translate(cairo, box.x, turned ? box.y + box.height : box.y);
    if (turned) cairo_rotate(cairo, -0.5 * M_PI);
    set_line(l, text, strlen(text), type, length);
    pango_cairo_update_layout(cairo, l->layout);
    cairo_translate(cairo, 0,
                    rkv_baseline(type, line) - (double)pango_layout_get_baseline(l->layout) / PANGO_SCALE);
    cairo_set_source_rgb(cairo, (colour >> 16 & 255) / 255., (colour >> 8 & 255) / 255.,
                         (colour & 255) / 255.);
    pango_cairo_show_layout(cairo, l->layout);
    cairo_destroy(cairo);
    cairo_surface_flush(surface);
    cairo_surface_destroy(surface);
}

#else

rkv_status rkv_lettering_new(rkv_lettering **out) {
    *out = NULL;
    return rkv_fail(RKV_UNAVAILABLE, "labels need Cairo and Pango, which this build is without");
}

void rkv_lettering_free(rkv_lettering *lettering) {
    (void)lettering;
}

static int width_of(rkv_lettering *lettering, const char *text, size_t length, rkv_type type) {
    (void)lettering, (void)text, (void)length, (void)type;
    return 0;
}

void rkv_lettering_draw(rkv_lettering *lettering, rkv_pixels pixels, rkv_box box, const char *text,
                        rkv_type type, uint32_t colour, bool turned) {
    (void)lettering, (void)pixels, (void)box, (void)text, (void)type, (void)colour, (void)turned;
}

#endif
