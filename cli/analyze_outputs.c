/* analyze_outputs.c: what `rankkv analyze` makes of one prompt: its analysis, and the folder of files. */
#include "cli/analyze.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/figure_rows.h"
#include "cli/message.h"
#include "cli/page.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cli/terminal.h"

#define ANALYSIS "analysis.json"
#define BUDGET   "budget.json"
#define RANKS    "ranks.csv"

/* Every file that analyze writes, and what it is; the pictures of layers come under their pattern. */
static const struct output_kind {
    const char *name, *what;
} kinds[] = {{ANALYSIS, "everything but the matrices, budgets included"},
             {BUDGET, "the budgets; for rankkv export"},
             {RANKS, "one row per head, one column per metric"},
             {PAGE_NAME, "one page that shows it; open it in a browser"},
             {TRACE_NAME, "the attention of every head (HDF5); for rankkv heatmap"},
             {FIGURE_RANKS, "effective rank of every head, budgets beside it"},
             {FIGURE_SHEET, "every head of every layer"},
             {"layer_*.png", "the heads of one layer"}};

static const struct output_kind *kind_of(const char *name) {
    size_t n = sizeof kinds / sizeof *kinds, layer;
    int end = 0;
    if (sscanf(name, "layer_%zu.png%n", &layer, &end) == 1 && end > 0 && !name[end]) return &kinds[n - 1];
    for (size_t i = 0; i + 1 < n; i++)
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    return NULL;
}

/* With --force, what an earlier run left would tell of another analysis. */
static bool is_ours(const char *name) {
    return kind_of(name) != NULL;
}

static bool is_ours_but_trace(const char *name) {
    return is_ours(name) && strcmp(name, TRACE_NAME) != 0; /* the trace may be what is being analysed */
}

rkv_status outputs_check(const cli_sources *sources, const analyze_options *options) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < sources->n && !status && !options->force; i++) {
        char *path = NULL;
        status = join_path(&path, options->folder, sources->at[i].name);
        if (!status && path_is_taken(path))
            status = complain(RKV_CANNOT_CREATE,
                              "%s: is there already; --force replaces it, -o writes elsewhere", path);
        free(path);
    }
    cli_folder trial = {0};
    if (!status) status = folder_begin(&trial, options->folder, "");
    folder_end(&trial);
    return status;
}

/* ---- the files ---- */

static rkv_status save_documents(const cli_result *result, const cli_folder *folder) {
    char *analysis = NULL, *budget = NULL, *ranks = NULL;
    rkv_status status = folder_file(folder, ANALYSIS, &analysis);
    if (!status) status = folder_file(folder, BUDGET, &budget);
    if (!status) status = folder_file(folder, RANKS, &ranks);
    if (!status) status = said(rkv_analysis_save(result->analysis, result->budget, analysis));
    if (!status) status = said(rkv_budget_save(result->budget, budget));
    if (!status) status = said(rkv_analysis_save_csv(result->analysis, ranks));
    free(analysis);
    free(budget);
    free(ranks);
    return status;
}

static rkv_status save_pictures(const cli_result *result, const cli_watcher *watcher) {
    char *sheet = NULL, *ranks = NULL;
    rkv_status status = folder_file(watcher->folder, FIGURE_SHEET, &sheet);
    if (!status) status = folder_file(watcher->folder, FIGURE_RANKS, &ranks);
    if (!status) status = said(rkv_sheet_save(watcher->sheet, sheet));
    if (!status)
        status =
            said(rkv_heatmap_metric(ranks, result->analysis, RKV_ERANK, result->budget, &watcher->figure));
    free(sheet);
    free(ranks);
    return status;
}

static rkv_status save_page(const cli_result *result, const cli_source *source, rkv_model *model,
                            const cli_watcher *watcher, const analyze_options *options) {
    char *path = NULL;
    rkv_status status = folder_file(watcher->folder, PAGE_NAME, &path);
    if (!status) status = analyze_page_save(result, source, model, watcher->layers, options, path);
    free(path);
    return status;
}

static rkv_status save_all(const cli_result *result, const cli_source *source, rkv_model *model,
                           cli_watcher *watcher, const analyze_options *options) {
    rkv_status status = save_documents(result, watcher->folder);
    if (!status && watcher->sheet) status = save_pictures(result, watcher);
    if (!status && watcher->layers) status = save_page(result, source, model, watcher, options);
    if (!status && watcher->writer) {
        rkv_trace_writer *writer = watcher->writer;
        watcher->writer = NULL; /* rkv_trace_finish frees it */
        status = said(rkv_trace_finish(writer, result->analysis, result->budget));
    }
    return !status && signals_caught() ? RKV_CANCELLED : status;
}

rkv_status making_begin(cli_making *making, const cli_source *source, const rkv_model_info *model,
                        const analyze_options *options) {
    *making = (struct cli_making){.source = source};
    rkv_status status = folder_begin(&making->folder, options->folder, source->name);
    return status ? status : watcher_begin(&making->watcher, &making->folder, source, model, options);
}

rkv_status making_end(cli_making *making, rkv_analysis *analysis, rkv_model *model,
                      const analyze_options *options, cli_result *result) {
    const cli_source *source = making->source;
    *result = (struct cli_result){.analysis = analysis};
    rkv_status status = said(rkv_budget_allocate(&result->budget, analysis, &options->budget));
    if (!status) status = save_all(result, source, model, &making->watcher, options);
    watcher_end(&making->watcher);
    if (!status) status = folder_commit(&making->folder, source->trace ? is_ours_but_trace : is_ours);
    if (!status && !(result->folder = strdup(making->folder.path)))
        status = complain(RKV_NO_MEMORY, "out of memory");
    folder_end(&making->folder);
    return status;
}

void making_drop(cli_making *making) {
    watcher_end(&making->watcher);
    folder_end(&making->folder);
}

void result_clear(cli_result *result) {
    rkv_analysis_free(result->analysis);
    rkv_budget_free(result->budget);
    free(result->folder);
    *result = (struct cli_result){0};
}

/* ---- the list ---- */

void outputs_list(FILE *out, const cli_result *result) {
    size_t n = sizeof kinds / sizeof *kinds;
    struct dirent **entries = NULL;
    int found = scandir(result->folder, &entries, NULL, NULL);
    write_printable(out, result->folder, strlen(result->folder));
    fputs("/\n", out);
    for (size_t i = 0; i < n; i++) {
        double bytes = 0;
        size_t count = 0;
        for (int j = 0; j < found; j++) {
            struct stat info;
            char *path = NULL;
            if (kind_of(entries[j]->d_name) == &kinds[i] &&
                join_path(&path, result->folder, entries[j]->d_name) == RKV_OK && stat(path, &info) == 0) {
                bytes += (double)info.st_size;
                count++;
            }
            free(path);
        }
        char size[32];
        write_bytes(size, bytes);
        if (count) fprintf(out, "  %-18s %8s  %s\n", kinds[i].name, size, kinds[i].what);
    }
    for (int j = 0; j < found; j++)
        free(entries[j]);
    free(entries);
}
