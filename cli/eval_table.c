/* eval_table.c: results of an evaluation as a table. */
#include "cli/eval_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/eval_columns.h"
#include "cli/terminal.h"

enum { WITHOUT_TERMINAL = 100, GAP = 2, NARROWEST_LABEL = 8, WIDEST_LABEL = 34 };

/* What the legend says something of: a bit for each column. */
typedef struct legend {
    unsigned shown, dropped;
} legend;

/* The rows of one task under one protocol, and how they are laid out. */
typedef struct block {
    const rkv_results *results;
    legend *legend;
    rkv_protocol protocol;
    rkv_task task;
    bool query_aware;
    double full_entries;
    size_t width;                 /* of the table */
    size_t label;                 /* columns of the first column */
    size_t columns[EVAL_COLUMNS]; /* of the others; 0: not shown */
} block;

static const rkv_setting *setting_of(const block *b, const rkv_eval_row *row) {
    return &b->results->settings[row->setting];
}

/* The first row of the block from index i on; NULL: none. */
static const rkv_eval_row *next_row(const block *b, size_t *i) {
    for (; *i < b->results->n_rows; ++*i) {
        const rkv_eval_row *row = &b->results->rows[*i];
        if (row->task == b->task && row->query_aware == b->query_aware &&
            setting_of(b, row)->protocol == b->protocol)
            return row;
    }
    return NULL;
}

static double full_entries(const block *b) {
    const rkv_eval_row *row;
    for (size_t i = 0; (row = next_row(b, &i)); i++)
        if (strcmp(setting_of(b, row)->method, "full") == 0) return row->entries;
    return NAN;
}

/* ---- labels: a line for a method and size, and under it a line for each budget ---- */

static bool same_group(const rkv_setting *a, const rkv_setting *b) {
    return a->ratio == b->ratio && a->entries == b->entries && strcmp(a->method, b->method) == 0;
}

static void write_size(FILE *out, const rkv_setting *s) {
    if (s->entries > 0)
        fprintf(out, ", %zu entries", s->entries);
    else if (s->ratio < 1)
        fprintf(out, ", %.4g %%", 100 * s->ratio);
}

/* Text of a setting, made printable; the caller frees it. NULL when memory is short. */
static char *describe(const rkv_setting *s, bool method, bool budget) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) return NULL;
    if (method) write_printable(out, s->method, strlen(s->method));
    if (method) write_size(out, s);
    if (method && budget) fputs(", ", out);
    if (budget && s->budget) write_printable(out, s->budget, strlen(s->budget));
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}

/* A setting whose budget is its method's own stands on the line of the method. */
static char *label_of(const rkv_setting *s) {
    return describe(s, !s->budget, s->budget);
}

static size_t indent_of(const rkv_setting *s) {
    return s->budget ? GAP : 0;
}

/* Writes text in exactly `columns` columns; what is longer ends in an ellipsis. */
static void write_cut(FILE *out, const char *text, size_t columns) {
    size_t length = 0, used = 0;
    if (text_columns(text) <= columns) {
        write_padded(out, text, columns);
        return;
    }
    while (used + 1 < columns) {
        length++;
        while (((unsigned char)text[length] & 0xC0) == 0x80)
            length++;
        used++;
    }
    fprintf(out, "%.*s\u2026", (int)length, text);
}

/* ---- layout ---- */

static void measure_row(block *b, const rkv_eval_row *row) {
    const eval_entry entry = {row, b->full_entries};
    char text[EVAL_CELL_SIZE];
    char *label = label_of(setting_of(b, row));
    size_t columns = indent_of(setting_of(b, row)) + (label ? text_columns(label) : 0);
    if (columns > b->label) b->label = columns;
    free(label);
    for (size_t c = 0; c < EVAL_COLUMNS; c++) {
        eval_columns[c].show(text, &entry);
        if (text_columns(text) > b->columns[c]) b->columns[c] = text_columns(text);
    }
}

static size_t width_of(const block *b) {
    size_t width = b->label;
    for (size_t c = 0; c < EVAL_COLUMNS; c++)
        width += b->columns[c] ? GAP + b->columns[c] : 0;
    return width;
}

