/* bench.h: the parts of `rankkv bench`: what it is given, one case in a process of its own, the rounds, and
 * what is told of them. */
#ifndef RKV_CLI_BENCH_H
#define RKV_CLI_BENCH_H

#include <stdint.h>
#include <stdio.h>

#include <rankkv/rankkv.h>

#include "cli/folder.h"
#include "cli/json.h"
#include "cli/option.h"

/* ---- bench_case.c: one case ---- */

/* What one process measures. */
typedef struct bench_case {
    const char *model, *device; /* model NULL: the default one */
    const char *method;         /* a specification */
    const char *policy;         /* a budget specification; NULL: the same budget for every head */
    const char *profile;        /* signals for it; NULL: none */
    size_t context;             /* tokens of the prompt */
    size_t new_tokens, warm_up;
    size_t budget; /* entries per KV head; 0: not given */
    double ratio;  /* of the prompt; 0: not given */
    uint64_t seed;
    rkv_hold hold;
} bench_case;

/* The rows of `rankkv bench-case`, which the program starts itself with. */
extern const option_row bench_case_rows[];

/* What is measured of one case. */
typedef enum bench_field {
    BENCH_TTFT_S,
    BENCH_ANALYSIS_S,
    BENCH_TPOT_S,
    BENCH_COMPRESS_S,
    BENCH_ENTRIES,
    BENCH_CACHE_BYTES,
    BENCH_KV_BYTES,
    BENCH_FULL_BYTES_16,
    BENCH_END_ENTRIES,
    BENCH_END_CACHE_BYTES,
    BENCH_CACHE_PEAK_BYTES,
    BENCH_BASELINE_BYTES,
    BENCH_PEAK_BYTES,
    BENCH_THREADS,
    BENCH_N_FIELDS
} bench_field;

typedef struct bench_sample {
    double at[BENCH_N_FIELDS]; /* NaN: not measured */
    char device[64];           /* that it was measured on */
} bench_sample;

/* What a case asks of a session; budgets may be NULL. */
rkv_session_options bench_case_session(const bench_case *c, const rkv_budget *budgets);

/* Its policy, read with the profile, which the caller frees, as *signal with rkv_free. */
rkv_status bench_case_policy(const bench_case *c, rkv_budget_options *how, rkv_profile **profile,
                             char **signal);

/* Measures a case on the tokens that come from standard input: int32_t ids [context]. */
rkv_status bench_case_measure(const bench_case *c, bench_sample *out);

/* ---- bench_sample.c: what is measured, as text ---- */

/* Name in files. */
const char *bench_field_name(bench_field field);

/* The sample as a document on `out`, and back: false when text is none. */
void bench_sample_write(FILE *out, const bench_sample *sample);
bool bench_sample_read(const char *text, bench_sample *sample);
/* Its numbers as members of an object. */
void bench_sample_members(cli_json *json, const bench_sample *sample);

/* ---- bench_child.c: a case in a process of its own ---- */

/* Starts the program anew for one case. ids: a descriptor of a file with its tokens. Afterwards either sample
 * is filled and *reason is NULL, or *reason says why the case could not be measured (the caller frees it) and
 * *failure is the process's own status. tick is called a few times a second. RKV_CANCELLED: a signal came;
 * the process is gone. */
rkv_status bench_child_run(const bench_case *c, int ids, void (*tick)(void *user), void *user,
                           bench_sample *sample, char **reason, rkv_status *failure);

/* ---- bench_text.c: the text ---- */

typedef struct bench_text {
    char *name;      /* of the file, or "samples" */
    size_t n_tokens; /* of the text */
    bool repeated;   /* it begins anew where a context is longer */
    int ids;         /* descriptor of a file without a name: int32_t [longest context] */
} bench_text;

/* Reads path (NULL: the sample prompts, one after the other) and writes its tokens, again and again up to
 * `longest`. */
rkv_status bench_text_open(bench_text *text, const char *path, const rkv_model *model, size_t longest);
void bench_text_close(bench_text *text);

/* ---- the command ---- */

