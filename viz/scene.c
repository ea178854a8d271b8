/* scene.c: a picture as a list of things to paint. */
#include "viz/scene.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"

/* 16 MB of them. */
#define BAND_PIXELS ((size_t)4 << 20)

rkv_status rkv_scene_open(rkv_scene *scene, bool labelled) {
    *scene = (rkv_scene){.band_pixels = BAND_PIXELS};
    return labelled ? rkv_lettering_new(&scene->lettering) : RKV_OK;
}

static void free_item(rkv_item *item) {
    free(item->text);
    free(item->point);
}

void rkv_scene_close(rkv_scene *scene) {
    for (size_t i = 0; i < scene->n_items; i++)
        free_item(&scene->item[i]);
    free(scene->item);
    rkv_lettering_free(scene->lettering);
    *scene = (rkv_scene){0};
}

void rkv_scene_latch(rkv_scene *scene, rkv_status status) {
    if (!status || scene->status) return;
    scene->status = status;
    snprintf(scene->message, sizeof scene->message, "%s", rkv_message());
}

/* Takes the item and what it owns. */
static void add(rkv_scene *scene, rkv_item item) {
    if (!scene->status) {
        rkv_status status = rkv_grow(&scene->item, &scene->capacity, scene->n_items + 1, sizeof *scene->item);
        rkv_scene_latch(scene, status);
    }
    if (scene->status)
        free_item(&item);
    else
        scene->item[scene->n_items++] = item;
}

void rkv_scene_fill(rkv_scene *scene, rkv_box box, uint32_t colour) {
    add(scene, (rkv_item){.kind = RKV_ITEM_FILL, .box = box, .colour = colour});
}

void rkv_scene_frame(rkv_scene *scene, rkv_box box, uint32_t colour) {
    rkv_scene_fill(scene, (rkv_box){box.x - 1, box.y - 1, box.width + 2, 1}, colour);
    rkv_scene_fill(scene, (rkv_box){box.x - 1, box.y + box.height, box.width + 2, 1}, colour);
    rkv_scene_fill(scene, (rkv_box){box.x - 1, box.y, 1, box.height}, colour);
    rkv_scene_fill(scene, (rkv_box){box.x + box.width, box.y, 1, box.height}, colour);
}

void rkv_scene_image(rkv_scene *scene, int x, int y, const rkv_image *image) {
    rkv_box box = {x, y, (int)image->columns * image->cell_width, (int)image->rows * image->cell_height};
    add(scene, (rkv_item){.kind = RKV_ITEM_IMAGE, .box = box, .image = *image});
}

void rkv_scene_ramp(rkv_scene *scene, rkv_box box, const rkv_colormap *colormap) {
    add(scene, (rkv_item){.kind = RKV_ITEM_RAMP, .box = box, .colormap = colormap});
}

/* The pixels that points may touch, each painted reach around itself. */
static rkv_box box_around(const rkv_point *point, size_t n, double reach) {
    double left = point[0].x, right = left, top = point[0].y, bottom = top;
    for (size_t i = 1; i < n; i++) {
        left = fmin(left, point[i].x);
        right = fmax(right, point[i].x);
        top = fmin(top, point[i].y);
        bottom = fmax(bottom, point[i].y);
    }
    int x = (int)floor(left - reach), y = (int)floor(top - reach);
    return (rkv_box){x, y, (int)ceil(right + reach) - x, (int)ceil(bottom + reach) - y};
}

static void add_points(rkv_scene *scene, rkv_item item, const rkv_point *point, double reach) {
    if (scene->status || item.n_points == 0) return;
    rkv_status status = rkv_alloc_raw(&item.point, item.n_points, sizeof *item.point);
    if (status) {
        rkv_scene_latch(scene, status);
        return;
    }
    memcpy(item.point, point, item.n_points * sizeof *point);
    item.box = box_around(point, item.n_points, reach + 1);
    add(scene, item);
}

void rkv_scene_path(rkv_scene *scene, const rkv_point *point, size_t n, bool closed, const rkv_pen *pen) {
    rkv_item item = {.kind = RKV_ITEM_PATH, .n_points = n, .closed = closed, .pen = *pen};
    add_points(scene, item, point, 0.5 * pen->width_px);
}

void rkv_scene_dot(rkv_scene *scene, rkv_point centre, double radius, const rkv_pen *pen) {
    rkv_item item = {.kind = RKV_ITEM_DOT, .n_points = 1, .radius = radius, .pen = *pen};
    add_points(scene, item, &centre, radius + 0.5 * pen->width_px);
}

void rkv_scene_group(rkv_scene *scene, const char *family, const char *name) {
    rkv_item item = {.kind = RKV_ITEM_GROUP, .family = family};
    rkv_status status = scene->status ? RKV_OK : rkv_copy_string(&item.text, name);
    rkv_scene_latch(scene, status);
    add(scene, item);
}

void rkv_scene_end(rkv_scene *scene) {
    add(scene, (rkv_item){.kind = RKV_ITEM_END});
}

int rkv_scene_text_width(const rkv_scene *scene, const char *text, rkv_type type) {
    return scene->lettering && text[0] ? rkv_lettering_width(scene->lettering, text, type) : 0;
}

int rkv_scene_label(rkv_scene *scene, const rkv_label *label) {
    int length = rkv_scene_text_width(scene, label->text, label->type);
    if (label->max_px > 0 && length > label->max_px) length = label->max_px;
    if (length == 0 || scene->status) return 0;
    rkv_item item = {
        .kind = RKV_ITEM_LABEL, .colour = label->colour, .type = label->type, .turned = label->turned};
    rkv_status status = rkv_copy_string(&item.text, label->text);
    if (status) {
        rkv_scene_latch(scene, status);
        return 0;
    }
    int line = rkv_line_height(label->type);
    int before = label->anchor == RKV_LEFT ? 0 : label->anchor == RKV_CENTRE ? length / 2 : length;
    if (label->turned)
        item.box = (rkv_box){label->x, label->y - (length - before), line, length};
    else
        item.box = (rkv_box){label->x - before, label->y, length, line};
    add(scene, item);
    return length;
}
