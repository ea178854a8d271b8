/* eval.h: the parts of `rankkv eval`: what it is given, the run, and what is told of it. */
#ifndef RKV_CLI_EVAL_H
#define RKV_CLI_EVAL_H

#include <stdio.h>

#include <rankkv/rankkv.h>

#include "cli/json.h"
#include "cli/list.h"
#include "cli/option.h"

typedef struct eval_options {
    cli_list texts; /* files */
    const char *windows_file, *model, *device;
    rkv_cut cut; /* context 0, continuation 0, count SIZE_MAX: not given */
    const char *tasks;
    size_t copy_start;
    const char *depths;
    size_t pairs;
    bool query_aware;
    const char *methods, *policies, *ratios, *entries, *protocols, *profile;
    uint64_t seed;
    size_t generate, memory_mib;
    const char *folder;
    bool resume, force, no_charts, html, dry_run, json, quiet;
} eval_options;

/* They write into an eval_options. */
extern const option_row eval_text_rows[], eval_ready_rows[], eval_task_rows[], eval_hidden_rows[],
    eval_grid_rows[], eval_output_rows[], eval_page_rows[];

/* ---- eval_inputs.c: windows and settings ---- */

typedef struct eval_inputs {
    rkv_model *model;
    char *text; /* what windows are made of, for people */
    rkv_windows windows;
    cli_parts methods, policies; /* what settings point to */
    rkv_setting *settings;       /* [n_settings] */
    size_t n_settings;
    rkv_profile *profile; /* NULL: none */
} eval_inputs;

/* Refuses options that contradict one another, reads everything that was named, opens the model, cuts windows
 * and lists settings. */
rkv_status eval_inputs_open(eval_inputs *inputs, const eval_options *options);
void eval_inputs_close(eval_inputs *inputs);

/* eval_windows.c: fills inputs->windows and text. */
rkv_status eval_windows_make(eval_inputs *inputs, const eval_options *options);

/* Sets inputs->text anew, by the windows that are there. */
rkv_status eval_windows_describe(eval_inputs *inputs, const eval_options *options);

/* ---- eval_run.c: the run, from its folder to its results ---- */

/* What a folder holds beside the journal and windows.json. */
#define EVAL_RESULTS  "results.json"
#define EVAL_ROWS     "rows.csv"
#define EVAL_CELLS    "cells.csv"
#define EVAL_CHARTS   "charts"
#define EVAL_ANALYSES "analyses"

/* eval_replace.c: removes all files of these that `eval` writes, and no other. */
rkv_status eval_remove_outputs(const char *folder);

/* What stands in the folder is gone on with, or replaced, only when that was asked for. */
rkv_status eval_check_folder(const eval_options *options);

/* Measures what the folder's journal lacks, then makes *results, which the caller frees. RKV_CANCELLED after
 * a signal: the journal has what was done. */
rkv_status eval_run(const eval_inputs *inputs, const eval_options *options, rkv_results **results);

/* What both ask of the library, the profile and the amounts: without a journal and whoever is told. */
rkv_eval_options eval_how(const eval_inputs *inputs, const eval_options *options);

/* ---- eval_dry_run.c: what memory it would take ---- */

/* One of the evaluations of a command, for people and as an element of `evaluations`. */
typedef struct eval_foretold {
    const char *name;
    const eval_inputs *inputs;
    rkv_eval_needs needs;
} eval_foretold;

/* Fills in what the evaluation of f->inputs would take. */
rkv_status eval_foretell(eval_foretold *f, const eval_options *options);
void eval_foretold_tell(const eval_foretold *f);
void eval_foretold_json(cli_json *json, const eval_foretold *f);
/* RKV_NO_MEMORY, told, when it does not fit. */
rkv_status eval_foretold_judge(const eval_foretold *f);

/* All of that for `rankkv eval --dry-run`; computes nothing. */
rkv_status eval_dry_run(const eval_inputs *inputs, const eval_options *options);

/* Writes results.json, rows.csv, cells.csv and charts into the folder. */
rkv_status eval_write(const rkv_results *results, const eval_options *options);

/* eval_page.c: with --html, report.html too. */
rkv_status eval_page_write(const rkv_results *results, const eval_inputs *inputs,
                           const eval_options *options);

#endif
