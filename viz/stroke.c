/* stroke.c: paths and dots painted through Cairo, with what could change their pixels fixed. */
#include "viz/stroke.h"

size_t rkv_dash_lengths(rkv_dash dash, const double **lengths) {
    static const double table[RKV_DASH_COUNT][4] = {
        [RKV_DASHED] = {5, 2.5}, [RKV_DOTTED] = {1.5, 2}, [RKV_DASH_DOTTED] = {6, 2, 1.5, 2}};
    static const size_t counts[RKV_DASH_COUNT] = {[RKV_DASHED] = 2, [RKV_DOTTED] = 2, [RKV_DASH_DOTTED] = 4};
    *lengths = table[dash];
    return counts[dash];
}

#ifdef RKV_HAVE_CAIRO

#include <math.h>

#include <cairo.h>

static void set_colour(cairo_t *cairo, uint32_t colour, double opacity) {
    cairo_set_source_rgba(cairo, (colour >> 16 & 255) / 255., (colour >> 8 & 255) / 255.,
                          (colour & 255) / 255., opacity);
}

static void trace(cairo_t *cairo, const rkv_item *item) {
    if (item->kind == RKV_ITEM_DOT) {
        cairo_arc(cairo, item->point[0].x, item->point[0].y, item->radius, 0, 2 * M_PI);
        return;
    }
    for (size_t i = 0; i < item->n_points; i++)
        cairo_line_to(cairo, item->point[i].x, item->point[i].y);
    if (item->closed) cairo_close_path(cairo);
}

static void set_line(cairo_t *cairo, const rkv_pen *pen) {
    const double *lengths;
    size_t n = rkv_dash_lengths(pen->dash, &lengths);
    double scaled[4];
    for (size_t i = 0; i < n; i++)
        scaled[i] = lengths[i] * pen->width_px;
    cairo_set_dash(cairo, scaled, (int)n, 0);
    cairo_set_line_width(cairo, pen->width_px);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
}

void rkv_stroke_draw(rkv_pixels pixels, int first, const rkv_item *item) {
    const rkv_pen *pen = &item->pen;
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (unsigned char *)pixels.at, CAIRO_FORMAT_RGB24, pixels.width, pixels.height, pixels.width * 4);
    cairo_t *cairo = cairo_create(surface);
    cairo_set_antialias(cairo, CAIRO_ANTIALIAS_GRAY);
    cairo_translate(cairo, 0, -first);
    trace(cairo, item);
    if (pen->fill_opacity > 0) {
        set_colour(cairo, pen->fill, pen->fill_opacity);
        cairo_fill_preserve(cairo);
    }
    if (pen->stroke_opacity > 0) {
        set_colour(cairo, pen->stroke, pen->stroke_opacity);
        set_line(cairo, pen);
        cairo_stroke(cairo);
    }
    cairo_destroy(cairo);
    cairo_surface_flush(surface);
    cairo_surface_destroy(surface);
}

#else

void rkv_stroke_draw(rkv_pixels pixels, int first, const rkv_item *item) {
    (void)pixels, (void)first, (void)item;
}

#endif
