/* overview.h: what `rankkv` says about itself as a whole. */
#ifndef RKV_CLI_OVERVIEW_H
#define RKV_CLI_OVERVIEW_H

#include <stdio.h>

#include <rankkv/status.h>

/* What the program is, in a sentence; for help and man page. */
extern const char overview_sentence[];

/* The commands, with a word on each. */
void overview_print(FILE *stream);

/* `rankkv --help` and `rankkv --version`; the exit code. */
int overview_run(int argc, char **argv);

/* Complains, and suggests the command that was meant. */
rkv_status overview_unknown_command(const char *name);

#endif
