/* summary.c: rows out of cells: means over windows, their intervals, and what a setting costs beside others.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/results.h"

/* ---- windows: what is independent ---- */

/* What is averaged over the questions of a window, then over the windows of a row. */
enum { LOSS, ACCURACY, EXACT, KL, AGREEMENT, ENTRIES, BYTES, KV_BYTES, N_VALUES };

typedef struct window_mean {
    size_t window, n_questions;
    double values[N_VALUES];
} window_mean;

typedef struct summary {
    rkv_results *results;
    const rkv_cell **cells; /* [n_cells] by row, then window, then question */
    window_mean *means;     /* [n_means] row after row */
    size_t n_means;
    rkv_eval_row *rows; /* [n_rows] by setting, task, query_aware */
    size_t *first;      /* [n_rows] where each row's means begin */
    size_t n_rows;
} summary;

static int compare_rows(const rkv_cell *a, const rkv_cell *b) {
    if (a->setting != b->setting) return a->setting < b->setting ? -1 : 1;
    if (a->task != b->task) return a->task < b->task ? -1 : 1;
    return (int)a->query_aware - (int)b->query_aware;
}

static int compare_for_rows(const void *a, const void *b) {
    const rkv_cell *left = *(const rkv_cell *const *)a, *right = *(const rkv_cell *const *)b;
    int order = compare_rows(left, right);
    return order ? order : rkv_cell_compare(left, right);
}

static void add_cell(window_mean *mean, const rkv_cell *c) {
    const double values[N_VALUES] = {
        [LOSS] = c->loss,
        [ACCURACY] = (double)c->n_right / (double)c->n_scored,
        [EXACT] = c->n_right == c->n_scored,
        [KL] = c->kl,
        [AGREEMENT] = c->agreement,
        [ENTRIES] = (double)c->entries,
        [BYTES] = (double)c->bytes,
        [KV_BYTES] = (double)c->kv_bytes,
    };
    for (size_t v = 0; v < N_VALUES; v++)
        mean->values[v] += values[v];
    mean->n_questions++;
}

static void begin_row(summary *s, const rkv_cell *c) {
    s->first[s->n_rows] = s->n_means;
    s->rows[s->n_rows++] =
        (rkv_eval_row){.setting = c->setting, .task = c->task, .query_aware = c->query_aware};
}

static void begin_window(summary *s, const rkv_cell *c) {
    s->means[s->n_means++] = (window_mean){.window = c->window};
    s->rows[s->n_rows - 1].n_windows++;
}

/* Cells become means of windows, and rows that count them. */
static void gather(summary *s) {
    size_t n = s->results->n_cells;
    for (size_t i = 0; i < n; i++)
        s->cells[i] = &s->results->cells[i];
    if (n) qsort(s->cells, n, sizeof *s->cells, compare_for_rows);
    for (size_t i = 0; i < n; i++) {
        const rkv_cell *c = s->cells[i];
        bool new_row = i == 0 || compare_rows(s->cells[i - 1], c) != 0;
        if (new_row) begin_row(s, c);
        if (new_row || s->cells[i - 1]->window != c->window) begin_window(s, c);
        add_cell(&s->means[s->n_means - 1], c);
        s->rows[s->n_rows - 1].n_questions++;
    }
    for (size_t i = 0; i < s->n_means; i++)
        for (size_t v = 0; v < N_VALUES; v++)
            s->means[i].values[v] /= (double)s->means[i].n_questions;
}

/* ---- one row ---- */

