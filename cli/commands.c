/* commands.c: the table of commands. */
#include "cli/command.h"

#include <string.h>

static const cli_command *const table[] = {
    &cmd_analyze, &cmd_heatmap, &cmd_probe,      &cmd_profile, &cmd_budget, &cmd_export,
    &cmd_run,     &cmd_eval,    &cmd_calibrate,  &cmd_bench,   &cmd_report, &cmd_info,
    &cmd_methods, &cmd_help,    &cmd_completion, &cmd_manual,
};

/* Found by name, but not listed: the program starts itself with them. */
static const cli_command *const hidden[] = {&cmd_bench_case};

const cli_command *command_at(size_t index) {
    return index < sizeof table / sizeof *table ? table[index] : NULL;
}

const cli_command *command_find(const char *name) {
    for (size_t i = 0; command_at(i); i++)
        if (strcmp(command_at(i)->name, name) == 0) return command_at(i);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strcmp(hidden[i]->name, name) == 0) return hidden[i];
    return NULL;
}

static const char *name_at(size_t index) {
    const cli_command *command = command_at(index);
    return command ? command->name : NULL;
}

static const char *summary_at(size_t index) {
    const cli_command *command = command_at(index);
    return command ? command->summary : NULL;
}

const cli_choices choices_command = {name_at, summary_at};
