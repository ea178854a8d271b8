/* figure_rows.h: the options of pictures, shared by `analyze` and `heatmap`. */
#ifndef RKV_CLI_FIGURE_ROWS_H
#define RKV_CLI_FIGURE_ROWS_H

#include "cli/option.h"

#include <rankkv/heatmap.h>

/* They write into an rkv_heatmap_options. */
extern const option_row figure_rows[];

void figure_defaults(rkv_heatmap_options *options);

/* Names of the files, in one place for whoever writes or lists them. */
#define FIGURE_SHEET "contact_sheet.png"
#define FIGURE_RANKS "effective_rank.png"
enum { FIGURE_NAME_SIZE = 64 };
void figure_layer_name(char name[FIGURE_NAME_SIZE], size_t layer);
void figure_head_name(char name[FIGURE_NAME_SIZE], size_t layer, size_t head);

#endif
