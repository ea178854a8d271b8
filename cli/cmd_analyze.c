/* cmd_analyze.c: `rankkv analyze`: prompts in; ranks, budgets and pictures out. */
#include <stdlib.h>
#include <string.h>

#include "cli/analyze.h"
#include "cli/budget_profile.h"
#include "cli/budget_rows.h"
#include "cli/command.h"
#include "cli/device.h"
#include "cli/figure_rows.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/summary.h"

#define FIELD(member) .offset = offsetof(analyze_options, member)

static const option_row input_rows[] = {
    {"text", 't', OPTION_TEXT, "STRING", "Analyse this text, as a prompt named \"text\"", FIELD(text)},
    {"model", 'm', OPTION_FILE, "PATH", "GGUF file of the model; the default model when not given",
     FIELD(model)},
    {"tokens", 'n', OPTION_COUNT, "N", "Take the first N tokens of each prompt", .low = 1,
     FIELD(tokens.first)},
    {"parse-special", 0, OPTION_FLAG, NULL, "Read \"<|im_start|>\" and its like as the tokens that they name",
     FIELD(tokens.parse_special)},
    {"bos", 0, OPTION_FLAG, NULL, "Begin with the begin-of-sequence token, where the model has one",
     FIELD(tokens.bos)},
    {0}};

static const option_row rank_rows[] = {
    {"device", 'd', OPTION_TEXT, "DEVICE",
     "What computes: auto, cpu, cuda, cuda:N, or several GPUs: cuda:N,N", &choices_device, FIELD(device)},
    {"precision", 0, OPTION_INDEX, "NAME",
     "How the model multiplies; less than float32 is said in the results", &choices_precision,
     FIELD(precision)},
    {"solver", 0, OPTION_INDEX, "NAME", "How singular values are found; both are exact", &choices_solver,
     FIELD(solver)},
    {0}};

static const option_row output_rows[] = {
    {"output", 'o', OPTION_FOLDER, "DIR", "Write to DIR/PROMPT/", FIELD(folder)},
    {"force", 'f', OPTION_FLAG, NULL, "Replace the files of an earlier analysis there", FIELD(force)},
    {"dry-run", 0, OPTION_FLAG, NULL,
     "Only say how many tokens the prompts have, and what memory of the GPU they would take, without its "
     "driver's share",
     FIELD(dry_run)},
    {"save-attention", 0, OPTION_FLAG, NULL, "Write trace.h5, the attention of every head",
     FIELD(save_attention)},
    {"dtype", 0, OPTION_INDEX, "TYPE", "Numbers in trace.h5", &choices_dtype, FIELD(dtype)},
    {"heatmaps", 'H', OPTION_FLAG, NULL, "Write pictures: the heads of each layer, all heads, the ranks",
     FIELD(heatmaps)},
    {"json", 'j', OPTION_FLAG, NULL, "Print one JSON document instead of tables", FIELD(json)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No progress bar and no notes", FIELD(quiet)},
    {0}};

static const option_row page_rows[] = {
    {"html", 0, OPTION_FLAG, NULL, "Write report.html, one page that shows all of it in a browser",
     FIELD(html)},
    {"kept", 'k', OPTION_TEXT, "LIST",
     "Methods whose caches the page shows: what they keep of the prompt at 10 % to 90 % of its tokens. Reads "
     "it "
     "once more for as many as the memory holds; \"none\" leaves them out. A trace has no caches",
     &choices_compressor, FIELD(kept)},
    {"kept-policies", 0, OPTION_TEXT, "LIST",
     "Budgets that those caches have, each POLICY[:OPTION=VALUE,...]; uniform and the one of --policy when "
     "not "
     "given",
     &choices_policy, FIELD(kept_policies)},
    {"memory", 0, OPTION_COUNT, "MIB", "Hold caches of so much at once; 0: a quarter of what is free",
     .low = 0, FIELD(memory_mib)},
    {0}};

static const option_row profile_rows[] = {{"profile", 'P', OPTION_FILE, "FILE", PROFILE_DOC, FIELD(profile)},
                                          {0}};

static const option_group groups[] = {
    {"Prompt and model:", input_rows, 0},
    {"Ranks:", rank_rows, 0},
    {"Budgets:", budget_rows, offsetof(analyze_options, budget)},
    {"What is known of the model:", profile_rows, 0},
    {"Options of single policies:", policy_rows, offsetof(analyze_options, budget)},
    {"Outputs:", output_rows, 0},
    {"Page:", page_rows, 0},
    {"Pictures:", figure_rows, offsetof(analyze_options, figure)},
    {0}};

static const cli_example examples[] = {
    {"rankkv analyze", "the default model on the sample prompts; results in rankkv-out/"},
    {"rankkv analyze prompt.txt --heatmaps -o out", "one prompt, with pictures in out/prompt/"},
    {"rankkv analyze prompt.txt --html --kept snapkv,tova -o page",
     "page/prompt/report.html, with what two methods keep of the prompt"},
    {"rankkv analyze --text 'The cat sat on the mat.' --json", "a sentence; JSON on stdout"},
    {"rankkv analyze prompt.txt --tokens 64 --policy inverse --budget 32 --force",
     "64 tokens; 32 entries per layer on average, more where the rank is low"},
    {0}};

/* Its address tells a list that nobody gave. */
static const char kept_unless_given[] = "streaming-llm,snapkv,h2o,tova,knorm";

static void set_defaults(void *memory) {
    analyze_options *options = memory;
    *options = (analyze_options){.device = "auto",
                                 .budget = rkv_budget_options_default(),
                                 .kept = kept_unless_given,
                                 .folder = "rankkv-out"};
    options->budget.aggregate = RKV_AGGREGATE_MEAN;
    figure_defaults(&options->figure);
}

/* ---- what is told ---- */

static rkv_status tell_tables(const cli_sources *sources, const cli_result *results, size_t i) {
    const cli_result *result = &results[i];
    if (i > 0) putchar('\n');
    summary_head(stdout, result->analysis);
    summary_table(stdout, result->analysis, result->budget);
    reading_write(stdout, result->analysis, result->budget, i + 1 == sources->n);
    putchar('\n');
    outputs_list(stdout, result);
    return output_flush();
}

static rkv_status tell_json(const cli_result *results, size_t n) {
    rkv_status status = RKV_OK;
    char **documents = calloc(n, sizeof *documents);
    if (!documents) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n && !status; i++)
        status = said(rkv_analysis_to_json(results[i].analysis, results[i].budget, &documents[i]));
    if (!status) {
        cli_json json = json_begin(stdout, "rankkv-analyses");
        json_open(&json, "analyses", '[');
        for (size_t i = 0; i < n; i++)
            json_raw(&json, NULL, documents[i]);
        json_close(&json, ']');
        json_end(&json);
    }
    for (size_t i = 0; i < n; i++)
        rkv_free(documents[i]);
    free(documents);
    return status;
}

