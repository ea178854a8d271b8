/* run.h: the parts of `rankkv run`: what it is given, the generation, and what is told of it. */
#ifndef RKV_CLI_RUN_H
#define RKV_CLI_RUN_H

#include <stdio.h>

#include <rankkv/rankkv.h>

#include "cli/choices.h"
#include "cli/json.h"
#include "cli/prompt_tokens.h"

typedef struct run_options {
    const char *text, *model, *device;
    prompt_tokens tokens;
    const char *method, *adaptive, *config;
    size_t budget;
    double ratio;
    const char *budgets;
    rkv_hold hold;
    size_t interval;
    rkv_group_score group_score;
    rkv_positions positions;
    rkv_generate_options generate;
    const char *trace, *chart;
    bool verify, compare, per_layer, dry_run, json, quiet;
} run_options;

/* ---- run_inputs.c: what it is given ---- */

typedef struct run_inputs {
    char *name; /* of the prompt */
    rkv_model *model;
    int32_t *ids; /* [n_tokens] of the prompt */
    size_t n_tokens;
    char *method;        /* the specification, with the options of --config; NULL: --adaptive */
    rkv_budget *budgets; /* NULL: --budgets was not given */
} run_inputs;

/* Refuses options that contradict one another; reads everything that was named (so that a missing file is
 * told before the work), opens the model, tokenizes. */
rkv_status run_inputs_open(run_inputs *inputs, const run_options *options, char **paths, size_t n_paths);
void run_inputs_close(run_inputs *inputs);

/* The method for people: its specification, or the schedule of --adaptive. */
const char *run_method_label(const run_inputs *inputs, const run_options *options);

/* ---- run_stream.c: the text, as it is made ---- */

typedef struct run_stream {
    FILE *out;
    bool harmless;   /* on a terminal and among messages: nothing acts on a terminal, characters are whole */
    char waiting[4]; /* [n_waiting] the beginning of a character */
    size_t n_waiting;
    char last; /* byte that was written; '\n' at first */
} run_stream;

run_stream run_stream_begin(FILE *out);
/* RKV_IO, told, when out cannot be written. */
rkv_status run_stream_add(run_stream *stream, const char *bytes, size_t length);
/* Writes what waits, and ends the line. */
rkv_status run_stream_end(run_stream *stream);

/* ---- run_chart.c: --chart ---- */

/* What is kept of the cache's lengths, however many steps there are. */
enum { RUN_POINTS = 2048 };

/* Lengths over all heads and the steps of one point. */
typedef struct run_point {
    double sum;
    size_t n, shortest, longest;
} run_point;

typedef struct run_lengths {
    run_point *points; /* [n] of RUN_POINTS; NULL: not asked for */
    size_t n;
    size_t stride; /* steps of a point: 1, and twice as many whenever the points are full */
} run_lengths;

rkv_status run_lengths_begin(run_lengths *lengths);
void run_lengths_add(run_lengths *lengths, const rkv_cache_event *event);
void run_lengths_clear(run_lengths *lengths);

/* ---- run_generate.c: the generation ---- */

/* One head's cache as it is at the end. */
typedef struct run_head {
    size_t n, bytes, kv_bytes, budget;
    char note[96];
} run_head;

/* What came of one run. Start from {0}. */
typedef struct run_result {
    int32_t *ids; /* [n] new tokens */
    size_t n, capacity;
    char *text; /* [length] of them, without the end-of-text token */
    size_t length;
    bool ended;      /* the model ended the text */
    bool stopped;    /* a signal did */
    double first_s;  /* from the prompt's first layer to the first token: reading, compressing, drawing */
    double decode_s; /* from the first token to the last */
    rkv_cache_stats stats;
    run_head *heads;     /* [L, G] */
    run_lengths lengths; /* with --chart */
} run_result;

/* How a run is shown while it goes on. */
typedef struct run_show {
    const char *label;  /* of the progress bar */
    run_stream *stream; /* NULL: the text is not shown yet */
    bool heads;         /* tell what the method says of each head */
    const char *trace;  /* path; NULL: none */
} run_show;

/* What the options ask of a session; nobody watches it yet. method NULL: --adaptive. */
rkv_session_options run_session_options(const run_inputs *inputs, const run_options *options,
                                        const char *method);
/* As said, but what is wrong with budgets from a file is told with the file's name. */
rkv_status run_said(rkv_status status, const run_options *options);

/* Generates after the prompt under method (NULL: --adaptive). After a signal, what there is until then is in
 * result, and the status is RKV_CANCELLED. */
rkv_status run_generate(run_result *result, const run_inputs *inputs, const char *method,
                        const run_options *options, const run_show *show);
void run_result_clear(run_result *result);

/* The options of the run beside it, with the full cache. */
run_options run_options_of_full(const run_options *options);

/* ---- run_dry_run.c: what memory it would take ---- */

/* Tells it, and computes nothing. RKV_NO_MEMORY: it does not fit. */
rkv_status run_dry_run(const run_inputs *inputs, const run_options *options);
/* RKV_NO_MEMORY, told, where a device's memory would run out. */
rkv_status run_check_memory(const run_inputs *inputs, const run_options *options);

/* ---- run_trace.c: --trace-cache ---- */

typedef struct run_trace {
    rkv_cache_trace *file; /* NULL: standard output, or none */
    bool to_stdout;
} run_trace;

rkv_status run_trace_begin(run_trace *trace, const char *path);        /* "-": standard output */
rkv_status run_trace_event(void *trace, const rkv_cache_event *event); /* an rkv_cache_event_fn */
/* Puts the file into place: whole steps, also of a run that a signal ended. */
rkv_status run_trace_end(run_trace *trace);
void run_trace_abandon(run_trace *trace);

/* ---- run_chart.c, run_report.c, run_compare.c, run_json.c: what is told ---- */

/* Draws the lengths of one run, or of both, into options->chart. */
rkv_status run_chart_save(const run_result *result, const run_result *full, const run_inputs *inputs,
                          const run_options *options);

/* What a method says of each head after the prompt, a line each; nothing of methods that say nothing. */
void run_report_heads(FILE *out, const rkv_session *session, const rkv_model_info *model);
void run_report_summary(FILE *out, const run_result *result, const run_inputs *inputs, const char *label);
void run_report_layers(FILE *out, const run_result *result, const rkv_model_info *model);

/* Both texts side by side, and where they part. */
void run_compare_write(FILE *out, const run_result *result, const run_result *full, const run_inputs *inputs,
                       const char *label);
/* Tokens that both begin with. */
size_t run_compare_same(const run_result *a, const run_result *b);

/* The document; full is NULL without --compare. */
void run_json_write(FILE *out, const run_result *result, const run_result *full, const run_inputs *inputs,
                    const run_options *options);

#endif
