/* cmd_help.c: `rankkv help`: the overview, or the help of a command. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/overview.h"

static const option_group groups[] = {{0}};

static const cli_example examples[] = {
    {"rankkv help", "the commands"}, {"rankkv help analyze", "one of them"}, {0}};

static rkv_status run(const void *options, char **arguments, size_t n_arguments) {
    (void)options;
    if (n_arguments == 0) {
        overview_print(stdout);
        return RKV_OK;
    }
    const cli_command *command = command_find(arguments[0]);
    if (!command) return overview_unknown_command(arguments[0]);
    arguments_help(command);
    return RKV_OK;
}

const cli_command cmd_help = {
    .name = "help",
    .summary = "Show the commands, or the help of one",
    .arguments = "[COMMAND]",
    .most_arguments = 1,
    .argument_choice = &choices_command,
    .description = "The same as `rankkv --help` and `rankkv COMMAND --help`.",
    .examples = examples,
    .options = groups,
    .run = run,
};
