/* analyze_outputs.c: what `rankkv analyze` makes of one prompt: its analysis, and the folder of files. */
#include "cli/analyze.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/figure_rows.h"
#include "cli/message.h"
#include "cli/page.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cli/terminal.h"

#define ANALYSIS "analysis.json"
#define BUDGET   "budget.json"
#define RANKS    "ranks.csv"
#define TRACE    "trace.h5"

/* Every file that analyze writes, and what it is; the pictures of layers come under their pattern. */
static const struct output_kind {
    const char *name, *what;
} kinds[] = {{ANALYSIS, "everything but the matrices, budgets included"},
             {BUDGET, "the budgets; for rankkv export"},
             {RANKS, "one row per head, one column per metric"},
             {PAGE_NAME, "one page that shows it; open it in a browser"},
             {TRACE, "the attention of every head (HDF5); for rankkv heatmap"},
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
    return is_ours(name) && strcmp(name, TRACE) != 0; /* the trace may be what is being analysed */
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

/* ---- what watches the layers go by ---- */

typedef struct cli_watcher {
    const cli_folder *folder;
    rkv_trace_writer *writer;  /* NULL: no trace */
    rkv_report_layers *layers; /* NULL: no page */
    rkv_sheet *sheet;          /* NULL: no pictures */
    rkv_heatmap_options figure;
    double *erank; /* [L, H] for the titles; the sheet reads it as it fills, layer by layer */
} cli_watcher;

static rkv_status draw_layer(cli_watcher *watcher, const rkv_layer *layer) {
    char name[FIGURE_NAME_SIZE], *path = NULL;
    figure_layer_name(name, layer->index);
    if (layer->erank)
        memcpy(watcher->erank + layer->index * layer->n_heads, layer->erank,
               layer->n_heads * sizeof *layer->erank);
    watcher->figure.erank = layer->erank ? watcher->erank : NULL;
    rkv_status status = rkv_sheet_add_layer(watcher->sheet, layer);
    if (!status) status = folder_file(watcher->folder, name, &path);
    if (!status) status = rkv_heatmap_layer(path, layer, &watcher->figure);
    free(path);
    return status;
}

/* An rkv_layer_fn: the library's messages stand for what fails here. */
static rkv_status on_layer(void *user, const rkv_layer *layer) {
    cli_watcher *watcher = user;
    rkv_status status = watcher->writer ? rkv_trace_write_layer(watcher->writer, layer) : RKV_OK;
    if (!status && watcher->layers) status = rkv_report_layers_add(watcher->layers, layer);
    return status || !watcher->sheet ? status : draw_layer(watcher, layer);
}

static rkv_status begin_trace(cli_watcher *watcher, const cli_source *source, const rkv_model_info *model,
                              const analyze_options *options) {
    char *path = NULL, size[32];
    write_bytes(size, (double)rkv_trace_estimate_bytes(model, source->n_tokens, options->dtype));
    note("%s: the attention to save is %s before compression", source->name, size);
    rkv_status status = folder_file(watcher->folder, TRACE, &path);
    if (!status)
        status = said(rkv_trace_create(&watcher->writer, path, model, source->ids, source->token_text,
                                       source->n_tokens, options->dtype));
    free(path);
    return status;
}

static rkv_status watcher_begin(cli_watcher *watcher, const cli_folder *folder, const cli_source *source,
                                const rkv_model_info *model, const analyze_options *options) {
    *watcher = (struct cli_watcher){.folder = folder, .figure = options->figure};
    rkv_status status = options->save_attention ? begin_trace(watcher, source, model, options) : RKV_OK;
    if (!status && options->html)
        status =
            said(rkv_report_layers_new(&watcher->layers, model->n_layers, model->n_heads, source->n_tokens));
    if (status || !options->heatmaps) return status;
    char *const *token_text = source->trace ? rkv_trace_token_text(source->trace) : source->token_text;
    watcher->figure.token_text = token_text;
    watcher->figure.model_name = model->name;
    watcher->figure.prompt_name = source->name;
    size_t n_heads = model->n_layers * model->n_heads;
    watcher->erank = calloc(n_heads + 1, sizeof *watcher->erank);
    if (!watcher->erank) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n_heads; i++)
        watcher->erank[i] = NAN; /* not known yet */
    watcher->figure.erank = watcher->erank;
    return said(
        rkv_sheet_new(&watcher->sheet, model->n_layers, model->n_heads, source->n_tokens, &watcher->figure));
}

static void watcher_end(cli_watcher *watcher) {
    rkv_trace_abandon(watcher->writer);
    rkv_report_layers_free(watcher->layers);
    rkv_sheet_free(watcher->sheet);
    free(watcher->erank);
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

static rkv_status analyse(cli_result *result, const cli_source *source, rkv_model *model,
                          cli_watcher *watcher, const analyze_options *options) {
    progress_bar bar;
    rkv_analyze_options how = {.prompt_name = source->name,
                               .device = options->device,
                               .solver = options->solver,
                               .aggregate = options->aggregate,
                               .on_layer =
                                   watcher->writer || watcher->layers || watcher->sheet ? on_layer : NULL,
                               .user = watcher,
                               .progress = progress_begin(&bar, source->name, options->quiet)};
    rkv_status status = source->trace
                            ? rkv_analyze_trace(&result->analysis, source->trace, &how)
                            : rkv_analyze(&result->analysis, model, source->ids, source->n_tokens, &how);
    progress_erase();
    status = said(status);
    return status ? status : said(rkv_budget_allocate(&result->budget, result->analysis, &options->budget));
}

rkv_status outputs_make(cli_result *result, const cli_source *source, rkv_model *model,
                        const analyze_options *options) {
    *result = (struct cli_result){0};
    cli_folder folder = {0};
    cli_watcher watcher = {0};
    const rkv_model_info *info = source->trace ? rkv_trace_model(source->trace) : rkv_model_get_info(model);
    rkv_status status = folder_begin(&folder, options->folder, source->name);
    if (!status) status = watcher_begin(&watcher, &folder, source, info, options);
    if (!status) status = analyse(result, source, model, &watcher, options);
    if (!status) status = save_all(result, source, model, &watcher, options);
    watcher_end(&watcher);
    if (!status) status = folder_commit(&folder, source->trace ? is_ours_but_trace : is_ours);
    if (!status && !(result->folder = strdup(folder.path))) status = complain(RKV_NO_MEMORY, "out of memory");
    folder_end(&folder);
    return status;
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
