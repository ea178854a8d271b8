/* board.c: charts put together row by row. */
#include "evaluation/board.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

void rkv_board_clear(rkv_board *board) {
    for (size_t p = 0; p < board->n_panels; p++) {
        rkv_board_panel *panel = &board->panel[p];
        for (size_t s = 0; s < panel->n_series; s++) {
            rkv_board_series *series = &panel->series[s];
            free(series->key), free(series->name);
            free(series->x), free(series->y), free(series->low), free(series->high);
        }
        free(panel->series);
        free(panel->title);
    }
    for (size_t c = 0; c < board->n_categories; c++)
        free(board->category[c]);
    free(board->category);
    free(board->panel);
    *board = (rkv_board){0};
}

size_t rkv_board_panel_of(rkv_board *board, int group, const char *title) {
    for (size_t p = 0; p < board->n_panels; p++)
        if (board->panel[p].group == group && strcmp(board->panel[p].title, title) == 0) return p;
    char *copy = NULL;
    if (!board->status)
        board->status = rkv_grow(&board->panel, &board->capacity, board->n_panels + 1, sizeof *board->panel);
    if (!board->status) board->status = rkv_copy_string(&copy, title);
    if (board->status) return 0;
    board->panel[board->n_panels] = (rkv_board_panel){.title = copy, .group = group, .rule = NAN};
    return board->n_panels++;
}

size_t rkv_board_category_of(rkv_board *board, const char *label) {
    for (size_t c = 0; c < board->n_categories; c++)
        if (strcmp(board->category[c], label) == 0) return c;
    char *copy = NULL;
    if (!board->status)
        board->status = rkv_grow(&board->category, &board->category_capacity, board->n_categories + 1,
                                 sizeof *board->category);
    if (!board->status) board->status = rkv_copy_string(&copy, label);
    if (board->status) return 0;
    board->category[board->n_categories] = copy;
    return board->n_categories++;
}

/* NULL when it could not be made. */
static rkv_board_series *series_of(rkv_board *board, rkv_board_panel *panel, const rkv_board_key *key) {
    for (size_t s = 0; s < panel->n_series; s++)
        if (strcmp(panel->series[s].key, key->key) == 0) return &panel->series[s];
    rkv_board_series series = {.mark = key->mark, .muted = key->muted};
    board->status = rkv_grow(&panel->series, &panel->capacity, panel->n_series + 1, sizeof *panel->series);
    if (!board->status) board->status = rkv_copy_string(&series.key, key->key);
    if (!board->status) board->status = rkv_copy_string(&series.name, key->name);
    if (board->status) {
        free(series.key);
        return NULL;
    }
    panel->series[panel->n_series] = series;
    return &panel->series[panel->n_series++];
}

void rkv_board_add(rkv_board *board, size_t panel, const rkv_board_key *key, double x, double y, double low,
                   double high) {
    rkv_board_series *s = board->status ? NULL : series_of(board, &board->panel[panel], key);
    if (!s) return;
    double **const list[4] = {&s->x, &s->y, &s->low, &s->high}, value[4] = {x, y, low, high};
    for (size_t k = 0; k < 4 && !board->status; k++)
        board->status = rkv_grow(list[k], &s->capacity[k], s->n + 1, sizeof(double));
    if (board->status) return;
    size_t at = s->n++;
    while (at > 0 && s->x[at - 1] > x)
        at--;
    for (size_t k = 0; k < 4; k++) {
        double *values = *list[k];
        memmove(values + at + 1, values + at, (s->n - 1 - at) * sizeof *values);
        values[at] = value[k];
    }
}

void rkv_board_set_rule(rkv_board *board, size_t panel, double value) {
    if (!board->status) board->panel[panel].rule = value;
}

/* ---- drawing ---- */

static rkv_status fill_panel(const rkv_board *board, const rkv_board_panel *from, rkv_panel *to) {
    rkv_series *series = NULL;
    rkv_status status = rkv_alloc(&series, from->n_series, sizeof *series);
    if (status) return status;
    for (size_t i = 0; i < from->n_series; i++) {
        const rkv_board_series *s = &from->series[i];
        series[i] = (rkv_series){.name = s->name, .x = s->x, .y = s->y, .low = s->low, .high = s->high};
        series[i].n = s->n;
        series[i].mark = s->mark;
        series[i].muted = s->muted;
    }
    *to = (rkv_panel){.title = from->title[0] ? from->title : NULL, .x = board->x, .y = board->y};
    to->series = series;
    to->n_series = from->n_series;
    if (board->n_categories) {
        to->x.labels = (const char *const *)board->category;
        to->x.n_labels = board->n_categories;
    }
    to->rules = &from->rule;
    to->rule_names = &board->rule_name;
    to->n_rules = isfinite(from->rule) ? 1 : 0;
    return RKV_OK;
}

/* Every board is saved as each of these. */
static const struct form {
    const char *extension;
    rkv_picture_format format;
} forms[] = {{"png", RKV_PICTURE_PNG}, {"svg", RKV_PICTURE_SVG}};
enum { N_FORMS = sizeof forms / sizeof *forms };

static rkv_status name_file(const char *folder, const char *name, const struct form *form, char **path) {
    rkv_text text = {0};
    rkv_text_printf(&text, "%s/%s.%s", folder, name, form->extension);
    return rkv_text_finish(&text, path);
}

static rkv_status save_as(const rkv_chart *chart, const char *folder, const char *name,
                          const struct form *form) {
    char *path = NULL;
    rkv_status status = name_file(folder, name, form, &path);
    if (!status) status = rkv_chart_save(chart, path, form->format);
    free(path);
    return status;
}

rkv_status rkv_board_save(rkv_board *board, const char *folder, const char *name) {
    if (board->status || board->n_panels == 0) return board->status;
    rkv_panel *panels = NULL;
    rkv_status status = rkv_alloc(&panels, board->n_panels, sizeof *panels);
    for (size_t p = 0; !status && p < board->n_panels; p++)
        status = fill_panel(board, &board->panel[p], &panels[p]);
    rkv_chart chart = {.title = board->title, .subtitle = board->subtitle, .note = board->note};
    chart.panels = panels;
    chart.n_panels = board->n_panels;
    chart.n_columns = board->n_columns;
    chart.same_x = board->same_x;
    chart.same_y = board->same_y;
    for (size_t f = 0; !status && f < N_FORMS; f++)
        status = save_as(&chart, folder, name, &forms[f]);
    for (size_t p = 0; panels && p < board->n_panels; p++)
        free((void *)panels[p].series);
    free(panels);
    return status;
}

rkv_status rkv_board_remove(const char *folder, const char *name) {
    rkv_status status = RKV_OK;
    for (size_t f = 0; !status && f < N_FORMS; f++) {
        char *path = NULL;
        status = name_file(folder, name, &forms[f], &path);
        if (!status) status = rkv_remove_file(path);
        free(path);
    }
    return status;
}
