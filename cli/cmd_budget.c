/* cmd_budget.c: `rankkv budget`: cache budgets from an analysis or a trace. */
#include <stdlib.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/budget_chart.h"
#include "cli/budget_profile.h"
#include "cli/budget_rows.h"
#include "cli/chart_file.h"
#include "cli/command.h"
#include "cli/compare.h"
#include "cli/message.h"
#include "cli/ranks.h"
#include "cli/terminal.h"

typedef struct budget_command_options {
    rkv_budget_options budget;
    const char *profile;
    const char *output, *chart;
    bool compare, json, quiet;
} budget_command_options;

#define FIELD(member) .offset = offsetof(budget_command_options, member)

static const option_row rows[] = {
    {"output", 'o', OPTION_FILE, "FILE", "Write budget.json there instead of printing a table",
     FIELD(output)},
    {"compare", 0, OPTION_FLAG, NULL, "Show the budgets of every policy at the same total", FIELD(compare)},
    {"chart", 0, OPTION_FILE, "FILE",
     "Draw the budgets layer by layer, by head with the span of each layer's heads, or with --compare a line "
     "for each policy; PNG or SVG by the file's ending",
     FIELD(chart)},
    {"json", 'j', OPTION_FLAG, NULL, "Print budget.json instead of a table", FIELD(json)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No progress bar and no notes", FIELD(quiet)},
    {0}};

static const option_row profile_rows[] = {{"profile", 'P', OPTION_FILE, "FILE", PROFILE_DOC, FIELD(profile)},
                                          {0}};

static const option_group groups[] = {
    {"Budgets:", budget_rows, offsetof(budget_command_options, budget)},
    {"What is known of the model:", profile_rows, 0},
    {"Options of single policies:", policy_rows, offsetof(budget_command_options, budget)},
    {"Outputs:", rows, 0},
    {0}};

static const cli_example examples[] = {
    {"rankkv budget analysis.json --policy inverse --ratio 0.25", "a table: a quarter of the prompt kept"},
    {"rankkv budget analysis.json --compare --ratio 0.25",
     "every policy beside the controls, at the same total"},
    {"rankkv budget analysis.json --compare --chart policies.svg", "the same as a picture"},
    {"rankkv budget analysis.json -p top-k -s ind1 --top-k 1 -a max -o budget.json",
     "the layer with the strongest induction head keeps everything"},
    {"rankkv budget results/prompt/analysis.json -P profile.json -s retr -g head",
     "more for heads that find earlier text again (rankkv probe)"},
    {0}};

static void set_defaults(void *memory) {
    budget_command_options *options = memory;
    *options = (budget_command_options){.budget = rkv_budget_options_default()};
}

static void print_table(const rkv_budget *budget) {
    size_t L = budget->model.n_layers, G = budget->model.n_kv_heads, most = 1;
    for (size_t l = 0; l < L; l++)
        if (budget->layers[l] > most) most = budget->layers[l];
    printf("%s%s%s%s", terminal_style(stdout, STYLE_BOLD), budget->policy, *budget->signal ? " on " : "",
           budget->signal);
    printf("%s  %zu of %zu entries per KV head (%.1f %%), %zu to %zu each\n\n",
           terminal_style(stdout, STYLE_PLAIN), budget->total, L * budget->n_tokens,
           100.0 * (double)budget->total / (double)(L * budget->n_tokens), budget->min, budget->max);
    printf("layer   budget%s\n", budget->heads ? "                            KV heads" : "");
    for (size_t l = 0; l < L; l++) {
        printf("%5zu  %7zu  ", l, budget->layers[l]);
        int left = bar_write(stdout, (double)budget->layers[l] / (double)most, 24);
        if (budget->heads) printf("%*s", left, "");
        for (size_t g = 0; budget->heads && g < G; g++)
            printf(" %6zu", budget->heads[l * G + g]);
        putchar('\n');
    }
    printf("total  %7zu\n", budget->total);
}

static rkv_status print_json(const rkv_budget *budget) {
    char *document = NULL;
    rkv_status status = said(rkv_budget_to_json(budget, &document));
    if (!status) {
        fputs(document, stdout);
        if (*document && document[strlen(document) - 1] != '\n') putchar('\n');
    }
    rkv_free(document);
    return status;
}

static rkv_status make_one(const rkv_analysis *analysis, const budget_command_options *options) {
    rkv_budget *budget = NULL;
    rkv_status status = said(rkv_budget_allocate(&budget, analysis, &options->budget));
    if (!status && options->chart)
        status = budget_chart_save((const rkv_budget *const *)&budget, 1, options->chart);
    bool to_stdout = options->output && strcmp(options->output, "-") == 0;
    if (!status && options->output && !to_stdout) status = said(rkv_budget_save(budget, options->output));
    if (!status && (options->json || to_stdout)) status = print_json(budget);
    if (!status && !options->json && !options->output) print_table(budget);
    rkv_budget_free(budget);
    return status;
}

static rkv_status load_ranks(cli_ranks *ranks, const char *path, const budget_command_options *options) {
    rkv_budget_options widest = options->budget;
    if (options->compare) widest.policy = rkv_budget_options_default().policy; /* one that needs the signal */
    return ranks_load(ranks, path, &widest, options->quiet);
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    budget_command_options options = *(const budget_command_options *)memory;
    cli_ranks ranks = {0};
    budget_profile known = {0};
    (void)n_arguments;
    message_set_quiet(options.quiet);
    rkv_status status = budget_options_check(&options.budget);
    if (!status && options.compare && options.output)
        status = complain(RKV_USAGE, "--compare shows many budgets: it cannot go with --output");
    if (!status) status = chart_file_check(options.chart);
    if (!status) status = budget_profile_load(&known, options.profile, &options.budget);
    if (!status) status = budget_profile_resolve(&known, &options.budget);
    if (!status) status = load_ranks(&ranks, arguments[0], &options);
    if (!status)
        status = options.compare
                     ? compare_policies(ranks.analysis, &options.budget, options.chart, options.json)
                     : make_one(ranks.analysis, &options);
    ranks_clear(&ranks);
    budget_profile_clear(&known);
    return status;
}

const cli_command cmd_budget = {
    .name = "budget",
    .summary = "Make cache budgets from an analysis or a trace",
    .arguments = "ANALYSIS.json|TRACE.h5",
    .least_arguments = 1,
    .most_arguments = 1,
    .description =
        "Spreads a number of cache entries over the layers, or over layers and KV heads, by a policy and a "
        "signal of the analysis. The sum is exact, and every budget lies within its bounds. A total that "
        "cannot be met is refused, and the bound that failed is named.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(budget_command_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
