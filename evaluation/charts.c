/* charts.c: results as charts, each kind for each task. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "evaluation/drawing.h"
#include "io/results.h"

static const rkv_chart_kind *const kinds[] = {&rkv_chart_loss, &rkv_chart_difference, &rkv_chart_depth};

/* ---- rows into panels ---- */

/* Rows of one protocol and one view of the question stand together. */
static int group_of(const rkv_drawing *d, const rkv_eval_row *row) {
    return 2 * (int)rkv_drawing_setting(d, row)->protocol + row->query_aware;
}

static rkv_status add_to_own(const rkv_drawing *d, const rkv_chart_kind *k, rkv_board *board,
                             const rkv_eval_row *row) {
    char text[RKV_DRAWING_TEXT];
    k->name_panel(d, row, text);
    size_t panel = rkv_board_panel_of(board, group_of(d, row), text);
    return board->status ? board->status : k->add(d, board, row, panel);
}

/* To all panels of its group, or to one of its own when there are none. */
static rkv_status add_to_all(const rkv_drawing *d, const rkv_chart_kind *k, rkv_board *board,
                             const rkv_eval_row *row) {
    rkv_status status = RKV_OK;
    bool any = false;
    for (size_t p = 0; !status && p < board->n_panels; p++)
        if (board->panel[p].group == group_of(d, row)) {
            status = k->add(d, board, row, p);
            any = true;
        }
    return any ? status : add_to_own(d, k, board, row);
}

static rkv_status add_rows(const rkv_drawing *d, const rkv_chart_kind *k, rkv_board *board) {
    const rkv_results *r = d->results;
    rkv_status status = RKV_OK;
    for (int unsized = 0; unsized < 2; unsized++)
        for (size_t i = 0; !status && i < r->n_rows; i++) {
            const rkv_eval_row *row = &r->rows[i];
            if (row->task != d->task || rkv_setting_is_unsized(rkv_drawing_setting(d, row)) != (unsized == 1))
                continue;
            if (!k->wants(d, row)) continue;
            status = unsized ? add_to_all(d, k, board, row) : add_to_own(d, k, board, row);
        }
    return status;
}

/* ---- a chart ---- */

static bool has_controls(const rkv_drawing *d) {
    for (size_t i = 0; i < d->results->n_rows; i++)
        if (d->results->rows[i].task == d->task &&
            rkv_setting_is_shuffled(rkv_drawing_setting(d, &d->results->rows[i])))
            return true;
    return false;
}

/* Panels come size by size, in each size budget by budget: a row of panels for each, where that is whole. */
static size_t count_columns(const rkv_drawing *d, const rkv_chart_kind *k, size_t n_panels) {
    const rkv_results *r = d->results;
    const rkv_setting *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < r->n_rows; i++) {
        const rkv_setting *setting = rkv_drawing_setting(d, &r->rows[i]);
        if (r->rows[i].task != d->task || rkv_setting_is_unsized(setting) || !k->wants(d, &r->rows[i]))
            continue;
        if (!first) first = setting;
        n += setting->ratio == first->ratio && setting->entries == first->entries &&
             setting->protocol == first->protocol && strcmp(setting->method, first->method) == 0;
    }
    return n > 0 && n <= 6 && n_panels % n == 0 ? n : 0;
}

static void name_file(const rkv_chart_kind *k, rkv_task task, char file[RKV_DRAWING_TEXT]) {
    snprintf(file, RKV_DRAWING_TEXT, "%s-%s", k->file, rkv_task_name(task));
}

static rkv_status draw_kind(const rkv_drawing *d, const rkv_chart_kind *k, const char *folder) {
    char title[RKV_DRAWING_TEXT], file[RKV_DRAWING_TEXT];
    snprintf(title, sizeof title, "%s: %s", rkv_task_name(d->task), k->title);
    name_file(k, d->task, file);
    rkv_board board = {.title = title, .subtitle = d->subtitle, .note = k->note, .x = k->x, .y = k->y};
    if (k->control_note && has_controls(d)) board.note = k->control_note;
    board.rule_name = "full cache";
    board.same_x = true;
    board.same_y = !k->own_y;
    for (size_t i = 0; k->by_depth && i < d->n_depths; i++)
        rkv_board_category_of(&board, d->depth_name[i]);
    rkv_status status = board.status ? board.status : add_rows(d, k, &board);
    if (k->by_budget) board.n_columns = count_columns(d, k, board.n_panels);
    if (!status) status = rkv_board_save(&board, folder, file);
    rkv_board_clear(&board);
    return status;
}

/* ---- all charts ---- */

static rkv_status draw_task(const rkv_results *results, rkv_task task, const size_t *first, const char *dir) {
    rkv_drawing d = {.results = results, .task = task, .first = first};
    size_t n_rows = 0;
    rkv_status status = rkv_drawing_describe(&d, &n_rows);
    for (size_t k = 0; !status && n_rows && k < sizeof kinds / sizeof *kinds; k++)
        status = draw_kind(&d, kinds[k], dir);
    return status;
}

rkv_status rkv_results_draw(const rkv_results *results, const char *dir) {
    size_t *first = NULL; /* cell of each setting */
    rkv_status status = rkv_results_check(results);
    if (status) return rkv_fail_within(RKV_USAGE, "results");
    status = rkv_alloc(&first, results->n_settings, sizeof *first);
    for (size_t i = results->n_cells; !status && i-- > 0;)
        first[results->cells[i].setting] = i;
    for (size_t t = 0; !status && t < RKV_TASK_COUNT; t++)
        status = draw_task(results, (rkv_task)t, first, dir);
    free(first);
    return status;
}

rkv_status rkv_results_remove_charts(const char *dir) {
    rkv_status status = RKV_OK;
    for (size_t t = 0; t < RKV_TASK_COUNT; t++)
        for (size_t k = 0; !status && k < sizeof kinds / sizeof *kinds; k++) {
            char file[RKV_DRAWING_TEXT];
            name_file(kinds[k], (rkv_task)t, file);
            status = rkv_board_remove(dir, file);
        }
    return status;
}
