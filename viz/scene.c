/* scene.c: a picture as a list of things to paint. */
#include "viz/scene.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"

/* 16 MB of them. */
#define BAND_PIXELS ((size_t)4 << 20)

rkv_status rkv_scene_open(rkv_scene *scene, bool labelled) {
    *scene = (rkv_scene){.band_pixels = BAND_PIXELS};
    return labelled ? rkv_lettering_new(&scene->lettering) : RKV_OK;
}

void rkv_scene_close(rkv_scene *scene) {
    for (size_t i = 0; i < scene->n_items; i++)
        free(scene->item[i].text);
    free(scene->item);
    rkv_lettering_free(scene->lettering);
    *scene = (rkv_scene){0};
}

static void latch(rkv_scene *scene, rkv_status status) {
    scene->status = status;
    snprintf(scene->message, sizeof scene->message, "%s", rkv_message());
}

/* Takes the item and its text. */
static void add(rkv_scene *scene, rkv_item item) {
    if (!scene->status) {
        rkv_status status = rkv_grow(&scene->item, &scene->capacity, scene->n_items + 1, sizeof *scene->item);
        if (status) latch(scene, status);
    }
    if (scene->status)
        free(item.text);
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
        latch(scene, status);
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
