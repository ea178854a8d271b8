/* bench_table.c: what `rankkv bench` measured, as a table for people. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/machine.h"
#include "cli/terminal.h"

enum { CELL = 64, MIB = 1 << 20, LEFT_COLUMNS = 2 };

/* ---- cells ---- */

typedef void (*cell_fn)(char cell[CELL], const bench_row *row, const bench_row *full);

static void method_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    snprintf(cell, CELL, "%s", row->c.method);
}

static void context_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    snprintf(cell, CELL, "%zu", row->c.context);
}

/* "0.512 [0.498, 0.530]"; nothing where nothing was measured. */
static void write_spread(char cell[CELL], bench_spread s, double unit, int digits) {
    if (isnan(s.median))
        snprintf(cell, CELL, "-");
    else
        snprintf(cell, CELL, "%.*f [%.*f, %.*f]", digits, s.median * unit, digits, s.least * unit, digits,
                 s.most * unit);
}

static void write_one(char cell[CELL], double value, int digits) {
    if (isnan(value))
        snprintf(cell, CELL, "-");
    else
        snprintf(cell, CELL, "%.*f", digits, value);
}

static void kept_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    write_one(cell, bench_row_spread(row, BENCH_ENTRIES).median, 1);
}

static void ttft_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    write_spread(cell, bench_row_spread(row, BENCH_TTFT_S), 1, 3);
}

static void ttft_ratio_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    write_one(cell, bench_row_ratio(row, full, BENCH_TTFT_S).median, 2);
}

static void analysis_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    write_one(cell, bench_row_spread(row, BENCH_ANALYSIS_S).median, 3);
}

static void tpot_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    write_spread(cell, bench_row_spread(row, BENCH_TPOT_S), 1e3, 2);
}

static void tpot_ratio_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    write_one(cell, bench_row_ratio(row, full, BENCH_TPOT_S).median, 2);
}

static void speed_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    write_one(cell, 1 / bench_row_spread(row, BENCH_TPOT_S).median, 1);
}

static void cache_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    write_one(cell, bench_row_spread(row, BENCH_CACHE_BYTES).median / MIB, 2);
}

static void baseline_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    write_one(cell, bench_row_spread(row, BENCH_BASELINE_BYTES).median / MIB, 0);
}

static void peak_cell(char cell[CELL], const bench_row *row, const bench_row *full) {
    (void)full;
    write_one(cell, bench_row_spread(row, BENCH_PEAK_BYTES).median / MIB, 0);
}

static const struct column {
    const char *title;
    cell_fn write;
    bool of_analysis; /* there only when something was analysed */
} columns[] = {
    {"method", method_cell, false},       {"context", context_cell, false},
    {"kept", kept_cell, false},           {"TTFT s", ttft_cell, false},
    {"/ full", ttft_ratio_cell, false},   {"analysis s", analysis_cell, true},
    {"TPOT ms", tpot_cell, false},        {"/ full", tpot_ratio_cell, false},
    {"tokens/s", speed_cell, false},      {"cache MiB", cache_cell, false},
    {"before MiB", baseline_cell, false}, {"peak MiB", peak_cell, false},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

/* ---- the table ---- */

/* Width of each column; 0: not shown. */
static void measure_columns(size_t width[N_COLUMNS], const bench_report *report) {
    bool analysed = report->options->each.policy != NULL;
    char cell[CELL];
    for (size_t i = 0; i < N_COLUMNS; i++) {
        width[i] = columns[i].of_analysis && !analysed ? 0 : text_columns(columns[i].title);
        for (size_t r = 0; width[i] && r < report->n_rows; r++) {
            columns[i].write(cell, &report->rows[r], bench_full_row(report, &report->rows[r]));
            if (text_columns(cell) > width[i]) width[i] = text_columns(cell);
        }
    }
}

/* Numbers stand right, words left. */
static void write_cell(FILE *out, const char *cell, size_t i, size_t width) {
    if (width == 0) return;
    fputs(i ? "  " : "", out);
    int pad = (int)(width - text_columns(cell));
    if (i > 0) fprintf(out, "%*s", pad, "");
    write_printable(out, cell, strlen(cell));
    if (i == 0) fprintf(out, "%*s", pad, "");
}

/* A case without a result has the reason in its place. */
static void write_row(FILE *out, const bench_report *report, const bench_row *row,
                      const size_t width[N_COLUMNS]) {
    char cell[CELL];
    size_t n = row->n ? (size_t)N_COLUMNS : (size_t)LEFT_COLUMNS;
    for (size_t i = 0; i < n; i++) {
        columns[i].write(cell, row, bench_full_row(report, row));
        write_cell(out, cell, i, width[i]);
    }
    if (row->n == 0) fprintf(out, "  %s", row->reason ? "failed: " : "not measured");
    if (row->n == 0 && row->reason) write_printable(out, row->reason, strlen(row->reason));
    fputc('\n', out);
}

static void write_table(FILE *out, const bench_report *report) {
    size_t width[N_COLUMNS];
    measure_columns(width, report);
    fputs(terminal_style(out, STYLE_BOLD), out);
    for (size_t i = 0; i < N_COLUMNS; i++)
        write_cell(out, columns[i].title, i, width[i]);
    fprintf(out, "%s\n", terminal_style(out, STYLE_PLAIN));
    for (size_t i = 0; i < report->n_rows; i++) {
        if (i > 0 && i % report->methods.n == 0) fputc('\n', out);
        write_row(out, report, &report->rows[i], width);
    }
}

/* ---- around it ---- */

static void write_head(FILE *out, const bench_report *report) {
    const rkv_model_info *info = rkv_model_get_info(report->model);
    cli_machine machine = machine_describe();
    const bench_options *options = report->options;
    write_printable(out, info->name, strlen(info->name));
    fprintf(out, " (%s)%s%s, %s\n", info->file_type, *bench_device(report) ? " on " : "",
            bench_device(report), machine.cpu);
    fputs("text: ", out);
    write_printable(out, report->text.name, strlen(report->text.name));
    fprintf(out, ", %zu tokens%s; %zu new tokens\n", report->text.n_tokens,
            report->text.repeated ? ", begun anew where the context is longer" : "",
            options->each.new_tokens);
    if (options->each.policy) fprintf(out, "budgets: %s\n", options->each.policy);
    fputc('\n', out);
}

/* Cases that failed after a result stand in the table with what there is, and here. */
static void write_foot(FILE *out, const bench_report *report) {
    char text[512];
    snprintf(text, sizeof text,
             "Medians of %zu round%s, each case in a process of its own [least, most]. TTFT: from the prompt "
             "to the first token%s; TPOT: mean time of a token after it; \"/ full\": median of the ratios to "
             "the full cache in the same round. kept: entries per KV head after the prompt; cache: bytes "
             "allocated then; before, peak: memory of the process, a GPU's apart, before the prompt and at most.",
             report->options->repeats, report->options->repeats == 1 ? "" : "s",
             report->options->each.policy ? ", analysis included" : "");
    fputc('\n', out);
    write_wrapped(out, text, terminal_width(out), 0);
    for (size_t i = 0; i < report->n_rows; i++) {
        const bench_row *row = &report->rows[i];
        if (!row->reason || row->n == 0) continue;
        write_printable(out, row->c.method, strlen(row->c.method));
        fprintf(out, " at %zu tokens failed in round %zu: ", row->c.context, row->n + 1);
        write_printable(out, row->reason, strlen(row->reason));
        fputc('\n', out);
    }
}

void bench_table_write(FILE *out, const bench_report *report) {
    write_head(out, report);
    write_table(out, report);
    write_foot(out, report);
}
