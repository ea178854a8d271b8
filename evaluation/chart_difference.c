/* chart_difference.c: the chart of budgets against uniform ones: a panel for each size. */
#include "evaluation/drawing.h"

#include <math.h>

static bool wants_pairs(const rkv_drawing *d, const rkv_eval_row *row) {
    (void)d;
    return row->against_uniform.n > 0;
}

static void name_by_size(const rkv_drawing *d, const rkv_eval_row *row, char text[RKV_DRAWING_TEXT]) {
    char size[RKV_DRAWING_TEXT];
    rkv_setting_size(rkv_drawing_setting(d, row), size);
    rkv_drawing_title(d, row, size, NULL, text);
}

static rkv_status add_difference(const rkv_drawing *d, rkv_board *board, const rkv_eval_row *row,
                                 size_t panel) {
    const rkv_setting *setting = rkv_drawing_setting(d, row);
    const rkv_paired *pair = &row->against_uniform;
    bool muted = rkv_setting_is_shuffled(setting);
    rkv_board_key key = {.key = setting->budget, .name = rkv_setting_budget(setting), .mark = RKV_MARK_POINT};
    key.muted = muted;
    size_t category = rkv_board_category_of(board, setting->method);
    rkv_board_add(board, panel, &key, (double)category, pair->mean, muted ? NAN : pair->low,
                  muted ? NAN : pair->high);
    return board->status;
}

const rkv_chart_kind rkv_chart_difference = {
    .file = "difference-to-uniform",
    .title = "loss less that of uniform budgets of the same size",
    .note = RKV_DRAWING_MEANS "Below 0 is better than uniform. Windows are paired.",
    .control_note =
        RKV_DRAWING_MEANS "Below 0 is better than uniform. Windows are paired. Grey: budgets dealt out at "
                          "random, the control that a budget has to beat.",
    .y = {.title = "difference, nats per token"},
    .own_y = true,
    .wants = wants_pairs,
    .name_panel = name_by_size,
    .add = add_difference,
};