/* ---- the command ---- */

/* What is given for a page that is not asked for would go without a word. */
static void note_page_options(const analyze_options *o) {
    const struct {
        const char *name;
        bool given;
    } options[] = {{"kept", o->kept != kept_unless_given},
                   {"kept-policies", o->kept_policies != NULL},
                   {"memory", o->memory_mib != 0}};
    for (size_t i = 0; !o->html && i < sizeof options / sizeof *options; i++)
        if (options[i].given) note("--%s is about the page of --html; no page is written", options[i].name);
}

static rkv_status check_options(analyze_options *options) {
    rkv_status status = budget_options_check(&options->budget);
    if (!status && options->dtype != RKV_FLOAT16 && !options->save_attention)
        note("--dtype says how --save-attention stores attention; nothing is stored");
    if (status) return status;
    note_page_options(options);
    options->device = device_choose(options->device);
    return device_check(options->device);
}

/* --aggregate says how the analysis is made. Budgets do as it does, but signals of a profile, which know
 * nothing of it, are combined as the option says. */
static rkv_status load_profile(budget_profile *known, analyze_options *options) {
    rkv_budget_options *budget = &options->budget;
    options->aggregate = budget->aggregate;
    rkv_status status = budget_profile_load(known, options->profile, budget);
    if (status) return status;
    if (rkv_budget_signal_origin(budget) == RKV_SIGNAL_OF_PROMPT ||
        budget->aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX)
        budget->aggregate = RKV_AGGREGATE_COUNT;
    return budget_profile_resolve(known, budget);
}

static rkv_status make_all(const cli_sources *sources, const analyze_options *options) {
    cli_result *results = calloc(sources->n, sizeof *results);
    rkv_status status = results ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
    if (!status) status = analyze_all(results, sources, options, options->json ? NULL : tell_tables);
    if (!status && options->json) status = tell_json(results, sources->n);
    for (size_t i = 0; results && i < sources->n; i++)
        result_clear(&results[i]);
    free(results);
    return status;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    analyze_options options = *(const analyze_options *)memory;
    cli_sources sources = {0};
    budget_profile known = {0};
    message_set_quiet(options.quiet);
    rkv_status status = check_options(&options);
    if (!status) status = load_profile(&known, &options);
    if (!status) status = analyze_page_check(&options);
    if (!status) status = sources_open(&sources, &options, arguments, n_arguments);
    if (!status)
        status = options.dry_run ? analyze_dry_run(&sources, &options) : make_all(&sources, &options);
    sources_close(&sources);
    budget_profile_clear(&known);
    return status;
}

const cli_command cmd_analyze = {
    .name = "analyze",
    .summary = "Rank every attention head of prompts, and spread a cache budget by it",
    .arguments = "[PROMPT_FILE|TRACE.h5|- ...]",
    .most_arguments = ANY_NUMBER,
    .description =
        "Runs the model over each prompt (a text file, taken as it is; \"-\" is standard input), "
        "measures the "
        "effective rank of each head's attention and the metrics that stand beside it, and makes "
        "budgets of them. "
        "A trace (trace.h5) is analysed as it is, whatever model it came from.\n\n"
        "Each prompt gets a folder DIR/PROMPT with analysis.json, budget.json, ranks.csv and, "
        "when asked for, "
        "trace.h5, report.html and pictures. It appears when it is complete. On stdout: a table per layer, a "
        "reading of it in "
        "words, and the files.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(analyze_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
