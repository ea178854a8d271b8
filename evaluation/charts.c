/* charts.c: results as charts: loss by bytes, budgets against uniform ones, retrieval by depth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "evaluation/board.h"
#include "io/results.h"

#define TEXT 512

/* So many depths are shown one by one; more are put together by tenths. */
#define DEPTHS 12

/* What all charts of one task have in common. */
typedef struct drawing {
    const rkv_results *results;
    rkv_task task;
    bool protocols, seen; /* more than one, so that panels say which is theirs */
    char subtitle[TEXT];
    const size_t *first; /* [n_settings] the first cell of each */
    size_t n_depths;     /* of answers in the context */
    bool tenths;         /* the depths are tenths of the context */
    double depth[DEPTHS];
    char depth_name[DEPTHS][24];
} drawing;

/* ---- what settings are called ---- */

static const rkv_setting *setting_of(const drawing *d, const rkv_eval_row *row) {
    return &d->results->settings[row->setting];
}

static bool is_full(const rkv_setting *setting) {
    return strcmp(setting->method, "full") == 0;
}

/* Heeds no budget and no size: it stands beside every one of them. */
static bool is_unsized(const rkv_setting *setting) {
    return !setting->budget && setting->entries == 0 && setting->ratio >= 1;
}

static bool is_shuffled(const rkv_setting *setting) {
    return setting->budget && strncmp(setting->budget, "shuffled", 8) == 0 &&
           strchr(":", setting->budget[8]) != NULL;
}

static const char *budget_name(const rkv_setting *setting) {
    return !setting->budget ? "the method's own budget" : is_shuffled(setting) ? "shuffled" : setting->budget;
}

static void size_name(const rkv_setting *setting, char text[TEXT]) {
    if (setting->entries)
        snprintf(text, TEXT, "%zu entries", setting->entries);
    else
        snprintf(text, TEXT, "%g %% kept", 100 * setting->ratio);
}

/* ---- panels ---- */

/* A panel's title: what tells it from the others. */
static void panel_title(const drawing *d, const rkv_eval_row *row, const char *first, const char *second,
                        char text[TEXT]) {
    const char *part[4] = {first, second, NULL, NULL};
    if (d->protocols) part[2] = rkv_protocol_name(setting_of(d, row)->protocol);
    if (d->seen) part[3] = row->query_aware ? "question seen" : "question not seen";
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < 4; i++)
        if (part[i] && length < TEXT)
            length +=
                (size_t)snprintf(text + length, TEXT - length, "%s%s", length ? " \u00B7 " : "", part[i]);
}

/* A kind of chart: which rows it shows, in which panel, and how. */
typedef struct kind {
    const char *file, *title;        /* the task's name is added to the file, put before the title */
    const char *note, *control_note; /* the second where there are shuffled budgets */
    rkv_chart_axis x, y;
    bool by_budget; /* each budget is a column of panels */
    bool (*wants)(const drawing *d, const rkv_eval_row *row);
    void (*name_panel)(const drawing *d, const rkv_eval_row *row, char text[TEXT]);
    rkv_status (*add)(const drawing *d, rkv_board *board, const rkv_eval_row *row, size_t panel);
} kind;

/* Rows of one protocol and one view of the question stand together. */
static int group_of(const drawing *d, const rkv_eval_row *row) {
    return 2 * (int)setting_of(d, row)->protocol + row->query_aware;
}

static rkv_status add_to_own(const drawing *d, const kind *k, rkv_board *board, const rkv_eval_row *row) {
    char text[TEXT];
    k->name_panel(d, row, text);
    size_t panel = rkv_board_panel_of(board, group_of(d, row), text);
    return board->status ? board->status : k->add(d, board, row, panel);
}

