/* analyze_page.c: --html: the page of one prompt. */
#include <stdlib.h>
#include <string.h>

#include "cli/analyze.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/page.h"
#include "cli/progress.h"

/* What caches keep: the steps of the page's slider. */
static const double kept_ratios[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
enum { N_RATIOS = sizeof kept_ratios / sizeof *kept_ratios };

/* ---- what caches keep ---- */

/* What settings point to. */
typedef struct kept_lists {
    cli_parts methods, policies;
} kept_lists;

static void lists_clear(kept_lists *lists) {
    parts_clear(&lists->methods);
    parts_clear(&lists->policies);
}

static bool keeps_none(const analyze_options *options) {
    return strcmp(options->kept, "none") == 0;
}

/* uniform, and what --policy and its options say. */
static rkv_status default_policies(const analyze_options *options, char **list) {
    char *spec = NULL;
    rkv_status status = said(rkv_budget_options_to_spec(&options->budget, &spec));
    if (status) return status;
    bool uniform = strcmp(spec, "uniform") == 0;
    if (asprintf(list, "uniform%s%s", uniform ? "" : ",", uniform ? "" : spec) < 0) {
        *list = NULL;
        status = complain(RKV_NO_MEMORY, "out of memory");
    }
    rkv_free(spec);
    return status;
}

static rkv_status lists_read(kept_lists *lists, const analyze_options *options) {
    char *list = NULL;
    *lists = (kept_lists){0};
    rkv_status status = parts_split(&lists->methods, "kept", options->kept);
    if (!status && !options->kept_policies) status = default_policies(options, &list);
    if (!status)
        status = parts_split(&lists->policies, "kept-policies", list ? list : options->kept_policies);
    free(list);
    return status;
}

static rkv_status check_policy(const char *spec, const rkv_profile *profile) {
    rkv_budget_options options = rkv_budget_options_default();
    char *signal = NULL;
    options.profile = profile;
    rkv_status status = said(rkv_budget_options_parse(spec, &options, &signal));
    rkv_free(signal);
    return status;
}

rkv_status analyze_page_check(const analyze_options *options) {
    kept_lists lists = {0};
    if (!options->html || keeps_none(options)) return RKV_OK;
    rkv_status status = lists_read(&lists, options);
    for (size_t i = 0; i < lists.methods.n && !status; i++)
        status = said(rkv_method_check(lists.methods.items[i]));
    for (size_t i = 0; i < lists.policies.n && !status; i++)
        status = check_policy(lists.policies.items[i], options->budget.profile);
    lists_clear(&lists);
    return status;
}

static rkv_status add_settings(cli_page *page, rkv_model *model, const rkv_analysis *analysis,
                               const kept_lists *lists, const analyze_options *options) {
    progress_bar bar;
    const rkv_grid grid = {.methods = (const char *const *)lists->methods.items,
                           .n_methods = lists->methods.n,
                           .budgets = (const char *const *)lists->policies.items,
                           .n_budgets = lists->policies.n,
                           .ratios = kept_ratios,
                           .n_ratios = N_RATIOS};
    const rkv_eval_options how = {.profile = options->budget.profile,
                                  .memory_limit = options->memory_mib << 20,
                                  .seed = options->budget.seed,
                                  .progress = progress_begin(&bar, analysis->prompt_name, options->quiet)};
    rkv_setting *settings = NULL;
    size_t n = 0;
    rkv_status status = said(rkv_grid_list(&grid, &settings, &n));
    if (!status) /* the first is the full cache, which keeps everything */
        status = said(rkv_report_add_selection(page->report, model, analysis, settings + 1, n - 1, &how));
    progress_erase();
    rkv_free(settings);
    return status;
}

static rkv_status add_selection(cli_page *page, rkv_model *model, const rkv_analysis *analysis,
                                const analyze_options *options) {
    kept_lists lists = {0};
    rkv_status status = lists_read(&lists, options);
    if (!status) status = add_settings(page, model, analysis, &lists, options);
    lists_clear(&lists);
    return status;
}

/* ---- the page ---- */

static rkv_status list_files(cli_page *page, const cli_source *source, const rkv_model_info *model,
                             const analyze_options *options) {
    rkv_status status = RKV_OK;
    if (!source->trace) status = page_list_model(page, model);
    if (!status && source->path && !source->standard_input) status = page_list_file(page, NULL, source->path);
    if (!status && options->profile) status = page_list_file(page, NULL, options->profile);
    return status;
}

static rkv_status add_analysis(cli_page *page, const cli_result *result, const rkv_report_layers *layers) {
    char *json = NULL;
    rkv_status made = rkv_analysis_to_json(result->analysis, result->budget, &json);
    rkv_status status = page_take_json(page, "analysis", result->analysis->prompt_name, made, json);
    return status ? status : said(rkv_report_add_layers(page->report, layers));
}

rkv_status analyze_page_save(const cli_result *result, const cli_source *source, rkv_model *model,
                             const rkv_report_layers *layers, const analyze_options *options,
                             const char *path) {
    cli_page page = {0};
    const rkv_analysis *analysis = result->analysis;
    rkv_status status = page_begin(&page, source->name);
    if (!status) status = list_files(&page, source, &analysis->model, options);
    if (!status) status = add_analysis(&page, result, layers);
    if (!status) status = page_add_profile(&page, options->budget.profile);
    if (!status) status = page_add_policies(&page, source->name, analysis, &options->budget);
    if (!status && !source->trace && !keeps_none(options))
        status = add_selection(&page, model, analysis, options);
    if (!status) status = page_save(&page, analysis->device, path);
    page_end(&page);
    return status;
}
