/* arguments.h: a command's rows turned into argp's, so that glibc parses and prints --help, --usage,
 * --version. */
#ifndef RKV_CLI_ARGUMENTS_H
#define RKV_CLI_ARGUMENTS_H

#include "cli/command.h"

/* Parses argv (argv[0] is the name to show, "rankkv analyze") into options, which holds the defaults, and
 * hands out the remaining arguments (borrowed from argv). Wrong use and --help end the program, with 2 and 0.
 */
void arguments_parse(const cli_command *command, int argc, char **argv, void *options, char ***arguments,
                     size_t *n_arguments);

/* Writes the command's --help to stdout and ends the program. */
void arguments_help(const cli_command *command);

/* "0 success, 2 wrong use: ..., ...": the codes that the program ends with. */
void write_exit_codes(FILE *out, const char *separator);

/* The exit code that a signal leaves. */
enum { EXIT_SIGNAL = 128 };

#endif
