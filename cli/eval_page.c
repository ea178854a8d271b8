/* eval_page.c: --html: the page of an evaluation. */
#include <stdlib.h>
#include <string.h>

#include "cli/eval.h"
#include "cli/folder.h"
#include "cli/message.h"
#include "cli/page.h"

static rkv_status list_files(cli_page *page, const eval_inputs *inputs, const eval_options *options) {
    rkv_status status = page_list_model(page, rkv_model_get_info(inputs->model));
    for (size_t i = 0; i < options->texts.n && !status; i++)
        status = page_list_file(page, NULL, options->texts.items[i]);
    const char *others[] = {options->windows_file, options->profile};
    for (size_t i = 0; i < sizeof others / sizeof *others && !status; i++)
        if (others[i]) status = page_list_file(page, NULL, others[i]);
    return status;
}

static rkv_status add_documents(cli_page *page, const rkv_results *results, const eval_inputs *inputs) {
    char *json = NULL;
    rkv_status made = rkv_results_to_json(results, &json);
    rkv_status status = page_take_json(page, "results", "results", made, json);
    return status ? status : page_add_profile(page, inputs->profile);
}

rkv_status eval_page_write(const rkv_results *results, const eval_inputs *inputs,
                           const eval_options *options) {
    cli_page page = {0};
    char *path = NULL;
    rkv_status status = join_path(&path, options->folder, PAGE_NAME);
    if (!status) status = page_begin(&page, inputs->text && *inputs->text ? inputs->text : "Evaluation");
    if (!status) status = list_files(&page, inputs, options);
    if (!status) status = add_documents(&page, results, inputs);
    if (!status) status = page_save(&page, rkv_model_device(inputs->model), path);
    page_end(&page);
    free(path);
    return status;
}
