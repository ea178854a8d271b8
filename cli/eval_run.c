/* eval_run.c: a run of `rankkv eval` in its folder: journal, results, charts. */
#include <stdlib.h>
#include <string.h>

#include "cli/eval.h"
#include "cli/folder.h"
#include "cli/message.h"
#include "cli/progress.h"

#define JOURNAL "cells.jsonl"

/* ---- the folder ---- */

rkv_status eval_check_folder(const eval_options *options) {
    char *journal = NULL;
    rkv_status status = join_path(&journal, options->folder, JOURNAL);
    if (!status && !options->resume && !options->force && path_is_taken(journal))
        status = complain(RKV_CANNOT_CREATE,
                          "%s: is there already: --resume goes on with it, --force replaces it", journal);
    free(journal);
    return status;
}

static rkv_status save_windows(const eval_inputs *inputs, const eval_options *options) {
    char *path = NULL;
    rkv_status status = join_path(&path, options->folder, "windows.json");
    if (!status) status = said(rkv_windows_save(&inputs->windows, path));
    free(path);
    return status;
}

/* ---- measuring ---- */

static rkv_status open_journal(const eval_inputs *inputs, const rkv_eval_options *eval, const char *path,
                               bool resume, rkv_journal **journal) {
    char *description = NULL;
    rkv_status status =
        rkv_eval_describe(rkv_model_get_info(inputs->model), rkv_model_device(inputs->model),
                          &inputs->windows, inputs->settings, inputs->n_settings, eval, &description);
    if (!status) status = rkv_journal_open(journal, path, description, resume);
    rkv_free(description);
    if (status != RKV_DATA) return said(status);
    return complain(status, "%s (--force replaces it, another --output leaves it)", rkv_message());
}

static void note_stop(rkv_journal *journal, const char *path) {
    size_t n;
    rkv_journal_cells(journal, &n);
    note("%zu cells are kept in %s: --resume goes on", n, path);
}

static rkv_status measure(const eval_inputs *inputs, const rkv_eval_options *eval, rkv_journal *journal,
                          const char *path) {
    rkv_status status =
        said(rkv_eval_run(inputs->model, &inputs->windows, inputs->settings, inputs->n_settings, eval));
    progress_erase();
    if (status) note_stop(journal, path);
    return status;
}

static rkv_status collect(const eval_inputs *inputs, const eval_options *options, rkv_journal *journal,
                          rkv_results **results) {
    size_t n;
    const rkv_cell *cells = rkv_journal_cells(journal, &n);
    const rkv_results_origin origin = {.device = rkv_journal_device(journal),
                                       .version = rkv_journal_version(journal),
                                       .text = inputs->text,
                                       .profile = options->profile,
                                       .seed = options->seed};
    return said(rkv_results_make(results, rkv_model_get_info(inputs->model), &inputs->windows,
                                 inputs->settings, inputs->n_settings, cells, n, &origin));
}

/* A damaged journal is told of now, not when all else is measured. */
static rkv_status check_cells(const eval_inputs *inputs, rkv_journal *journal, const char *path) {
    size_t n;
    const rkv_cell *cells = rkv_journal_cells(journal, &n);
    for (size_t i = 0; i < n; i++) {
        const rkv_cell *c = &cells[i];
        if (c->setting >= inputs->n_settings || c->window >= inputs->windows.n ||
            c->question >= inputs->windows.items[c->window].n_questions)
            return complain(RKV_DATA,
                            "%s: has a cell of setting %zu, window %zu, question %zu: the run has none", path,
                            c->setting, c->window, c->question);
    }
    return RKV_OK;
}

/* Nothing is written before all that can be refused was refused: the journal, which may be another run's, or
 * being written by one, comes first. With --force what another run made would pass for this one's, if this
 * one does not make it, or is stopped before. */
static rkv_status prepare_folder(const eval_inputs *inputs, const eval_options *options,
                                 const rkv_eval_options *eval, const char *path, rkv_journal **journal) {
    bool replaces = options->force && path_is_taken(path);
    rkv_status status = eval_check_folder(options);
    if (!status)
        status =
            said(rkv_eval_check(inputs->model, &inputs->windows, inputs->settings, inputs->n_settings, eval));
    if (!status) status = folder_make(options->folder);
    if (!status) status = folder_make(eval->analyses);
    if (!status) status = open_journal(inputs, eval, path, options->resume, journal);
    if (!status) status = check_cells(inputs, *journal, path);
    if (!status && replaces) status = eval_remove_outputs(options->folder);
    return status ? status : save_windows(inputs, options);
}

rkv_eval_options eval_how(const eval_inputs *inputs, const eval_options *options) {
    return (rkv_eval_options){.profile = inputs->profile,
                              .generate = options->generate,
                              .memory_limit = options->memory_mib << 20,
                              .seed = options->seed};
}

rkv_status eval_run(const eval_inputs *inputs, const eval_options *options, rkv_results **results) {
    progress_bar bar;
    rkv_journal *journal = NULL;
    char *path = NULL, *analyses = NULL;
    rkv_status status = join_path(&path, options->folder, JOURNAL);
    if (!status) status = join_path(&analyses, options->folder, EVAL_ANALYSES);
    rkv_eval_options eval = eval_how(inputs, options);
    eval.analyses = analyses;
    eval.is_known = rkv_journal_has;
    eval.on_cell = rkv_journal_add;
    eval.progress = progress_begin(&bar, "eval", options->quiet || options->json);
    if (!status) status = prepare_folder(inputs, options, &eval, path, &journal);
    eval.user = journal;
    if (!status) status = measure(inputs, &eval, journal, path);
    if (!status) status = collect(inputs, options, journal, results);
    rkv_journal_close(journal);
    free(analyses);
    free(path);
    return status;
}

/* ---- results ---- */

static rkv_status write_tables(const rkv_results *results, const char *folder) {
    char *json = NULL, *rows = NULL, *cells = NULL;
    rkv_status status = join_path(&json, folder, EVAL_RESULTS);
    if (!status) status = join_path(&rows, folder, EVAL_ROWS);
    if (!status) status = join_path(&cells, folder, EVAL_CELLS);
    if (!status) status = said(rkv_results_save(results, json));
    if (!status) status = said(rkv_results_save_csv(results, rows, cells));
    free(json);
    free(rows);
    free(cells);
    return status;
}

static rkv_status write_charts(const rkv_results *results, const char *folder) {
    char *path = NULL;
    rkv_status status = join_path(&path, folder, EVAL_CHARTS);
    if (!status) status = folder_make(path);
    if (!status) {
        status = rkv_results_draw(results, path);
        if (status == RKV_UNAVAILABLE) note("no charts: %s", rkv_message()), status = RKV_OK;
        said(status);
    }
    free(path);
    return status;
}

rkv_status eval_write(const rkv_results *results, const eval_options *options) {
    rkv_status status = write_tables(results, options->folder);
    if (!status && !options->no_charts) status = write_charts(results, options->folder);
    return status;
}
