/* report_add.c: what each file of a folder becomes in the page. */
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "cli/report.h"

/* ---- documents ---- */

/* Whether the library can read it: a damaged file is told of here, not found out by who opens the page. */
static rkv_status check_budget(const char *path) {
    rkv_budget *budget = NULL;
    rkv_status status = said(rkv_budget_load(&budget, path));
    rkv_budget_free(budget);
    return status;
}

static rkv_status check_profile(const char *path) {
    rkv_profile *profile = NULL;
    rkv_status status = said(rkv_profile_load(&profile, path));
    rkv_profile_free(profile);
    return status;
}

/* The kinds that are documents as they stand. */
static const struct document_kind {
    const char *kind;
    rkv_status (*check)(const char *path); /* NULL: that it is JSON must do */
} kinds[INPUT_KIND_COUNT] = {
    [INPUT_BUDGET] = {"budget", check_budget}, [INPUT_PROFILE] = {"profile", check_profile},
    [INPUT_BENCH] = {"bench", NULL},           [INPUT_RUN] = {"run", NULL},
    [INPUT_CACHE] = {"cache", NULL},
};

/* JSON lines as an array: [length] bytes become length + 2 at most. */
static char *lines_to_array(const char *bytes, size_t length) {
    char *array = malloc(length + 3), *at = array;
    if (!array) return NULL;
    while (length > 0 && bytes[length - 1] == '\n')
        length--;
    *at++ = '[';
    for (size_t i = 0; i < length; i++)
        *at++ = bytes[i] == '\n' ? ',' : bytes[i];
    *at++ = ']';
    *at = '\0';
    return array;
}

static rkv_status add_text(cli_page *page, const report_file *file, const char *kind, const char *name,
                           const char *json) {
    rkv_status status = rkv_report_add_document(page->report, kind, name, json);
    if (status == RKV_DATA) return complain(status, "%s: %s", file->path, rkv_message());
    return said(status);
}

/* Events that the page's reader of JSON takes: an object and an array each (docs/FORMATS.md, limits). */
enum { MOST_EVENTS = 130000 };

static bool has_too_many_events(const report_file *file, const char *bytes, size_t length) {
    size_t n = 0;
    for (size_t i = 0; file->kind == INPUT_CACHE && i < length; i++)
        n += bytes[i] == '\n';
    if (n > MOST_EVENTS)
        note("%s: %zu events: a page shows at most %d; left out", file->path, n, MOST_EVENTS);
    return n > MOST_EVENTS;
}

static rkv_status add_file(cli_page *page, const report_file *file, const char *kind, const char *name) {
    char *bytes = NULL, *array = NULL;
    size_t length = 0;
    rkv_status status = prompt_read(file->path, &bytes, &length);
    if (!status && has_too_many_events(file, bytes, length)) {
        free(bytes);
        return RKV_OK;
    }
    if (!status && memchr(bytes, '\0', length))
        status = complain(RKV_DATA, "%s: holds a NUL byte: it is no JSON", file->path);
    if (!status && file->kind == INPUT_CACHE && !(array = lines_to_array(bytes, length)))
        status = complain(RKV_NO_MEMORY, "out of memory");
    if (!status) status = add_text(page, file, kind, name, array ? array : bytes);
    if (!status) status = page_list_file(page, NULL, file->path);
    free(array);
    free(bytes);
    return status;
}

/* As RankKV writes them: rows made anew from the cells, whatever the file says of them. */
static rkv_status add_results(cli_page *page, const report_file *file) {
    rkv_results *results = NULL;
    char *json = NULL;
    rkv_status status = said(rkv_results_load(&results, file->path));
    rkv_status made = status ? status : rkv_results_to_json(results, &json);
    if (!status) status = page_take_json(page, "results", file->name, made, json);
    if (!status) status = page_list_file(page, NULL, file->path);
    rkv_results_free(results);
    return status;
}

static rkv_status add_document(cli_page *page, const report_file *file) {
    if (file->kind == INPUT_RESULTS) return add_results(page, file);
    const struct document_kind *kind = &kinds[file->kind];
    rkv_status status = kind->check ? kind->check(file->path) : RKV_OK;
    return status ? status : add_file(page, file, kind->kind, file->name);
}

/* ---- prompts ---- */

