/* results_csv.c: results of an evaluation for spreadsheets, pandas and R: a line per row, a line per cell. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/file.h"
#include "core/text.h"
#include "io/number.h"
#include "io/results.h"

/* ---- fields: each begins with the comma that parts it from the one before ---- */

static void add_count(rkv_text *text, size_t value) {
    rkv_text_printf(text, ",%zu", value);
}

/* What is not finite is an empty field, as spreadsheets and pandas expect. */
static void add_value(rkv_text *text, double value) {
    rkv_text_add(text, ",", 1);
    if (isfinite(value)) rkv_text_add_number(text, value);
}

/* In quotes where it must be (RFC 4180), made printable so that a line stays one. NULL: empty. */
static void add_words(rkv_text *text, const char *words) {
    rkv_text printable = {0};
    rkv_text_add(text, ",", 1);
    if (!words) return;
    rkv_text_add_printable(&printable, words, strlen(words));
    if (printable.status) text->status = printable.status;
    const char *rest = printable.bytes ? printable.bytes : "";
    bool quoted = strpbrk(rest, ",\"") != NULL;
    if (quoted) rkv_text_add(text, "\"", 1);
    for (; *rest; rest++)
        rkv_text_add(text, *rest == '"' ? "\"\"" : rest, *rest == '"' ? 2 : 1);
    if (quoted) rkv_text_add(text, "\"", 1);
    free(printable.bytes);
}

/* ---- what both files begin with ---- */

#define SETTING_COLUMNS "setting,protocol,method,budget,ratio,entries_asked,task,query_aware"

static void add_setting(rkv_text *text, const rkv_results *r, size_t setting, rkv_task task,
                        bool query_aware) {
    const rkv_setting *s = &r->settings[setting];
    rkv_text_printf(text, "%zu", setting);
    add_words(text, rkv_protocol_name(s->protocol));
    add_words(text, s->method);
    add_words(text, s->budget);
    add_value(text, s->ratio > 0 ? s->ratio : NAN);
    add_value(text, s->entries > 0 ? (double)s->entries : NAN);
    add_words(text, rkv_task_name(task));
    rkv_text_printf(text, ",%d", query_aware);
}

/* ---- rows ---- */

#define PAIRED_COLUMNS(of) "," of "_n," of "_below," of "_above," of "_mean," of "_low," of "_high," of "_p"

static const char row_columns[] =
    SETTING_COLUMNS ",n_windows,n_questions,loss,loss_low,loss_high,perplexity,accuracy,exact,exact_low,"
                    "exact_high,kl,agreement,entries,bytes,kv_bytes" PAIRED_COLUMNS("full")
                        PAIRED_COLUMNS("uniform") ",verdict,bytes_of_uniform\n";

static void add_paired(rkv_text *text, const rkv_paired *p) {
    const double values[] = {p->mean, p->low, p->high, p->p};
    add_count(text, p->n);
    add_count(text, p->n_below);
    add_count(text, p->n_above);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        add_value(text, values[i]);
}

static void add_row(rkv_text *text, const rkv_results *results, const rkv_eval_row *r) {
    const double values[] = {r->loss,    r->loss_low,  r->loss_high,  r->perplexity, r->accuracy,
                             r->exact,   r->exact_low, r->exact_high, r->kl,         r->agreement,
                             r->entries, r->bytes,     r->kv_bytes};
    add_setting(text, results, r->setting, r->task, r->query_aware);
    add_count(text, r->n_windows);
    add_count(text, r->n_questions);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        add_value(text, values[i]);
    add_paired(text, &r->against_full);
    add_paired(text, &r->against_uniform);
    add_words(text, r->verdict);
    add_value(text, r->bytes_of_uniform);
    rkv_text_add(text, "\n", 1);
}

/* ---- cells ---- */

static const char cell_columns[] = SETTING_COLUMNS
    ",window,window_name,question,depth,total,entries,bytes,kv_bytes,n_scored,n_right,loss,kl,"
    "agreement\n";

static void add_cell(rkv_text *text, const rkv_results *results, const rkv_cell *c) {
    const size_t counts[] = {c->total, c->entries, c->bytes, c->kv_bytes, c->n_scored, c->n_right};
    const double values[] = {c->loss, c->kl, c->agreement};
    add_setting(text, results, c->setting, c->task, c->query_aware);
    add_count(text, c->window);
    add_words(text, results->window_names[c->window]);
    add_count(text, c->question);
    add_value(text, c->depth);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        add_count(text, counts[i]);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        add_value(text, values[i]);
    rkv_text_add(text, "\n", 1);
}

/* ---- files ---- */

static rkv_status write_text(rkv_text *text, const char *path) {
    char *csv;
    rkv_status status = rkv_text_finish(text, &csv);
    if (!status) status = rkv_write_file(path, csv, strlen(csv));
    free(csv);
    return status;
}

static rkv_status save_rows(const rkv_results *results, const char *path) {
    rkv_text text = {0};
    rkv_text_printf(&text, "%s", row_columns);
    for (size_t i = 0; i < results->n_rows; i++)
        add_row(&text, results, &results->rows[i]);
    return write_text(&text, path);
}

static rkv_status save_cells(const rkv_results *results, const char *path) {
    rkv_text text = {0};
    rkv_text_printf(&text, "%s", cell_columns);
    for (size_t i = 0; i < results->n_cells; i++)
        add_cell(&text, results, &results->cells[i]);
    return write_text(&text, path);
}

rkv_status rkv_results_save_csv(const rkv_results *results, const char *rows_path, const char *cells_path) {
    rkv_status status = rkv_results_check(results);
    if (status) return rkv_fail_within(RKV_USAGE, "results");
    status = save_rows(results, rows_path);
    return status ? status : save_cells(results, cells_path);
}
