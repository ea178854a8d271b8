/* command.h: a command of the program: one row of the table in commands.c, one file cmd_NAME.c. */
#ifndef RKV_CLI_COMMAND_H
#define RKV_CLI_COMMAND_H

#include <rankkv/rankkv.h>

#include "cli/option.h"

typedef struct cli_example {
    const char *line; /* runs as written */
    const char *what; /* what it does */
} cli_example;

typedef struct cli_command {
    const char *name;
    const char *summary;                /* one line, for the overview and the top of --help */
    const char *arguments;              /* what follows the options in the synopsis; "" for nothing */
    size_t least_arguments;             /* how many are needed */
    size_t most_arguments;              /* and allowed */
    const cli_choices *argument_choice; /* completion of the arguments; NULL: they are files */
    const char *description;            /* paragraphs, between empty lines */
    const cli_example *examples;        /* a row of NULL ends it; NULL when there are none */
    const option_group *options;        /* a row of NULL ends it */
    size_t options_size;                /* of the structure that the rows write into */
    void (*set_defaults)(void *options);
    bool computes; /* uses the processor's linear algebra: see restart_for_libraries in main.c */
    /* options: as parsed. A failure has been told on stderr when run returns it. */
    rkv_status (*run)(const void *options, char **arguments, size_t n_arguments);
} cli_command;

/* The table, in the order of the overview; NULL past the end, or when no command has that name. Commands that
 * are not in the table but for the program's own use are found by name. */
const cli_command *command_at(size_t index);
const cli_command *command_find(const char *name);

/* Names of the commands, for suggestions and completion. */
extern const cli_choices choices_command;

#define ANY_NUMBER SIZE_MAX /* most_arguments without a limit */

extern const cli_command cmd_analyze, cmd_bench, cmd_bench_case, cmd_budget, cmd_calibrate, cmd_completion,
    cmd_eval, cmd_export, cmd_heatmap, cmd_help, cmd_info, cmd_manual, cmd_methods, cmd_probe, cmd_profile,
    cmd_report, cmd_run;

#endif