/* A trace is analysed, so that the page has its spectrum, too. */
static rkv_status analyse(const char *path, const char *name, bool quiet, rkv_analysis **analysis,
                          rkv_report_layers **layers) {
    progress_bar bar;
    rkv_trace *trace = NULL;
    rkv_status status = said(rkv_trace_open(&trace, path));
    const rkv_model_info *m = status ? NULL : rkv_trace_model(trace);
    if (!status)
        status = said(rkv_report_layers_new(layers, m->n_layers, m->n_heads, rkv_trace_n_tokens(trace)));
    rkv_analyze_options how = {.prompt_name = name,
                               .on_layer = rkv_report_layers_add,
                               .user = *layers,
                               .progress = progress_begin(&bar, name, quiet)};
    if (!status) {
        status = rkv_analyze_trace(analysis, trace, &how);
        progress_erase();
        status = status == RKV_DATA ? complain(status, "%s: %s", path, rkv_message()) : said(status);
    }
    rkv_trace_close(trace);
    return status;
}

/* The analysis of the same prompt that lies in the trace's folder; NULL: none does. */
static const report_file *analysis_beside(const report_files *files, const report_file *trace) {
    size_t folder = (size_t)(strrchr(trace->path, '/') - trace->path);
    for (size_t i = 0; i < files->n; i++) {
        const report_file *f = &files->at[i];
        if (f->kind == INPUT_ANALYSIS && (size_t)(strrchr(f->path, '/') - f->path) == folder &&
            strncmp(f->path, trace->path, folder) == 0)
            return f;
    }
    return NULL;
}

/* Whether both may be of one prompt: of one length, and of the same tokens where both know them. */
static bool are_alike(const rkv_analysis *a, const rkv_analysis *b) {
    bool know = a->token_ids && b->token_ids && a->n_tokens == b->n_tokens;
    if (know && memcmp(a->token_ids, b->token_ids, a->n_tokens * sizeof *a->token_ids) != 0) return false;
    return a->n_tokens == b->n_tokens && a->model.n_layers == b->model.n_layers &&
           a->model.n_heads == b->model.n_heads && a->model.n_kv_heads == b->model.n_kv_heads;
}

/* Adds the analysis of a trace: the one beside it, where that is of the same shape, or its own. */
static rkv_status add_trace(cli_page *page, const report_files *files, const report_file *trace, bool quiet,
                            const report_file **used) {
    rkv_analysis *own = NULL, *stored = NULL;
    rkv_report_layers *layers = NULL;
    char *json = NULL, *name = NULL;
    const report_file *beside = analysis_beside(files, trace);
    rkv_status status = prompt_stem(trace->path, &name);
    if (!status) status = analyse(trace->path, name, quiet, &own, &layers);
    if (!status && beside) status = said(rkv_analysis_load(&stored, beside->path));
    *used = !status && beside && are_alike(stored, own) ? beside : NULL;
    if (!status && *used) {
        status = add_file(page, beside, "analysis", stored->prompt_name);
    } else if (!status) {
        rkv_status made = rkv_analysis_to_json(own, NULL, &json);
        status = page_take_json(page, "analysis", name, made, json);
    }
    if (!status) status = said(rkv_report_add_layers(page->report, layers));
    if (!status) status = page_list_file(page, NULL, trace->path);
    rkv_report_layers_free(layers);
    rkv_analysis_free(stored);
    rkv_analysis_free(own);
    free(name);
    return status;
}

static rkv_status add_analysis(cli_page *page, const report_file *file) {
    rkv_analysis *analysis = NULL;
    rkv_status status = said(rkv_analysis_load(&analysis, file->path));
    if (!status) status = add_file(page, file, "analysis", analysis->prompt_name);
    rkv_analysis_free(analysis);
    return status;
}

/* Traces first: they take the analyses that lie beside them along. */
rkv_status report_add_files(cli_page *page, const report_files *files, bool quiet) {
    rkv_status status = RKV_OK;
    bool *done = calloc(files->n + 1, sizeof *done);
    if (!done) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < files->n && !status; i++) {
        const report_file *used = NULL;
        if (files->at[i].kind != INPUT_TRACE) continue;
        status = add_trace(page, files, &files->at[i], quiet, &used);
        if (used) done[used - files->at] = true;
    }
    for (size_t i = 0; i < files->n && !status; i++) {
        const report_file *file = &files->at[i];
        if (done[i] || file->kind == INPUT_TRACE) continue;
        status = file->kind == INPUT_ANALYSIS ? add_analysis(page, file) : add_document(page, file);
    }
    free(done);
    return status;
}