static bool all_finite(const double *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

/* One window that is not a number makes the row not one: leaving it out would flatter what failed there. */
static rkv_status summarise_value(const summary *s, size_t row, size_t value, double *x, double *mean,
                                  double *low, double *high) {
    size_t n = s->rows[row].n_windows;
    for (size_t i = 0; i < n; i++)
        x[i] = s->means[s->first[row] + i].values[value];
    *mean = *low = *high = NAN;
    return all_finite(x, n) ? rkv_bootstrap_mean(x, n, s->results->seed, mean, low, high) : RKV_OK;
}

static double mean_of(const summary *s, size_t row, size_t value) {
    double sum = 0;
    for (size_t i = 0; i < s->rows[row].n_windows; i++)
        sum += s->means[s->first[row] + i].values[value];
    return sum / (double)s->rows[row].n_windows;
}

static rkv_status fill_means(const summary *s, size_t row, double *x) {
    rkv_eval_row *r = &s->rows[row];
    rkv_status status = summarise_value(s, row, LOSS, x, &r->loss, &r->loss_low, &r->loss_high);
    if (!status) status = summarise_value(s, row, EXACT, x, &r->exact, &r->exact_low, &r->exact_high);
    r->perplexity = exp(r->loss);
    r->accuracy = mean_of(s, row, ACCURACY);
    r->kl = mean_of(s, row, KL);
    r->agreement = mean_of(s, row, AGREEMENT);
    r->entries = mean_of(s, row, ENTRIES);
    r->bytes = mean_of(s, row, BYTES);
    r->kv_bytes = mean_of(s, row, KV_BYTES);
    return status;
}

/* ---- one row beside another ---- */

#define NONE SIZE_MAX

/* Both give the setting that a setting is measured against; NONE: it is that one itself, or there is none. */
static size_t full_cache_of(const rkv_results *results, size_t setting) {
    const rkv_setting *settings = results->settings;
    for (size_t i = 0; i < results->n_settings; i++)
        if (settings[i].protocol == settings[setting].protocol && strcmp(settings[i].method, "full") == 0)
            return i == setting ? NONE : i;
    return NONE;
}

static bool differ_in_budget_alone(const rkv_setting *a, const rkv_setting *b) {
    return a->protocol == b->protocol && a->ratio == b->ratio && a->entries == b->entries &&
           strcmp(a->method, b->method) == 0;
}

/* "uniform" itself before one with options. */
static size_t uniform_of(const rkv_results *results, size_t setting) {
    size_t found = NONE;
    for (size_t i = 0; i < results->n_settings; i++) {
        const char *budget = results->settings[i].budget;
        if (!budget || !differ_in_budget_alone(&results->settings[i], &results->settings[setting])) continue;
        bool exact = strcmp(budget, "uniform") == 0;
        if (exact || (found == NONE && strncmp(budget, "uniform:", 8) == 0)) found = i;
        if (exact) break;
    }
    return found == setting ? NONE : found;
}

static size_t find_row(const summary *s, size_t setting, const rkv_eval_row *like) {
    for (size_t i = 0; i < s->n_rows; i++)
        if (s->rows[i].setting == setting && s->rows[i].task == like->task &&
            s->rows[i].query_aware == like->query_aware)
            return i;
    return NONE;
}

/* Differences in loss over the windows that both rows have, and both rows' bytes on them; returns their
 * number. */
static size_t pair_windows(const summary *s, size_t row, size_t other, double *d, double bytes[2]) {
    const window_mean *a = s->means + s->first[row], *b = s->means + s->first[other];
    const window_mean *a_end = a + s->rows[row].n_windows, *b_end = b + s->rows[other].n_windows;
    size_t n = 0;
    while (a < a_end && b < b_end) {
        if (a->window == b->window) {
            bytes[0] += a->values[BYTES];
            bytes[1] += b->values[BYTES];
            d[n++] = a++->values[LOSS] - b++->values[LOSS];
        } else if (a->window < b->window)
            a++;
        else
            b++;
    }
    return n;
}

/* The row of a setting that stands beside this one. */
static size_t row_beside(const summary *s, size_t row, size_t setting) {
    return setting == NONE ? NONE : find_row(s, setting, &s->rows[row]);
}

/* *of_other: this row's bytes over the other's on the windows that are compared. */
static rkv_status compare_with(const summary *s, size_t row, size_t other, double *d, rkv_paired *out,
                               double *of_other) {
    double bytes[2] = {0};
    size_t n = other == NONE ? 0 : pair_windows(s, row, other, d, bytes);
    *of_other = n ? bytes[0] / bytes[1] : NAN;
    *out = (rkv_paired){.n = n, .mean = NAN, .low = NAN, .high = NAN, .p = NAN};
    return n > 0 && all_finite(d, n) ? rkv_paired_compare(d, n, s->results->seed, out) : RKV_OK;
}

/* ---- all rows ---- */

static rkv_status fill_row(const summary *s, size_t row) {
    rkv_eval_row *r = &s->rows[row];
    double *x = NULL;
    rkv_status status = rkv_alloc(&x, r->n_windows, sizeof *x);
    if (!status) status = fill_means(s, row, x);
    size_t full = row_beside(s, row, full_cache_of(s->results, r->setting));
    size_t uniform = row_beside(s, row, uniform_of(s->results, r->setting));
    if (!status) status = compare_with(s, row, full, x, &r->against_full, &(double){0});
    if (!status) status = compare_with(s, row, uniform, x, &r->against_uniform, &r->bytes_of_uniform);
    r->verdict = rkv_paired_verdict(&r->against_uniform);
    free(x);
    return status;
}

static rkv_status make_rows(summary *s) {
    size_t n = s->results->n_cells;
    rkv_first_failure failure = {0};
    rkv_status status = rkv_alloc(&s->cells, n, sizeof *s->cells);
    if (!status) status = rkv_alloc(&s->means, n, sizeof *s->means);
    if (!status) status = rkv_alloc(&s->rows, n, sizeof *s->rows);
    if (!status) status = rkv_alloc(&s->first, n, sizeof *s->first);
    if (status) return status;
    gather(s);
#pragma omp parallel for schedule(dynamic) /* each row is the work of one thread: no sum depends on them */
    for (size_t i = 0; i < s->n_rows; i++)
        if (!rkv_first_failure_seen(&failure)) rkv_first_failure_note(&failure, fill_row(s, i));
    return rkv_first_failure_raise(&failure);
}

static int compare_cells(const void *a, const void *b) {
    return rkv_cell_compare(a, b);
}

rkv_status rkv_results_summarise(rkv_results *results) {
    summary s = {.results = results};
    if (results->n_cells) qsort(results->cells, results->n_cells, sizeof *results->cells, compare_cells);
    rkv_status status = rkv_results_check(results);
    if (status) return rkv_fail_within(RKV_USAGE, "results");
    status = make_rows(&s);
    if (!status) {
        free(results->rows);
        results->rows = s.rows;
        results->n_rows = s.n_rows;
        s.rows = NULL;
    }
    free(s.first);
    free(s.rows);
    free(s.means);
    free(s.cells);
    return status;
}