/* To all panels of its group, or to one of its own when there are none. */
static rkv_status add_to_all(const drawing *d, const kind *k, rkv_board *board, const rkv_eval_row *row) {
    rkv_status status = RKV_OK;
    bool any = false;
    for (size_t p = 0; !status && p < board->n_panels; p++)
        if (board->panel[p].group == group_of(d, row)) {
            status = k->add(d, board, row, p);
            any = true;
        }
    return any ? status : add_to_own(d, k, board, row);
}

static rkv_status add_rows(const drawing *d, const kind *k, rkv_board *board) {
    const rkv_results *r = d->results;
    rkv_status status = RKV_OK;
    for (int unsized = 0; unsized < 2; unsized++)
        for (size_t i = 0; !status && i < r->n_rows; i++) {
            const rkv_eval_row *row = &r->rows[i];
            if (row->task != d->task || is_unsized(setting_of(d, row)) != (unsized == 1)) continue;
            if (!k->wants(d, row)) continue;
            status = unsized ? add_to_all(d, k, board, row) : add_to_own(d, k, board, row);
        }
    return status;
}

/* ---- loss by bytes ---- */

static bool wants_all(const drawing *d, const rkv_eval_row *row) {
    (void)d, (void)row;
    return true;
}

static void name_by_budget(const drawing *d, const rkv_eval_row *row, char text[TEXT]) {
    const rkv_setting *setting = setting_of(d, row);
    panel_title(d, row, is_unsized(setting) ? NULL : budget_name(setting), NULL, text);
}

static rkv_status add_loss(const drawing *d, rkv_board *board, const rkv_eval_row *row, size_t panel) {
    const rkv_setting *setting = setting_of(d, row);
    char key[2 * TEXT];
    if (is_full(setting)) {
        rkv_board_set_rule(board, panel, row->loss);
        return board->status;
    }
    snprintf(key, sizeof key, "%s\n%s", setting->method, setting->budget ? setting->budget : "");
    bool interval = !is_shuffled(setting); /* those of many seeds would hide the lines */
    rkv_board_add(board, panel, &(rkv_board_key){.key = key, .name = setting->method}, row->bytes / 1048576,
                  row->loss, interval ? row->loss_low : NAN, interval ? row->loss_high : NAN);
    return board->status;
}

/* ---- difference to uniform budgets ---- */

static bool wants_pairs(const drawing *d, const rkv_eval_row *row) {
    (void)d;
    return row->against_uniform.n > 0;
}

static void name_by_size(const drawing *d, const rkv_eval_row *row, char text[TEXT]) {
    char size[TEXT];
    size_name(setting_of(d, row), size);
    panel_title(d, row, size, NULL, text);
}

static rkv_status add_difference(const drawing *d, rkv_board *board, const rkv_eval_row *row, size_t panel) {
    const rkv_setting *setting = setting_of(d, row);
    const rkv_paired *pair = &row->against_uniform;
    bool muted = is_shuffled(setting);
    rkv_board_key key = {.key = setting->budget, .name = budget_name(setting), .mark = RKV_MARK_POINT};
    key.muted = muted;
    size_t category = rkv_board_category_of(board, setting->method);
    rkv_board_add(board, panel, &key, (double)category, pair->mean, muted ? NAN : pair->low,
                  muted ? NAN : pair->high);
    return board->status;
}

/* ---- retrieval by depth ---- */

/* Controls of many seeds would hide the rest. */
static bool wants_depths(const drawing *d, const rkv_eval_row *row) {
    return d->n_depths > 0 && !is_shuffled(setting_of(d, row));
}

static void name_by_size_and_budget(const drawing *d, const rkv_eval_row *row, char text[TEXT]) {
    const rkv_setting *setting = setting_of(d, row);
    char size[TEXT];
    size_name(setting, size);
    bool unsized = is_unsized(setting);
    panel_title(d, row, unsized ? NULL : size, !unsized && setting->budget ? budget_name(setting) : NULL,
                text);
}

