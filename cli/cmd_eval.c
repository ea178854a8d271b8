/* cmd_eval.c: `rankkv eval`: what methods and budgets cost, measured on text. */
#include <stdint.h>

#include "cli/command.h"
#include "cli/eval.h"
#include "cli/eval_table.h"
#include "cli/eval_texts.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/output.h"

static const option_group groups[] = {
    {"Text and model:", eval_text_rows, 0}, {"Or windows that are ready:", eval_ready_rows, 0},
    {"Tasks:", eval_task_rows, 0},          {"Hidden numbers:", eval_hidden_rows, 0},
    {"The grid:", eval_grid_rows, 0},       {"Outputs:", eval_output_rows, 0},
    {"Page:", eval_page_rows, 0},           {0}};

static const cli_example examples[] = {
    {"rankkv eval", "two methods and two policies on the sample prompts, in a minute or so"},
    {"rankkv eval -t novel.txt -M tova -p uniform,inverse -r 0.5 -o tova",
     "do layer budgets that fall with the rank beat uniform ones for tova?"},
    {"rankkv eval -t novel.txt -M tova -p uniform,inverse -r 0.5 -o tova --resume",
     "go on where that run was stopped"},
    {"rankkv eval -t novel.txt -T passkey -p none -r 0.25 -o passkey",
     "which method still finds a number that is hidden in the text?"},
    {"rankkv eval -t novel.txt -M h2o,tova -p uniform,inverse -c 4096 --dry-run",
     "how many caches of that are held at once, and in what memory"},
    {0}};

static void set_defaults(void *memory) {
    *(eval_options *)memory = (eval_options){.device = "auto",
                                             .cut = {.count = SIZE_MAX}, /* not given */
                                             .tasks = "natural,copy",
                                             .copy_start = 256,
                                             .depths = "0.1,0.3,0.5,0.7,0.9",
                                             .pairs = 8,
                                             .methods = "streaming-llm,h2o",
                                             .policies = "uniform,inverse",
                                             .protocols = "prefill",
                                             .folder = "rankkv-eval"};
}

static rkv_status tell(const rkv_results *results, const eval_options *options) {
    char *document = NULL;
    rkv_status status = RKV_OK;
    if (!options->json) {
        eval_table_write(stdout, results);
        eval_texts_write(stdout, results);
        return output_flush();
    }
    status = said(rkv_results_to_json(results, &document));
    if (!status) fputs(document, stdout);
    rkv_free(document);
    return status ? status : output_flush();
}

static rkv_status evaluate(const eval_inputs *inputs, const eval_options *options) {
    rkv_results *results = NULL;
    rkv_status status = eval_run(inputs, options, &results);
    if (!status) status = eval_write(results, options);
    if (!status && options->html) status = eval_page_write(results, inputs, options);
    if (!status) status = tell(results, options);
    rkv_results_free(results);
    return status;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const eval_options *options = memory;
    eval_inputs inputs = {0};
    (void)arguments, (void)n_arguments;
    message_set_quiet(options->quiet);
    rkv_status status = eval_inputs_open(&inputs, options);
    if (!status) status = options->dry_run ? eval_dry_run(&inputs, options) : evaluate(&inputs, options);
    eval_inputs_close(&inputs);
    return status;
}

const cli_command cmd_eval = {
    .name = "eval",
    .summary = "Measure what methods and budgets cost on text, against the full cache",
    .arguments = "",
    .description =
        "Cuts texts into windows. Each context is read once; every method then compresses a copy of its "
        "cache under every budget of the same total, and the model predicts what follows from what is left. "
        "Told are the loss, how far predictions are from those of the full cache, the bytes that were really "
        "allocated, and the difference to uniform budgets over the windows, with a bootstrap 95 % interval "
        "and a sign test: what lies within noise is called so.\n\n"
        "The folder gets results.json, rows.csv, cells.csv, charts, with --html report.html, windows.json "
        "(for --windows-file) and "
        "cells.jsonl, the journal: a run that was stopped or killed goes on with --resume, on the same kind "
        "of device and with the same version, and ends with the same results.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(eval_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
