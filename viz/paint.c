/* paint.c: a scene painted band by band into a PNG. */
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/scene.h"
#include "viz/stroke.h"

#define WHITE RKV_RGB(255, 255, 255)

/* The part of a picture that is being painted: its rows first .. first + pixels.height - 1. */
typedef struct band {
    rkv_pixels pixels;
    int first;
} band;

static int at_most(int a, int b) {
    return a < b ? a : b;
}

static int at_least(int a, int b) {
    return a > b ? a : b;
}

/* What of box lies in the band, in the picture's coordinates; false when nothing does. */
static bool visible(const band *b, rkv_box box, rkv_box *part) {
    int left = at_least(box.x, 0), right = at_most(box.x + box.width, b->pixels.width);
    int top = at_least(box.y, b->first), bottom = at_most(box.y + box.height, b->first + b->pixels.height);
    *part = (rkv_box){left, top, right - left, bottom - top};
    return left < right && top < bottom;
}

static uint32_t *row_of(const band *b, int y) {
    return b->pixels.at + (size_t)(y - b->first) * (size_t)b->pixels.width;
}

static uint32_t packed(const unsigned char rgb[3]) {
    return RKV_RGB(rgb[0], rgb[1], rgb[2]);
}

static void paint_fill(const band *b, const rkv_item *item, rkv_box part) {
    for (int y = part.y; y < part.y + part.height; y++)
        for (int x = part.x; x < part.x + part.width; x++)
            row_of(b, y)[x] = item->colour;
}

static void paint_ramp(const band *b, const rkv_item *item, rkv_box part) {
    for (int y = part.y; y < part.y + part.height; y++) {
        int from_bottom = item->box.height - 1 - (y - item->box.y);
        uint32_t colour = packed(item->colormap->rgb[(size_t)from_bottom * 256 / (size_t)item->box.height]);
        for (int x = part.x; x < part.x + part.width; x++)
            row_of(b, y)[x] = colour;
    }
}

static uint32_t cell_colour(const rkv_image *image, size_t row, size_t column) {
    if (image->causal && column > row) return packed(image->shade.colormap->masked);
    return packed(rkv_shade_colour(&image->shade, (double)image->value[row * image->columns + column]));
}

/* One row of pixels of an image: the cells' colours, each repeated. */
static void paint_image_row(const rkv_image *image, size_t row, uint32_t *out, int skip, int width) {
    int x = 0;
    while (x < width) {
        int column = (skip + x) / image->cell_width;
        uint32_t colour = cell_colour(image, row, (size_t)column);
        int end = at_most((column + 1) * image->cell_width - skip, width);
        for (; x < end; x++)
            out[x] = colour;
    }
}

static void paint_image(const band *b, const rkv_item *item, rkv_box part) {
    const rkv_image *image = &item->image;
    int skip = part.x - item->box.x;
    for (int y = part.y; y < part.y + part.height; y++) {
        int row = (y - item->box.y) / image->cell_height;
        uint32_t *out = row_of(b, y) + part.x;
        if (y > part.y && row == (y - 1 - item->box.y) / image->cell_height)
            memcpy(out, row_of(b, y - 1) + part.x, (size_t)part.width * sizeof *out);
        else
            paint_image_row(image, (size_t)row, out, skip, part.width);
    }
}

static void paint_item(const rkv_scene *scene, const band *b, const rkv_item *item) {
    rkv_box part;
    if (!visible(b, item->box, &part)) return;
    rkv_box moved = item->box;
    moved.y -= b->first;
    switch (item->kind) {
    case RKV_ITEM_FILL:
        paint_fill(b, item, part);
        break;
    case RKV_ITEM_RAMP:
        paint_ramp(b, item, part);
        break;
    case RKV_ITEM_IMAGE:
        paint_image(b, item, part);
        break;
    case RKV_ITEM_LABEL:
        rkv_lettering_draw(scene->lettering, b->pixels, moved, item->text, item->type, item->colour,
                           item->turned);
        break;
    case RKV_ITEM_PATH:
    case RKV_ITEM_DOT:
        rkv_stroke_draw(b->pixels, b->first, item);
        break;
    case RKV_ITEM_GROUP:
    case RKV_ITEM_END:
        break;
    }
}

static void paint_band(const rkv_scene *scene, const band *b) {
    size_t n = (size_t)b->pixels.width * (size_t)b->pixels.height;
    for (size_t i = 0; i < n; i++)
        b->pixels.at[i] = WHITE;
    for (size_t i = 0; i < scene->n_items; i++)
        paint_item(scene, b, &scene->item[i]);
}

static rkv_status write_band(rkv_png *png, const band *b, unsigned char *rgb) {
    rkv_status status = RKV_OK;
    for (int y = 0; !status && y < b->pixels.height; y++) {
        const uint32_t *row = b->pixels.at + (size_t)y * (size_t)b->pixels.width;
        for (int x = 0; x < b->pixels.width; x++) {
            rgb[3 * x] = (unsigned char)(row[x] >> 16);
            rgb[3 * x + 1] = (unsigned char)(row[x] >> 8);
            rgb[3 * x + 2] = (unsigned char)row[x];
        }
        status = rkv_png_write_row(png, rgb);
    }
    return status;
}

rkv_status rkv_scene_check(const rkv_scene *scene) {
    if (scene->status) return rkv_fail(scene->status, "%s", scene->message);
    if (scene->width <= RKV_PICTURE_LIMIT_PX && scene->height <= RKV_PICTURE_LIMIT_PX) return RKV_OK;
    return rkv_fail(RKV_USAGE,
                    "a picture of %d x %d pixels is larger than %d on a side: ask for smaller matrices",
                    scene->width, scene->height, RKV_PICTURE_LIMIT_PX);
}

rkv_status rkv_scene_write(const rkv_scene *scene, const char *path, const rkv_png_text *text,
                           size_t n_text) {
    rkv_png *png = NULL;
    unsigned char *rgb = NULL;
    band b = {.pixels.width = scene->width};
    int most = at_least((int)(scene->band_pixels / (size_t)scene->width), 1);
    rkv_status status = rkv_alloc_raw(&rgb, (size_t)scene->width, 3);
    if (!status)
        status = rkv_alloc_raw(&b.pixels.at, (size_t)scene->width * (size_t)at_most(most, scene->height),
                               sizeof *b.pixels.at);
    if (!status) status = rkv_png_open(&png, path, (size_t)scene->width, (size_t)scene->height, text, n_text);
    for (; !status && b.first < scene->height; b.first += b.pixels.height) {
        b.pixels.height = at_most(most, scene->height - b.first);
        paint_band(scene, &b);
        status = write_band(png, &b, rgb);
    }
    if (!status) {
        status = rkv_png_finish(png);
        png = NULL;
    }
    rkv_png_abandon(png);
    free(b.pixels.at);
    free(rgb);
    return status;
}
