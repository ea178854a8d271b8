/* chart_depth.c: the chart of retrieval by depth: a panel for each size and budget. */
#include "evaluation/drawing.h"

#include <math.h>
#include <stdio.h>

#include "core/memory.h"

/* Controls of many seeds would hide the rest. */
static bool wants_depths(const rkv_drawing *d, const rkv_eval_row *row) {
    return d->n_depths > 0 && !rkv_setting_is_shuffled(rkv_drawing_setting(d, row));
}

static void name_by_size_and_budget(const rkv_drawing *d, const rkv_eval_row *row,
                                    char text[RKV_DRAWING_TEXT]) {
    const rkv_setting *setting = rkv_drawing_setting(d, row);
    char size[RKV_DRAWING_TEXT];
    rkv_setting_size(setting, size);
    bool unsized = rkv_setting_is_unsized(setting);
    rkv_drawing_title(d, row, unsized ? NULL : size,
                      !unsized && setting->budget ? rkv_setting_budget(setting) : NULL, text);
}

/* Which depth, or tenth, a cell is of. */
static size_t depth_of(const rkv_drawing *d, double depth) {
    if (d->tenths) return depth >= 0.9 ? 9 : depth > 0 ? (size_t)(10 * depth) : 0;
    size_t i = 0;
    while (i + 1 < d->n_depths && d->depth[i] != depth)
        i++;
    return i;
}

/* The share of right answers of each window, at one depth, in a row; returns how many windows there are. */
static size_t shares_at(const rkv_drawing *d, const rkv_eval_row *row, size_t depth, double *share) {
    const rkv_results *r = d->results;
    size_t n = 0, n_questions = 0, window = SIZE_MAX;
    for (size_t i = d->first[row->setting]; i < r->n_cells && r->cells[i].setting == row->setting; i++) {
        const rkv_cell *cell = &r->cells[i];
        if (cell->task != d->task || cell->query_aware != row->query_aware || !isfinite(cell->depth))
            continue;
        if (depth_of(d, cell->depth) != depth) continue;
        if (n == 0 || cell->window != window) share[n++] = 0, n_questions = 0;
        window = cell->window;
        n_questions++;
        share[n - 1] += ((cell->n_right == cell->n_scored) - share[n - 1]) / (double)n_questions;
    }
    return n;
}

static rkv_status add_depths(const rkv_drawing *d, rkv_board *board, const rkv_eval_row *row, size_t panel) {
    const rkv_setting *setting = rkv_drawing_setting(d, row);
    double *share = NULL, mean, low, high;
    rkv_status status = rkv_alloc(&share, d->results->n_windows, sizeof *share);
    char text[2 * RKV_DRAWING_TEXT];
    snprintf(text, sizeof text, "%s\n%s", setting->method, setting->budget ? setting->budget : "");
    rkv_board_key key = {.key = text, .name = rkv_setting_is_full(setting) ? "full cache" : setting->method};
    for (size_t i = 0; !status && i < d->n_depths; i++) {
        size_t n = shares_at(d, row, i, share);
        if (n == 0) continue;
        status = rkv_bootstrap_mean(share, n, d->results->seed, &mean, &low, &high);
        if (!status) rkv_board_add(board, panel, &key, (double)i, mean, low, high);
    }
    free(share);
    return status ? status : board->status;
}

const rkv_chart_kind rkv_chart_depth = {
    .file = "retrieval-by-depth",
    .title = "answers by where they stand in the context",
    .note = RKV_DRAWING_MEANS "Answered: the share of questions answered without a wrong token.",
    .x = {.title = "depth in the context"},
    .y = {.title = "answered", .from_zero = true},
    .by_depth = true,
    .by_budget = true,
    .wants = wants_depths,
    .name_panel = name_by_size_and_budget,
    .add = add_depths,
};
