/* drawing.c: what settings and panels are called, and what of a task there is to draw. */
#include "evaluation/drawing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* ---- what settings are called ---- */

const rkv_setting *rkv_drawing_setting(const rkv_drawing *d, const rkv_eval_row *row) {
    return &d->results->settings[row->setting];
}

bool rkv_setting_is_full(const rkv_setting *setting) {
    return strcmp(setting->method, "full") == 0;
}

bool rkv_setting_is_unsized(const rkv_setting *setting) {
    return !setting->budget && setting->entries == 0 && setting->ratio >= 1;
}

bool rkv_setting_is_shuffled(const rkv_setting *setting) {
    return setting->budget && strncmp(setting->budget, "shuffled", 8) == 0 &&
           strchr(":", setting->budget[8]) != NULL;
}

const char *rkv_setting_budget(const rkv_setting *setting) {
    return !setting->budget                   ? "the method's own budget"
           : rkv_setting_is_shuffled(setting) ? "shuffled"
                                              : setting->budget;
}

void rkv_setting_size(const rkv_setting *setting, char text[RKV_DRAWING_TEXT]) {
    if (setting->entries)
        snprintf(text, RKV_DRAWING_TEXT, "%zu entries", setting->entries);
    else
        snprintf(text, RKV_DRAWING_TEXT, "%g %% kept", 100 * setting->ratio);
}

/* ---- panels ---- */

void rkv_drawing_title(const rkv_drawing *d, const rkv_eval_row *row, const char *first, const char *second,
                       char text[RKV_DRAWING_TEXT]) {
    const char *part[4] = {first, second, NULL, NULL};
    if (d->protocols) part[2] = rkv_protocol_name(rkv_drawing_setting(d, row)->protocol);
    if (d->seen) part[3] = row->query_aware ? "question seen" : "question not seen";
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < 4; i++)
        if (part[i] && length < RKV_DRAWING_TEXT)
            length += (size_t)snprintf(text + length, RKV_DRAWING_TEXT - length, "%s%s",
                                       length ? " \u00B7 " : "", part[i]);
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

static rkv_status find_depths(rkv_drawing *d) {
    const rkv_results *r = d->results;
    double *depth = NULL;
    size_t n = 0;
    rkv_status status = rkv_alloc(&depth, r->n_cells, sizeof *depth);
    for (size_t i = 0; !status && i < r->n_cells; i++)
        if (r->cells[i].task == d->task && isfinite(r->cells[i].depth)) depth[n++] = r->cells[i].depth;
    if (n) qsort(depth, n, sizeof *depth, ascending);
    n = unique(depth, n);
    d->tenths = n > RKV_DRAWING_DEPTHS;
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
static size_t describe_rows(rkv_drawing *d) {
    const rkv_results *r = d->results;
    const rkv_eval_row *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < r->n_rows; i++) {
        const rkv_eval_row *row = &r->rows[i];
        if (row->task != d->task) continue;
        if (!first) first = row;
        d->seen = d->seen || row->query_aware != first->query_aware;
        d->protocols =
            d->protocols || rkv_drawing_setting(d, row)->protocol != rkv_drawing_setting(d, first)->protocol;
        n++;
    }
    if (n == 0) return 0;
    const char *parts[] = {r->model.name, r->model.file_type, r->text};
    size_t length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && length < RKV_DRAWING_TEXT; i++)
        if (parts[i] && parts[i][0])
            length += (size_t)snprintf(d->subtitle + length, RKV_DRAWING_TEXT - length, "%s%s",
                                       i == 0   ? ""
                                       : i == 1 ? " "
                                                : " \u00B7 ",
                                       parts[i]);
    if (!d->seen && first->query_aware && length < RKV_DRAWING_TEXT)
        snprintf(d->subtitle + length, RKV_DRAWING_TEXT - length,
                 " \u00B7 the question is seen before compressing");
    return n;
}

rkv_status rkv_drawing_describe(rkv_drawing *d, size_t *n_rows) {
    *n_rows = describe_rows(d);
    return *n_rows ? find_depths(d) : RKV_OK;
}
