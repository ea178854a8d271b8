/* cmd_report.c: `rankkv report`: one page of the files in a folder. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/folder.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/terminal.h"

typedef struct report_options {
    const char *output, *title;
    bool force, verbose, quiet;
} report_options;

#define FIELD(member) .offset = offsetof(report_options, member)

static const option_row rows[] = {
    {"output", 'o', OPTION_FILE, "FILE", "Write the page there; DIR/report.html when not given",
     FIELD(output)},
    {"title", 't', OPTION_TEXT, "TEXT", "What the page is called; the folder's name when not given",
     FIELD(title)},
    {"force", 'f', OPTION_FLAG, NULL, "Replace a page that is there", FIELD(force)},
    {"verbose", 'v', OPTION_FLAG, NULL, "Say which files are left out", FIELD(verbose)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No progress bar and no notes", FIELD(quiet)},
    {0}};

static const option_group groups[] = {{"Page:", rows, 0}, {0}};

static const cli_example examples[] = {
    {"rankkv report rankkv-out", "what `rankkv analyze` wrote of all prompts: rankkv-out/report.html"},
    {"rankkv report rankkv-eval -o evaluation.html --title 'Four novels'", "what `rankkv eval` measured"},
    {0}};

/* The page's title: the last part of the folder's path that is a name. */
static rkv_status choose_title(const char *folder, char **title) {
    char *whole = realpath(folder, NULL);
    const char *slash = whole ? strrchr(whole, '/') : NULL;
    *title = strdup(slash && slash[1] ? slash + 1 : folder);
    free(whole);
    return *title ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

static rkv_status choose_path(const char *folder, const report_options *options, char **path) {
    rkv_status status =
        join_path(path, options->output ? options->output : folder, options->output ? "" : PAGE_NAME);
    if (!status && !options->force && access(*path, F_OK) == 0)
        status = complain(RKV_CANNOT_CREATE, "%s: is there already; --force replaces it, -o writes elsewhere",
                          *path);
    return status;
}

static rkv_status make_page(const report_files *files, const char *title, const char *path,
                            const report_options *options) {
    cli_page page = {0};
    rkv_status status = page_begin(&page, title);
    if (!status) status = report_add_files(&page, files, options->quiet);
    if (!status) status = page_save(&page, NULL, path);
    page_end(&page);
    return status;
}

static rkv_status tell(const report_files *files, const char *path) {
    printf("%zu file%s in ", files->n, files->n == 1 ? "" : "s");
    write_printable(stdout, path, strlen(path));
    putchar('\n');
    return output_flush();
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const report_options *options = memory;
    report_files files = {0};
    char *path = NULL, *title = NULL;
    (void)n_arguments;
    message_set_quiet(options->quiet);
    rkv_status status = choose_path(arguments[0], options, &path);
    if (!status) status = report_files_find(&files, arguments[0], options->verbose);
    if (!status) status = choose_title(arguments[0], &title);
    if (!status) status = make_page(&files, options->title ? options->title : title, path, options);
    if (!status) status = tell(&files, path);
    report_files_clear(&files);
    free(title);
    free(path);
    return status;
}

const cli_command cmd_report = {
    .name = "report",
    .summary = "Make one page of the files in a folder, for a browser",
    .arguments = "DIR",
    .least_arguments = 1,
    .most_arguments = 1,
    .description =
        "Takes whatever of ours lies in DIR, and in folders up to two below it: analyses, traces, budgets, "
        "profiles, results of `rankkv eval`, and what `rankkv bench`, `rankkv run --json` and `rankkv run "
        "--trace-cache` wrote. Files are recognised by what they hold; others are left out. A run and its "
        "cache "
        "trace belong together when they are named alike: snapkv.json and snapkv.jsonl.\n\n"
        "The page is one file that needs nothing else: no network, no server. A trace is analysed again for "
        "its "
        "spectrum, which takes as long as `rankkv analyze` takes without the model.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(report_options),
    .computes = true,
    .run = run,
};