/* Leaves out columns until the others fit; false when only the last is left. */
static bool drop_column(block *b) {
    size_t found = EVAL_COLUMNS;
    for (size_t c = 0; c < EVAL_COLUMNS; c++)
        if (b->columns[c] && (found == EVAL_COLUMNS || eval_columns[c].rank > eval_columns[found].rank))
            found = c;
    if (found == EVAL_COLUMNS || eval_columns[found].rank == 0) return false;
    b->columns[found] = 0;
    b->legend->dropped |= 1u << found;
    return true;
}

static void lay_out(block *b) {
    const rkv_eval_row *row;
    b->label = NARROWEST_LABEL;
    for (size_t i = 0; (row = next_row(b, &i)); i++)
        measure_row(b, row);
    if (b->label > WIDEST_LABEL) b->label = WIDEST_LABEL;
    for (size_t c = 0; c < EVAL_COLUMNS; c++)
        if (b->columns[c] && text_columns(eval_columns[c].heading) > b->columns[c])
            b->columns[c] = text_columns(eval_columns[c].heading);
    while (width_of(b) > b->width && drop_column(b)) {
    }
    for (size_t c = 0; c < EVAL_COLUMNS; c++)
        b->legend->shown |= b->columns[c] ? 1u << c : 0;
}

/* ---- writing ---- */

/* Writes a field in its column. Spaces are owed (*owed) until a text follows: no line ends in them. */
static void write_field(FILE *out, const block *b, size_t c, const char *text, cli_style style,
                        size_t *owed) {
    size_t columns = b->columns[c], used = text_columns(text);
    if (columns == 0) return;
    if (used == 0) {
        *owed += GAP + columns;
        return;
    }
    bool words = eval_columns[c].words;
    fprintf(out, "%*s%s%s", (int)(*owed + GAP + (words ? 0 : columns - used)), "", terminal_style(out, style),
            text);
    if (style != STYLE_PLAIN) fputs(terminal_style(out, STYLE_PLAIN), out);
    *owed = words ? columns - used : 0;
}

static void write_title(FILE *out, const block *b, size_t n_windows, size_t n_questions) {
    char text[256];
    fputs(terminal_style(out, STYLE_BOLD), out);
    snprintf(text, sizeof text, "%s: %s", rkv_task_name(b->task), rkv_task_summary(b->task));
    write_wrapped(out, text, b->width, 0);
    fprintf(out, "%s%s", terminal_style(out, STYLE_PLAIN), terminal_style(out, STYLE_DIM));
    snprintf(text, sizeof text, "%s; %zu window%s, %zu question%s%s", rkv_protocol_name(b->protocol),
             n_windows, n_windows == 1 ? "" : "s", n_questions, n_questions == 1 ? "" : "s",
             b->query_aware ? ", read before the cache is compressed" : "");
    write_wrapped(out, text, b->width, 0);
    fputs(terminal_style(out, STYLE_PLAIN), out);
}

/* Rows may have fewer windows while a run goes on: the title tells the most. */
static void write_head(FILE *out, const block *b) {
    const rkv_eval_row *row;
    size_t n_windows = 0, n_questions = 0, owed = 0;
    for (size_t i = 0; (row = next_row(b, &i)); i++) {
        if (row->n_windows > n_windows) n_windows = row->n_windows;
        if (row->n_questions > n_questions) n_questions = row->n_questions;
    }
    write_title(out, b, n_windows, n_questions);
    write_padded(out, "", b->label);
    for (size_t c = 0; c < EVAL_COLUMNS; c++)
        write_field(out, b, c, eval_columns[c].heading, STYLE_BOLD, &owed);
    fputc('\n', out);
}

static void write_group(FILE *out, const block *b, const rkv_setting *s) {
    char *text = describe(s, true, false);
    size_t columns = text ? text_columns(text) : 0;
    if (text) write_cut(out, text, columns < b->width ? columns : b->width);
    fputc('\n', out);
    free(text);
}

