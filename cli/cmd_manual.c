/* cmd_manual.c: `rankkv manual`: the man page rankkv(1), made of the tables. */
#include <stdlib.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/overview.h"

static const option_group groups[] = {{0}};

static const cli_example examples[] = {{"rankkv manual > rankkv.1", "to be read with man -l rankkv.1"}, {0}};

/* Text as roff: hyphens that can be copied, and no line that starts a request by accident. */
static void write_roff(const char *text) {
    for (const char *at = text; *at; at++) {
        bool line_start = at == text || at[-1] == '\n';
        if (line_start && (*at == '.' || *at == '\'')) fputs("\\&", stdout);
        if (*at == '-')
            fputs("\\-", stdout);
        else if (*at == '\\')
            fputs("\\e", stdout);
        else if (*at == '\n' && at[1] == '\n')
            fputs("\n.PP", stdout); /* the second newline ends the request's line */
        else
            putchar(*at);
    }
}

static void write_option(const option_row *row, const void *defaults) {
    char *text = NULL;
    size_t size;
    fputs(".TP\n", stdout);
    if (row->letter) printf("\\fB\\-%c\\fR, ", row->letter);
    fputs("\\fB\\-\\-", stdout);
    write_roff(row->name);
    fputs("\\fR", stdout);
    if (row->argument) {
        fputs("=\\fI", stdout);
        write_roff(row->argument);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    FILE *out = open_memstream(&text, &size);
    if (!out) return;
    option_describe(out, row, defaults);
    if (fclose(out) == 0) write_roff(text);
    free(text);
    putchar('\n');
}

static rkv_status write_options(const cli_command *command) {
    char *options = calloc(1, command->options_size + 1);
    if (!options) return complain(RKV_NO_MEMORY, "out of memory");
    if (command->set_defaults) command->set_defaults(options);
    for (const option_group *group = command->options; group->title; group++) {
        printf(".PP\n\\fI");
        write_roff(group->title);
        puts("\\fR");
        for (const option_row *row = group->rows; row->name; row++)
            write_option(row, options + group->base);
    }
    free(options);
    return RKV_OK;
}

static rkv_status write_command(const cli_command *command) {
    printf(".SS rankkv %s\n", command->name);
    printf("\\fBrankkv %s\\fR [\\fIOPTION\\fR...] ", command->name);
    write_roff(command->arguments);
    fputs("\n.PP\n", stdout);
    write_roff(command->summary);
    fputs(".\n.PP\n", stdout);
    write_roff(command->description);
    putchar('\n');
    rkv_status status = write_options(command);
    if (!status && command->examples) puts(".PP\n\\fIExamples:\\fR");
    for (const cli_example *example = command->examples; !status && example && example->line; example++) {
        fputs(".TP\n\\fB", stdout);
        write_roff(example->line);
        fputs("\\fR\n", stdout);
        write_roff(example->what);
        putchar('\n');
    }
    return status;
}

static void write_exit_status(void) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return;
    write_exit_codes(out, "\n");
    if (fclose(out) != 0) return;
    puts(".SH EXIT STATUS");
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        char *meaning = strchr(line, ' ');
        if (strncmp(line, "130 or ", 7) == 0) meaning = strstr(line, " stopped");
        printf(".TP\n\\fB%.*s\\fR\n", (int)(meaning - line), line);
        write_roff(meaning + 1);
        putchar('\n');
    }
    free(text);
}

static void write_closing(void) {
    write_exit_status();
    puts(".SH ENVIRONMENT\n"
         ".TP\n\\fBXDG_DATA_HOME\\fR\n"
         "The default model is looked for in its folder rankkv; ~/.local/share when it is not set.\n"
         ".TP\n\\fBNO_COLOR\\fR\nWhen set and not empty, no colours.\n"
         ".TP\n\\fBOPENBLAS_CORETYPE\\fR\n"
         "The kernels of OpenBLAS. Set by the program itself where OpenBLAS is older than the processor.\n"
         ".SH OUTPUT\n"
         "Results go to standard output, everything else to standard error. With \\fB\\-\\-json\\fR, "
         "standard output "
         "is one JSON document with a schema and a schema_version. Files appear whole or not at all.\n"
         ".SH SEE ALSO\n"
         "The formulas of all metrics and policies are in docs/METHODS.md, the file formats in "
         "docs/FORMATS.md.");
}

static rkv_status run(const void *options, char **arguments, size_t n_arguments) {
    (void)options;
    (void)arguments;
    (void)n_arguments;
    rkv_status status = RKV_OK;
    printf(".TH RANKKV 1 \"\" \"rankkv %s\" \"User Commands\"\n", rkv_version());
    puts(".SH NAME\nrankkv \\- effective rank of attention, and the cache budgets that follow\n"
         ".SH SYNOPSIS\n\\fBrankkv\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n"
         ".SH DESCRIPTION");
    fputs("\\fBrankkv\\fR ", stdout);
    write_roff(overview_sentence);
    puts(".\n.PP\n\\fBrankkv analyze\\fR alone runs the default model on the sample prompts.\n.SH COMMANDS");
    for (size_t i = 0; command_at(i) && !status; i++)
        status = write_command(command_at(i));
    write_closing();
    return status;
}

const cli_command cmd_manual = {
    .name = "manual",
    .summary = "Print the man page",
    .arguments = "",
    .description = "Installed, it is read with `man rankkv`.",
    .examples = examples,
    .options = groups,
    .run = run,
};
