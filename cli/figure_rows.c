/* figure_rows.c: the options of pictures, shared by `analyze` and `heatmap`. */
#include "cli/figure_rows.h"

#define FIELD(member) .offset = offsetof(rkv_heatmap_options, member)

const option_row figure_rows[] = {
    {"colormap", 'c', OPTION_NAME, "NAME", "Colours, from low to high", &choices_colormap, FIELD(colormap)},
    {"scale", 0, OPTION_INDEX, "NAME", "How attention becomes a colour", &choices_scale, FIELD(scale)},
    {"reduce", 0, OPTION_INDEX, "NAME",
     "How cells are combined where a prompt has more tokens than the picture pixels", &choices_reduce,
     FIELD(reduce)},
    {"size", 0, OPTION_COUNT, "PX",
     "Side of one head's matrix; a good size for each kind of picture when not given", .low = 1,
     FIELD(size_px)},
    {"plain", 0, OPTION_FLAG, NULL, "No labels: the matrix alone, one cell one pixel", FIELD(plain)},
    {0}};

void figure_defaults(rkv_heatmap_options *options) {
    *options = (rkv_heatmap_options){.colormap = "viridis", .scale = RKV_SCALE_LOG, .reduce = RKV_REDUCE_MAX};
}

void figure_layer_name(char name[FIGURE_NAME_SIZE], size_t layer) {
    snprintf(name, FIGURE_NAME_SIZE, "layer_%02zu.png", layer);
}

void figure_head_name(char name[FIGURE_NAME_SIZE], size_t layer, size_t head) {
    snprintf(name, FIGURE_NAME_SIZE, "layer_%02zu_head_%02zu.png", layer, head);
}
