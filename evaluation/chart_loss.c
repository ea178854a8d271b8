/* chart_loss.c: the chart of loss by measured bytes: a panel for each budget. */
#include "evaluation/drawing.h"

#include <math.h>
#include <stdio.h>

static bool wants_all(const rkv_drawing *d, const rkv_eval_row *row) {
    (void)d, (void)row;
    return true;
}

static void name_by_budget(const rkv_drawing *d, const rkv_eval_row *row, char text[RKV_DRAWING_TEXT]) {
    const rkv_setting *setting = rkv_drawing_setting(d, row);
    rkv_drawing_title(d, row, rkv_setting_is_unsized(setting) ? NULL : rkv_setting_budget(setting), NULL,
                      text);
}

static rkv_status add_loss(const rkv_drawing *d, rkv_board *board, const rkv_eval_row *row, size_t panel) {
    const rkv_setting *setting = rkv_drawing_setting(d, row);
    char key[2 * RKV_DRAWING_TEXT];
    if (rkv_setting_is_full(setting)) {
        rkv_board_set_rule(board, panel, row->loss);
        return board->status;
    }
    snprintf(key, sizeof key, "%s\n%s", setting->method, setting->budget ? setting->budget : "");
    bool interval = !rkv_setting_is_shuffled(setting); /* those of many seeds would hide the lines */
    rkv_board_add(board, panel, &(rkv_board_key){.key = key, .name = setting->method}, row->bytes / 1048576,
                  row->loss, interval ? row->loss_low : NAN, interval ? row->loss_high : NAN);
    return board->status;
}

const rkv_chart_kind rkv_chart_loss = {
    .file = "loss-by-bytes",
    .title = "loss by measured bytes of the cache",
    .note = RKV_DRAWING_MEANS "Bytes are all that the cache's allocator held when the question came.",
    .control_note = RKV_DRAWING_MEANS
    "Bytes are all that the cache's allocator held when the question came. Shuffled: the "
    "same budgets dealt out at random, a line for each seed, without intervals.",
    .x = {.title = "cache, MiB", .scale = RKV_AXIS_LOG2},
    .y = {.title = "loss, nats per token"},
    .wants = wants_all,
    .name_panel = name_by_budget,
    .add = add_loss,
};
