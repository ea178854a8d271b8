/* arguments.c: a command's rows turned into argp's. */
#include "cli/arguments.h"

#include <argp.h>
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"

enum { FIRST_LONG_KEY = 0x100, HELP_KEY = 'h' }; /* keys without a letter start above the letters */

/* A row as argp sees it, and where its value goes. */
typedef struct cli_slot {
    const option_row *row;
    void *options;
} cli_slot;

typedef struct cli_parser {
    const cli_command *command;
    cli_slot *slots;          /* [n], by key - FIRST_LONG_KEY */
    struct argp_option *argp; /* [headers + n + 2] */
    char **docs;              /* [n], what argp's docs point to */
    size_t n;
    char *text; /* description, examples and exit codes */
    char **arguments;
    size_t n_arguments;
} cli_parser;

/* Help is made once and the program cannot go on without it. */
static void *need(void *memory) {
    if (!memory) exit(rkv_status_exit_code(complain(RKV_NO_MEMORY, "out of memory")));
    return memory;
}

static size_t count_rows(const cli_command *command, size_t *groups) {
    size_t n = 0;
    *groups = 0;
    for (const option_group *group = command->options; group->title; group++, ++*groups)
        for (const option_row *row = group->rows; row->name; row++)
            n++;
    return n;
}

static char *doc_of(const option_row *row, const void *defaults) {
    char *text = NULL;
    size_t size;
    FILE *out = need(open_memstream(&text, &size));
    option_describe(out, row, defaults);
    fclose(out);
    return need(text);
}

static void add_group(cli_parser *parser, struct argp_option **next, const option_group *group, int number,
                      char *options) {
    *(*next)++ = (struct argp_option){.doc = group->title, .group = number};
    for (const option_row *row = group->rows; row->name; row++) {
        size_t i = parser->n++;
        parser->slots[i] = (cli_slot){row, options + group->base};
        parser->docs[i] = doc_of(row, options + group->base);
        *(*next)++ = (struct argp_option){.name = row->name,
                                          .key = row->letter ? row->letter : FIRST_LONG_KEY + (int)i,
                                          .arg = row->argument,
                                          .doc = parser->docs[i],
                                          .group = number};
    }
}

void write_exit_codes(FILE *out, const char *separator) {
    for (rkv_status status = RKV_OK; status < RKV_CANCELLED; status++)
        fprintf(out, "%d %s%s", rkv_status_exit_code(status), rkv_status_meaning(status), separator);
    fprintf(out, "%d or %d stopped by SIGINT or SIGTERM", EXIT_SIGNAL + SIGINT, EXIT_SIGNAL + SIGTERM);
}

/* argp's form: what stands above the options, a vertical tab, what stands below. */
static char *whole_text(const cli_command *command) {
    char *text = NULL;
    size_t size;
    FILE *out = need(open_memstream(&text, &size));
    fprintf(out, "%s\n\n%s\v", command->summary, command->description);
    if (command->examples) fputs("Examples:\n", out);
    for (const cli_example *example = command->examples; example && example->line; example++)
        fprintf(out, "  %s\n      %s\n", example->line, example->what);
    fprintf(out, "%sExit codes: ", command->examples ? "\n" : "");
    write_exit_codes(out, "; ");
    fputc('.', out);
    fclose(out);
    return need(text);
}

static void parser_begin(cli_parser *parser, const cli_command *command, void *options) {
    size_t groups, n = count_rows(command, &groups);
    *parser = (struct cli_parser){.command = command};
    parser->slots = need(calloc(n + 1, sizeof *parser->slots));
    parser->docs = need(calloc(n + 1, sizeof *parser->docs));
    parser->argp = need(calloc(groups + n + 2, sizeof *parser->argp));
    parser->text = whole_text(command);
    struct argp_option *next = parser->argp;
    for (const option_group *group = command->options; group->title; group++)
        add_group(parser, &next, group, (int)(group - command->options) + 1, options);
    *next = (struct argp_option){.key = HELP_KEY, .flags = OPTION_HIDDEN, .group = -1};
}

static void parser_end(cli_parser *parser) {
    for (size_t i = 0; i < parser->n; i++)
        free(parser->docs[i]);
    free(parser->docs);
    free(parser->slots);
    free(parser->argp);
    free(parser->text);
}

static const cli_slot *slot_of(const cli_parser *parser, int key) {
    if (key >= FIRST_LONG_KEY && (size_t)(key - FIRST_LONG_KEY) < parser->n)
        return &parser->slots[key - FIRST_LONG_KEY];
    for (size_t i = 0; i < parser->n; i++)
        if (parser->slots[i].row->letter && parser->slots[i].row->letter == key) return &parser->slots[i];
    return NULL;
}

static void check_arguments(const cli_parser *parser, struct argp_state *state) {
    const cli_command *command = parser->command;
    if (parser->n_arguments < command->least_arguments)
        argp_error(state, "missing argument: %s", command->arguments);
    if (parser->n_arguments > command->most_arguments)
        argp_error(state, "unexpected argument '%s'", parser->arguments[command->most_arguments]);
}

static error_t parse_one(int key, char *argument, struct argp_state *state) {
    cli_parser *parser = state->input;
    const cli_slot *slot = slot_of(parser, key);
    char problem[512];
    if (slot) {
        if (!option_set(slot->row, slot->options, argument, problem, sizeof problem))
            argp_error(state, "--%s: %s", slot->row->name, problem);
        return 0;
    }
    switch (key) {
    case HELP_KEY:
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        return 0;
    case ARGP_KEY_ARGS:
        parser->arguments = state->argv + state->next;
        parser->n_arguments = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        check_arguments(parser, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_version(FILE *stream, struct argp_state *state) {
    (void)state;
    fprintf(stream, "rankkv %s\n", rkv_version());
}

static struct argp argp_of(const cli_parser *parser) {
    argp_err_exit_status = rkv_status_exit_code(RKV_USAGE);
    argp_program_version_hook = print_version;
    const char *arguments = parser->command->arguments;
    return (struct argp){.options = parser->argp,
                         .parser = parse_one,
                         .args_doc = *arguments ? arguments : NULL,
                         .doc = parser->text};
}

void arguments_parse(const cli_command *command, int argc, char **argv, void *options, char ***arguments,
                     size_t *n_arguments) {
    cli_parser parser;
    parser_begin(&parser, command, options);
    struct argp argp = argp_of(&parser);
    error_t failed = argp_parse(&argp, argc, argv, 0, NULL, &parser);
    if (failed) exit(rkv_status_exit_code(complain(RKV_NO_MEMORY, "%s", strerror(failed))));
    *arguments = parser.arguments;
    *n_arguments = parser.n_arguments;
    parser_end(&parser);
}

void arguments_help(const cli_command *command) {
    char name[64], *argv[] = {name, (char[]){"--help"}, NULL}, **arguments;
    size_t n;
    void *options = need(calloc(1, command->options_size + 1));
    if (command->set_defaults) command->set_defaults(options);
    snprintf(name, sizeof name, "rankkv %s", command->name);
    arguments_parse(command, 2, argv, options, &arguments, &n);
    free(options);
}
