/* cmd_export.c: `rankkv export`: budgets in the forms that other tools read. */
#include <string.h>

#include "cli/choices.h"
#include "cli/command.h"
#include "cli/message.h"

typedef struct export_options {
    const char *format, *output, *analysis;
    bool list;
} export_options;

#define FIELD(member) .offset = offsetof(export_options, member)

static const option_row rows[] = {
    {"to", 't', OPTION_NAME, "FORMAT", "What to write", &choices_exporter, FIELD(format)},
    {"output", 'o', OPTION_FILE, "FILE", "Write there instead of to standard output", FIELD(output)},
    {"analysis", 'a', OPTION_FILE, "FILE", "The analysis.json of the budgets, for formats that hold ranks",
     FIELD(analysis)},
    {"list", 'l', OPTION_FLAG, NULL, "List the formats, who reads them and what the file is called",
     FIELD(list)},
    {0}};

static const option_group groups[] = {{"Options:", rows, 0}, {0}};

static const cli_example examples[] = {{"rankkv export --list", "the formats"},
                                       {"rankkv export budget.json --to csv", "a table on stdout"},
                                       {0}};

static void print_formats(void) {
    size_t width = 0;
    for (size_t i = 0; rkv_exporter_at(i); i++)
        if (strlen(rkv_exporter_at(i)->name) > width) width = strlen(rkv_exporter_at(i)->name);
    for (size_t i = 0; rkv_exporter_at(i); i++) {
        const rkv_exporter *exporter = rkv_exporter_at(i);
        printf("%-*s  %s\n%*s  for %s; customarily %s%s\n", (int)width, exporter->name, exporter->summary,
               (int)width, "", exporter->tool, exporter->file_name,
               exporter->needs_analysis ? "; needs --analysis" : "");
    }
}

static rkv_status write_out(const rkv_budget *budget, const rkv_analysis *analysis,
                            const export_options *options) {
    if (options->output && strcmp(options->output, "-") != 0)
        return said(rkv_budget_export(budget, analysis, options->format, options->output));
    char *text = NULL;
    rkv_status status = said(rkv_exporter_find(options->format)->render(budget, analysis, &text));
    if (!status) fputs(text, stdout);
    rkv_free(text);
    return status;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const export_options *options = memory;
    rkv_budget *budget = NULL;
    rkv_analysis *analysis = NULL;
    if (options->list) {
        print_formats();
        return RKV_OK;
    }
    if (n_arguments == 0) return complain(RKV_USAGE, "name the budget.json to export, or ask for --list");
    if (!options->format)
        return complain(RKV_USAGE, "say with --to FORMAT what to write; --list has the formats");
    if (rkv_exporter_find(options->format)->needs_analysis && !options->analysis)
        return complain(RKV_USAGE, "--to %s holds ranks: give the analysis.json with --analysis",
                        options->format);
    rkv_status status = said(rkv_budget_load(&budget, arguments[0]));
    if (!status && options->analysis) status = said(rkv_analysis_load(&analysis, options->analysis));
    if (!status) status = write_out(budget, analysis, options);
    rkv_analysis_free(analysis);
    rkv_budget_free(budget);
    return status;
}

const cli_command cmd_export = {
    .name = "export",
    .summary = "Write budgets in the form that another tool reads",
    .arguments = "[BUDGET.json]",
    .most_arguments = 1,
    .description = "Turns a budget.json into the file that a cache-compression tool takes as it is.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(export_options),
    .run = run,
};