/* Which depth, or tenth, a cell is of. */
static size_t depth_of(const drawing *d, double depth) {
    if (d->tenths) return depth >= 1 ? 9 : (size_t)(10 * depth);
    size_t i = 0;
    while (i + 1 < d->n_depths && d->depth[i] != depth)
        i++;
    return i;
}

/* The share of right answers of each window, at one depth, in a row; returns how many windows there are. */
static size_t shares_at(const drawing *d, const rkv_eval_row *row, size_t depth, double *share) {
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

static rkv_status add_depths(const drawing *d, rkv_board *board, const rkv_eval_row *row, size_t panel) {
    const rkv_setting *setting = setting_of(d, row);
    double *share = NULL, mean, low, high;
    rkv_status status = rkv_alloc(&share, d->results->n_windows, sizeof *share);
    rkv_board_key key = {.key = setting->budget ? setting->budget : "", .mark = RKV_MARK_LINE};
    char text[2 * TEXT];
    snprintf(text, sizeof text, "%s\n%s", setting->method, key.key);
    key.key = text;
    key.name = is_full(setting) ? "full cache" : setting->method;
    for (size_t i = 0; !status && i < d->n_depths; i++) {
        size_t n = shares_at(d, row, i, share);
        if (n == 0) continue;
        status = rkv_bootstrap_mean(share, n, d->results->seed, &mean, &low, &high);
        if (!status) rkv_board_add(board, panel, &key, (double)i, mean, low, high);
    }
    free(share);
    return status ? status : board->status;
}

/* ---- all charts ---- */

#define MEANS "Mean over windows with its bootstrap 95 % interval. "

static const kind kinds[] = {
    {.file = "loss-by-bytes",
     .title = "loss by measured bytes of the cache",
     .note = MEANS "Bytes are all that the cache's allocator held when the question came.",
     .control_note =
         MEANS "Bytes are all that the cache's allocator held when the question came. Shuffled: the "
               "same budgets dealt out at random, a line for each seed, without intervals.",
     .x = {.title = "cache, MiB", .scale = RKV_AXIS_LOG2},
     .y = {.title = "loss, nats per token"},
     .wants = wants_all,
     .name_panel = name_by_budget,
     .add = add_loss},
    {.file = "difference-to-uniform",
     .title = "loss less that of uniform budgets of the same size",
     .note = MEANS "Below 0 is better than uniform. Windows are paired.",
     .control_note = MEANS "Below 0 is better than uniform. Windows are paired. Grey: budgets dealt out at "
                           "random, the control that a budget has to beat.",
     .y = {.title = "difference, nats per token"},
     .wants = wants_pairs,
     .name_panel = name_by_size,
     .add = add_difference},
    {.file = "retrieval-by-depth",
     .title = "answers by where they stand in the context",
     .note = MEANS "Answered: the share of questions answered without a wrong token.",
     .x = {.title = "depth in the context"},
     .y = {.title = "answered", .from_zero = true},
     .by_budget = true,
     .wants = wants_depths,
     .name_panel = name_by_size_and_budget,
     .add = add_depths},
};

static bool has_controls(const drawing *d) {
    for (size_t i = 0; i < d->results->n_rows; i++)
        if (d->results->rows[i].task == d->task && is_shuffled(setting_of(d, &d->results->rows[i])))
            return true;
    return false;
}

/* Panels come size by size, in each size budget by budget: a row of panels for each, where that is whole. */
static size_t count_columns(const drawing *d, const kind *k, size_t n_panels) {
    const rkv_results *r = d->results;
    const rkv_setting *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < r->n_rows; i++) {
        const rkv_setting *setting = setting_of(d, &r->rows[i]);
        if (r->rows[i].task != d->task || is_unsized(setting) || !k->wants(d, &r->rows[i])) continue;
        if (!first) first = setting;
        n += setting->ratio == first->ratio && setting->entries == first->entries &&
             setting->protocol == first->protocol && strcmp(setting->method, first->method) == 0;
    }
    return n > 0 && n <= 6 && n_panels % n == 0 ? n : 0;
}

