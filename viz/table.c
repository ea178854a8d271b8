/* table.c: a matrix by layer and head with its numbers in the cells. */
#include "viz/table.h"

#include <math.h>

#include "viz/ticks.h"

/* Cells of more columns than this have no numbers in them. */
#define NUMBERED_COLUMNS 48

/* The height of a row by how many there are. */
static const struct {
    size_t most;
    int px;
} heights[] = {{40, 22}, {80, 18}, {SIZE_MAX, 15}};

static void fill_shown(rkv_table *t, rkv_scale scale) {
    for (size_t i = 0; i < t->rows; i++) {
        const double *row = t->value + i * t->columns;
        double largest = 0;
        for (size_t j = 0; j < t->columns; j++)
            if (isfinite(row[j]) && row[j] > largest) largest = row[j];
        double divisor = scale == RKV_SCALE_ROW && largest > 0 ? largest : 1;
        for (size_t j = 0; j < t->columns; j++)
            t->shown[i * t->columns + j] = (float)(row[j] / divisor);
    }
}

static int widest_number(const rkv_figure *figure, const rkv_table *t) {
    int widest = 0;
    for (size_t i = 0; i < t->rows * t->columns; i++) {
        char number[RKV_SHORT_NUMBER];
        rkv_format_short(t->value[i], number);
        int width = rkv_scene_text_width(&figure->scene, number, figure->small);
        if (width > widest) widest = width;
    }
    return widest;
}

/* Cells as asked for, else large enough for their numbers where there are not too many. */
static void size_cells(const rkv_figure *figure, rkv_table *t) {
    const rkv_heatmap_options *options = &figure->options;
    size_t i = 0;
    while (t->rows > heights[i].most)
        i++;
    int asked = (int)options->size_px, line = rkv_line_height(figure->small);
    t->cell_width = t->cell_height = asked ? asked : options->plain ? 1 : heights[i].px;
    if (t->row_height) t->cell_height = t->row_height;
    if (options->plain || t->columns > NUMBERED_COLUMNS) return;
    int width = widest_number(figure, t) + figure->em / 2;
    t->numbered = !asked || (asked >= width && asked >= line);
    if (!asked && width > t->cell_width) t->cell_width = width;
}

void rkv_table_plan(rkv_figure *figure, rkv_table *t) {
    rkv_scale scale = figure->options.scale;
    rkv_range range = {0};
    fill_shown(t, scale);
    rkv_range_add(&range, t->shown, t->rows, t->columns, false);
    figure->range.n_missing += range.n_missing;
    double floor = range.min_positive > 0 ? (double)range.min_positive : 1e-6;
    t->shade = rkv_shade_for_range(figure->colormap, scale, &range, floor);
    size_cells(figure, t);
    t->axis = (rkv_axis){
        .n = t->columns, .first_px = t->cell_width / 2., .pitch_px = t->cell_width, .title = t->heads};
    rkv_axis_plan(figure, &t->axis);
}

/* Black or white, whichever stands out from the cell (relative luminance of WCAG 2.1). */
static uint32_t ink_on(const unsigned char rgb[3]) {
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    double luminance = 0;
    for (int c = 0; c < 3; c++)
        luminance += weight[c] * pow(rgb[c] / 255., 2.2);
    return luminance > 0.19 ? RKV_RGB(20, 20, 20) : RKV_RGB(255, 255, 255);
}

static void add_numbers(rkv_figure *figure, const rkv_table *t, int x, int y) {
    int line = rkv_line_height(figure->small);
    for (size_t i = 0; i < t->rows * t->columns; i++) {
        char number[RKV_SHORT_NUMBER];
        rkv_format_short(t->value[i], number);
        rkv_label label = {.text = number, .anchor = RKV_CENTRE, .type = figure->small};
        label.x = x + (int)(i % t->columns) * t->cell_width + t->cell_width / 2;
        label.y = y + (int)(i / t->columns) * t->cell_height + (t->cell_height - line) / 2;
        label.colour = ink_on(rkv_shade_colour(&t->shade, (double)t->shown[i]));
        label.max_px = t->cell_width;
        rkv_scene_label(&figure->scene, &label);
    }
}

/* White lines between cells that are large enough for them. */
static void add_grid(rkv_figure *figure, const rkv_table *t, rkv_box box) {
    for (size_t i = 1; i < t->rows && t->cell_height >= 10; i++)
        rkv_scene_fill(&figure->scene, (rkv_box){box.x, box.y + (int)i * t->cell_height, box.width, 1},
                       RKV_RGB(255, 255, 255));
    for (size_t j = 1; j < t->columns && t->cell_width >= 10; j++)
        rkv_scene_fill(&figure->scene, (rkv_box){box.x + (int)j * t->cell_width, box.y, 1, box.height},
                       RKV_RGB(255, 255, 255));
}

int rkv_add_table(rkv_figure *figure, const rkv_table *t, int x, int y) {
    rkv_image image = {.value = t->shown, .rows = t->rows, .columns = t->columns, .shade = t->shade};
    image.cell_width = t->cell_width;
    image.cell_height = t->cell_height;
    rkv_box box = {x, y, (int)t->columns * t->cell_width, (int)t->rows * t->cell_height};
    rkv_scene_image(&figure->scene, x, y, &image);
    if (figure->options.plain) return x + box.width;
    add_grid(figure, t, box);
    if (t->numbered) add_numbers(figure, t, x, y);
    rkv_axis_add_columns(figure, &t->axis, x, y, box.width, true);
    int bar = box.height > 32 * figure->em ? 32 * figure->em : box.height;
    if (bar < 11 * figure->em) bar = 11 * figure->em;
    return rkv_add_colour_bar(figure, x + box.width + figure->em, y, bar, &t->shade, t->unit);
}