typedef struct bench_kv_options {
    const char *shape, *file; /* one of them asks for this part of the benchmark */
    size_t outliers;
    double outlier_scale;
} bench_kv_options;

typedef struct bench_options {
    bench_kv_options kv;
    bench_case each; /* what all cases have in common */
    const char *text, *contexts;
    cli_list methods;
    bool compare_all;
    size_t repeats;
    const char *folder;
    bool force, dry_run, json, quiet;
} bench_options;

/* ---- bench_dry_run.c: what memory it would take ---- */

typedef struct bench_report bench_report;
/* Tells it for each case of the report, and computes nothing. RKV_NO_MEMORY: one of them does not fit. */
rkv_status bench_dry_run(const bench_report *report);
/* Without a model nothing is foretold, and that is told. */
rkv_status bench_kv_dry_run(const bench_options *options);

/* ---- bench_kv.c: without a model ---- */

extern const option_row bench_kv_rows[];
rkv_status bench_kv_run(const bench_options *options);

/* ---- bench_plan.c: which cases ---- */

/* A case, and what came of it: samples[i] is of round i. A case that failed is not tried again. */
typedef struct bench_row {
    bench_case c;
    bench_sample *samples; /* [n] of [repeats] */
    size_t n;
    char *reason; /* why it failed, in round n; NULL: it did not */
} bench_row;

struct bench_report {
    const char *device; /* that cases are given */
    const bench_options *options;
    rkv_model *model; /* its description and tokenizer alone */
    bench_text text;
    cli_list methods; /* the first is full */
    size_t *contexts; /* [n_contexts] ascending */
    size_t n_contexts;
    bench_row *rows; /* [n_contexts, methods.n] */
    size_t n_rows;
    char date[32];    /* when it began, UTC */
    double seconds;   /* that it took */
    rkv_status worst; /* of the cases that failed */
    bool stopped;     /* a signal came */
};

/* Checks what was asked for, opens what is needed for it, lists the cases. */
rkv_status bench_plan(bench_report *report, const bench_options *options, const char *path);
void bench_report_clear(bench_report *report);

/* The row that a row is held against: full, of the same context. */
const bench_row *bench_full_row(const bench_report *report, const bench_row *row);

/* What the cases were measured on; "" when nothing was. */
const char *bench_device(const bench_report *report);

/* Runs of the report that have a result, and all of them. */
size_t bench_runs_done(const bench_report *report);
size_t bench_runs(const bench_report *report);

/* ---- bench_rounds.c: all cases, round by round ---- */

/* Every case in turn, `repeats` times over. RKV_CANCELLED: a signal came; what is done is in the report. */
rkv_status bench_rounds(bench_report *report);

/* ---- bench_figures.c: what the samples of a row say ---- */

/* Median (of an even number: the mean of the two in the middle), least and most; NaN: nothing measured. */
typedef struct bench_spread {
    double median, least, most;
} bench_spread;

/* Of values [n], those that are NaN left out; values are sorted in place. */
bench_spread bench_spread_of(double *values, size_t n);
bench_spread bench_row_spread(const bench_row *row, bench_field field);
/* Of the ratios to another row, round by round. */
bench_spread bench_row_ratio(const bench_row *row, const bench_row *to, bench_field field);

/* ---- what is told ---- */

void bench_table_write(FILE *out, const bench_report *report);
void bench_json_write(FILE *out, const bench_report *report);
void bench_csv_write(FILE *out, const bench_report *report);

/* Writes NAME.png and NAME.svg of each chart into a folder; where none can be drawn, that is noted. */
rkv_status bench_charts_save(const bench_report *report, const cli_folder *folder);
/* Whether a file of this name is one of them. */
bool bench_chart_is_ours(const char *name);

/* Refuses a folder that is there already, or that cannot be made, before the work. */
rkv_status bench_files_check(const bench_options *options);
/* bench.json, bench.csv and the charts, into the folder of the options. */
rkv_status bench_files_write(const bench_report *report);

/* ---- bench_model.c: all of `rankkv bench` on a model ---- */

/* path NULL: --text-file, or the sample prompts. */
rkv_status bench_model_run(const bench_options *options, const char *path);

#endif