static void write_row(FILE *out, const block *b, const rkv_eval_row *row) {
    const rkv_setting *s = setting_of(b, row);
    const eval_entry entry = {row, b->full_entries};
    char text[EVAL_CELL_SIZE];
    char *label = label_of(s);
    size_t indent = indent_of(s), owed = 0;
    fprintf(out, "%*s", (int)indent, "");
    write_cut(out, label ? label : "", b->label - indent);
    for (size_t c = 0; c < EVAL_COLUMNS; c++) {
        eval_columns[c].show(text, &entry);
        bool stands_out = strcmp(text, "better") == 0 || strcmp(text, "worse") == 0;
        write_field(out, b, c, text, stands_out ? STYLE_BOLD : STYLE_PLAIN, &owed);
    }
    fputc('\n', out);
    free(label);
}

static void write_block(FILE *out, block *b) {
    const rkv_setting *before = NULL;
    const rkv_eval_row *row;
    size_t first = 0;
    if (!next_row(b, &first)) return;
    b->full_entries = full_entries(b);
    lay_out(b);
    write_head(out, b);
    for (size_t i = first; (row = next_row(b, &i)); i++) {
        const rkv_setting *s = setting_of(b, row);
        if (s->budget && !(before && before->budget && same_group(before, s))) write_group(out, b, s);
        write_row(out, b, row);
        before = s;
    }
    fputc('\n', out);
}

/* ---- what the columns mean, and what chance alone would do ---- */

static void add_meanings(FILE *out, unsigned shown) {
    const char *separator = "";
    for (size_t c = 0; c < EVAL_COLUMNS; c++) {
        bool tell = eval_columns[c].meaning && (shown >> c & 1);
        for (size_t before = 0; before < c; before++)
            if ((shown >> before & 1) && strcmp(eval_columns[before].heading, eval_columns[c].heading) == 0)
                tell = false;
        if (!tell) continue;
        fprintf(out, "%s%s: %s", separator, eval_columns[c].heading, eval_columns[c].meaning);
        separator = "; ";
    }
    fputc('.', out);
}

static void add_dropped(FILE *out, unsigned dropped) {
    const char *separator = " Left out of some tables for want of room: ";
    for (size_t c = 0; c < EVAL_COLUMNS; c++) {
        if (!(dropped >> c & 1)) continue;
        fprintf(out, "%s%s", separator, eval_columns[c].name);
        separator = ", ";
    }
    if (dropped) fputc('.', out);
}

static void write_legend(FILE *out, const legend *said, size_t width) {
    char *text = NULL;
    size_t length;
    FILE *words = open_memstream(&text, &length);
    if (!words) return;
    add_meanings(words, said->shown);
    add_dropped(words, said->dropped);
    if (fclose(words) == 0) write_wrapped(out, text, width, 0);
    free(text);
}

static void write_caution(FILE *out, const rkv_results *results, size_t width) {
    size_t n = 0;
    double expected = 0;
    char text[256];
    for (size_t i = 0; i < results->n_rows; i++) {
        const rkv_paired *d = &results->rows[i].against_uniform;
        if (!isfinite(d->low)) continue;
        expected += rkv_paired_chance(d->n_below + d->n_above);
        n++;
    }
    if (n == 0) return;
    snprintf(text, sizeof text,
             "%zu comparison%s with uniform: were there no differences at all, up to %.1f would still be "
             "called better or worse (docs/EVALUATION.md).",
             n, n == 1 ? "" : "s", expected);
    write_wrapped(out, text, width, 0);
}

void eval_table_write_within(FILE *out, const rkv_results *results, size_t width) {
    legend legend_of_all = {0};
    for (size_t task = 0; task < RKV_TASK_COUNT; task++)
        for (size_t protocol = 0; protocol < RKV_PROTOCOL_COUNT; protocol++)
            for (int aware = 0; aware < 2; aware++) {
                block b = {.results = results,
                           .legend = &legend_of_all,
                           .protocol = (rkv_protocol)protocol,
                           .task = (rkv_task)task,
                           .query_aware = aware,
                           .width = width};
                write_block(out, &b);
            }
    if (results->n_rows == 0) return;
    fprintf(out, "%s", terminal_style(out, STYLE_DIM));
    write_legend(out, &legend_of_all, width);
    write_caution(out, results, width);
    fprintf(out, "%s", terminal_style(out, STYLE_PLAIN));
}

void eval_table_write(FILE *out, const rkv_results *results) {
    eval_table_write_within(out, results,
                            isatty(fileno(out)) ? terminal_width(out) : (size_t)WITHOUT_TERMINAL);
}
