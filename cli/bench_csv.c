/* bench_csv.c: bench.csv: a line for each case of `rankkv bench`. */
#include <math.h>

#include "cli/bench.h"
#include "cli/choices.h"

/* What varies from round to round has three columns: NAME, NAME_least, NAME_most. */
static const struct csv_column {
    bench_field field;
    bool varies;
} columns[] = {{BENCH_TTFT_S, true},           {BENCH_ANALYSIS_S, true},        {BENCH_TPOT_S, true},
               {BENCH_COMPRESS_S, true},       {BENCH_ENTRIES, false},          {BENCH_CACHE_BYTES, false},
               {BENCH_KV_BYTES, false},        {BENCH_FULL_BYTES_16, false},    {BENCH_END_ENTRIES, false},
               {BENCH_END_CACHE_BYTES, false}, {BENCH_CACHE_PEAK_BYTES, false}, {BENCH_BASELINE_BYTES, true},
               {BENCH_PEAK_BYTES, true},       {BENCH_THREADS, false}};
enum { N_COLUMNS = sizeof columns / sizeof *columns };
_Static_assert((int)N_COLUMNS == (int)BENCH_N_FIELDS, "every field has a column");

/* Quoted always: specifications have commas, reasons may have anything. */
static void write_text(FILE *out, const char *text) {
    fputc('"', out);
    for (; text && *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* Empty where there is none. */
static void write_number(FILE *out, double value) {
    if (isnan(value))
        fputc(',', out);
    else
        fprintf(out, ",%.9g", value);
}

static void write_spread(FILE *out, bench_spread s, bool varies) {
    write_number(out, s.median);
    if (varies) write_number(out, s.least);
    if (varies) write_number(out, s.most);
}

static void write_title(FILE *out, const char *name, bool varies) {
    fprintf(out, ",%s", name);
    if (varies) fprintf(out, ",%s_least,%s_most", name, name);
}

static void write_row(FILE *out, const bench_row *row, const bench_row *full) {
    write_text(out, row->c.method);
    fprintf(out, ",%zu,", row->c.context);
    write_text(out, row->c.policy);
    fprintf(out, ",%s,%zu", choices_hold.name(row->c.hold), row->n);
    for (size_t i = 0; i < N_COLUMNS; i++)
        write_spread(out, bench_row_spread(row, columns[i].field), columns[i].varies);
    write_spread(out, bench_row_ratio(row, full, BENCH_TTFT_S), true);
    write_spread(out, bench_row_ratio(row, full, BENCH_TPOT_S), true);
    fputc(',', out);
    write_text(out, row->reason);
    fputc('\n', out);
}

void bench_csv_write(FILE *out, const bench_report *report) {
    fputs("method,context,policy,hold,n_samples", out);
    for (size_t i = 0; i < N_COLUMNS; i++)
        write_title(out, bench_field_name(columns[i].field), columns[i].varies);
    write_title(out, "ttft_to_full", true);
    write_title(out, "tpot_to_full", true);
    fputs(",failure\n", out);
    for (size_t i = 0; i < report->n_rows; i++)
        write_row(out, &report->rows[i], bench_full_row(report, &report->rows[i]));
}
