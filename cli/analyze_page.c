/* analyze_page.c: --html: the page of one prompt. */
#include <stdlib.h>

#include "cli/analyze.h"
#include "cli/message.h"
#include "cli/page.h"

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

rkv_status analyze_page_save(const cli_result *result, const cli_source *source,
                             const rkv_report_layers *layers, const analyze_options *options,
                             const char *path) {
    cli_page page = {0};
    const rkv_analysis *analysis = result->analysis;
    rkv_status status = page_begin(&page, source->name);
    if (!status) status = list_files(&page, source, &analysis->model, options);
    if (!status) status = add_analysis(&page, result, layers);
    if (!status) status = page_add_policies(&page, source->name, analysis, &options->budget);
    if (!status) status = page_save(&page, analysis->device, path);
    page_end(&page);
    return status;
}
