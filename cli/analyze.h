/* analyze.h: the parts of `rankkv analyze`: what is analysed, what comes out, and how it is told. */
#ifndef RKV_CLI_ANALYZE_H
#define RKV_CLI_ANALYZE_H

#include <stdio.h>

#include <rankkv/rankkv.h>

#include "cli/folder.h"
#include "cli/prompt_tokens.h"

typedef struct analyze_options {
    const char *text, *model;
    prompt_tokens tokens;
    const char *device;
    rkv_precision precision;
    rkv_solver solver;
    rkv_aggregate aggregate; /* of the analysis: as given for the budget */
    rkv_budget_options budget;
    const char *profile;
    bool save_attention;
    rkv_trace_dtype dtype;
    bool heatmaps, html;
    const char *kept, *kept_policies; /* lists; NULL: ours */
    size_t memory_mib;
    rkv_heatmap_options figure;
    const char *folder;
    bool force, dry_run, json, quiet;
} analyze_options;

/* ---- analyze_sources.c: what is analysed ---- */

/* One prompt or trace. */
typedef struct cli_source {
    const char *path; /* borrowed; NULL: --text */
    bool standard_input;
    char *name;  /* of its outputs, no two alike */
    char *bytes; /* [length], of a text */
    size_t length;
    rkv_trace *trace; /* NULL: a text */
    int32_t *ids;     /* [n_tokens], of a text once tokenized */
    char **token_text;
    size_t n_tokens;
} cli_source;

typedef struct cli_sources {
    cli_source *at;
    size_t n;
    char **samples; /* [n_samples] paths, when no prompt was given */
    size_t n_samples;
    rkv_model *model; /* NULL when there are only traces */
} cli_sources;

/* Reads what was named (all of it, so that a missing file is told before the work), opens the model,
 * tokenizes, and tries the budgets. */
rkv_status sources_open(cli_sources *sources, const analyze_options *options, char **paths, size_t n_paths);
void sources_close(cli_sources *sources);

/* How many from the first on are worked on together: a trace alone, prompts as many as follow one another. */
size_t sources_together(const cli_sources *sources, size_t first);

/* ---- analyze_watch.c: what watches the layers of a prompt go by ---- */

#define TRACE_NAME "trace.h5"

/* Start from {0}. */
typedef struct cli_watcher {
    const cli_folder *folder;
    rkv_trace_writer *writer;  /* NULL: no trace */
    rkv_report_layers *layers; /* NULL: no page */
    rkv_sheet *sheet;          /* NULL: no pictures */
    rkv_heatmap_options figure;
    double *erank; /* [L, H] for the titles; the sheet reads it as it fills, layer by layer */
} cli_watcher;

rkv_status watcher_begin(cli_watcher *watcher, const cli_folder *folder, const cli_source *source,
                         const rkv_model_info *model, const analyze_options *options);
/* Who sees the layers for it, a cli_watcher in hand; NULL: the options ask for nothing of them. */
rkv_layer_fn watcher_of(const analyze_options *options);
/* Frees what it holds; fine twice. */
void watcher_end(cli_watcher *watcher);

/* ---- analyze_outputs.c: what comes out ---- */

/* What one source is becoming. */
typedef struct cli_making {
    const cli_source *source;
    cli_folder folder;
    cli_watcher watcher;
    bool told; /* why it fails stands on stderr already */
} cli_making;

/* What one source became. */
typedef struct cli_result {
    rkv_analysis *analysis;
    rkv_budget *budget;
    char *folder; /* where its files are */
} cli_result;

/* Refuses, before the work, folders that are taken, and a destination where nothing can be written. */
rkv_status outputs_check(const cli_sources *sources, const analyze_options *options);

/* Before a source's analysis; its folder appears whole, at the end, or not at all. */
rkv_status making_begin(cli_making *making, const cli_source *source, const rkv_model_info *model,
                        const analyze_options *options);
/* After it: the analysis, which is the result's from now on, becomes files. */
rkv_status making_end(cli_making *making, rkv_analysis *analysis, rkv_model *model,
                      const analyze_options *options, cli_result *result);
/* When it comes to no end; fine after it, and on {0}. */
void making_drop(cli_making *making);

void result_clear(cli_result *result);

/* ---- analyze_all.c ---- */

/* Called with each result, in their order. */
typedef rkv_status (*cli_result_fn)(const cli_sources *sources, const cli_result *results, size_t i);

/* Analyses all sources: results [sources->n], which the caller clears. done may be NULL. */
rkv_status analyze_all(cli_result *results, const cli_sources *sources, const analyze_options *options,
                       cli_result_fn done);

/* analyze_page.c: writes the page of a result to path. */
rkv_status analyze_page_save(const cli_result *result, const cli_source *source, rkv_model *model,
                             const rkv_report_layers *layers, const analyze_options *options,
                             const char *path);

/* analyze_dry_run.c: tells what memory each prompt would take, and takes none. RKV_NO_MEMORY: one does not
 * fit. */
rkv_status analyze_dry_run(const cli_sources *sources, const analyze_options *options);

/* Refuses lists that cannot be. */
rkv_status analyze_page_check(const analyze_options *options);

/* Lists the files of a result, with a word on each. */
void outputs_list(FILE *out, const cli_result *result);

#endif