static rkv_status draw_kind(const drawing *d, const kind *k, const char *folder) {
    char title[TEXT], file[TEXT];
    const char *task = rkv_task_name(d->task);
    snprintf(title, sizeof title, "%s: %s", task, k->title);
    snprintf(file, sizeof file, "%s-%s", k->file, task);
    rkv_board board = {.title = title, .subtitle = d->subtitle, .note = k->note, .x = k->x, .y = k->y};
    if (k->control_note && has_controls(d)) board.note = k->control_note;
    board.rule_name = "full cache";
    board.same_x = board.same_y = true;
    for (size_t i = 0; k->add == add_depths && i < d->n_depths; i++)
        rkv_board_category_of(&board, d->depth_name[i]);
    rkv_status status = board.status ? board.status : add_rows(d, k, &board);
    if (k->by_budget) board.n_columns = count_columns(d, k, board.n_panels);
    if (!status) status = rkv_board_save(&board, folder, file);
    rkv_board_clear(&board);
    return status;
}

/* ---- what a task holds ---- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Keeps one of equal values of sorted x [n]; returns how many are left. */
static size_t unique(double *x, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || x[i] != x[kept - 1]) x[kept++] = x[i];
    return kept;
}

static rkv_status find_depths(drawing *d) {
    const rkv_results *r = d->results;
    double *depth = NULL;
    size_t n = 0;
    rkv_status status = rkv_alloc(&depth, r->n_cells, sizeof *depth);
    for (size_t i = 0; !status && i < r->n_cells; i++)
        if (r->cells[i].task == d->task && isfinite(r->cells[i].depth)) depth[n++] = r->cells[i].depth;
    if (n) qsort(depth, n, sizeof *depth, ascending);
    n = unique(depth, n);
    d->tenths = n > DEPTHS;
    d->n_depths = d->tenths ? 10 : n;
    for (size_t i = 0; i < d->n_depths; i++) {
        if (d->tenths)
            snprintf(d->depth_name[i], sizeof d->depth_name[i], "%zu\u2013%zu %%", 10 * i, 10 * i + 10);
        else
            snprintf(d->depth_name[i], sizeof d->depth_name[i], "%.3g %%", 100 * depth[i]);
        d->depth[i] = d->tenths ? 0 : depth[i];
    }
    free(depth);
    return status;
}

/* What rows of the task differ in, and the line below the title. Returns how many rows there are. */
static size_t describe(drawing *d) {
    const rkv_results *r = d->results;
    const rkv_eval_row *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < r->n_rows; i++) {
        const rkv_eval_row *row = &r->rows[i];
        if (row->task != d->task) continue;
        if (!first) first = row;
        d->seen = d->seen || row->query_aware != first->query_aware;
        d->protocols = d->protocols || setting_of(d, row)->protocol != setting_of(d, first)->protocol;
        n++;
    }
    if (n == 0) return 0;
    const char *parts[] = {r->model.name, r->model.file_type, r->text};
    size_t length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && length < TEXT; i++)
        if (parts[i] && parts[i][0])
            length += (size_t)snprintf(d->subtitle + length, TEXT - length, "%s%s",
                                       i == 0   ? ""
                                       : i == 1 ? " "
                                                : " \u00B7 ",
                                       parts[i]);
    if (!d->seen && first->query_aware && length < TEXT)
        snprintf(d->subtitle + length, TEXT - length, " \u00B7 the question is seen before compressing");
    return n;
}

static rkv_status draw_task(const rkv_results *results, rkv_task task, const size_t *first, const char *dir) {
    drawing d = {.results = results, .task = task, .first = first};
    if (describe(&d) == 0) return RKV_OK;
    rkv_status status = find_depths(&d);
    for (size_t k = 0; !status && k < sizeof kinds / sizeof *kinds; k++)
        status = draw_kind(&d, &kinds[k], dir);
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
