/* option.h: the options of a command as rows of a table. Parsing, --help, the bash completion and the man
 * page come from the same rows. */
#ifndef RKV_CLI_OPTION_H
#define RKV_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/choices.h"

typedef enum option_kind {
    OPTION_FLAG,   /* bool: given or not */
    OPTION_TEXT,   /* const char *: any text; choices, when there are some, are only suggested */
    OPTION_FILE,   /* const char *: path of a file */
    OPTION_FOLDER, /* const char *: path of a folder */
    OPTION_COUNT,  /* size_t, at least `low` */
    OPTION_SEED,   /* uint64_t */
    OPTION_NUMBER, /* double, from low to high */
    OPTION_NAME,   /* const char *: the name of one of the choices */
    OPTION_INDEX,  /* an enumeration: the index of one of the choices */
    OPTION_LIST    /* cli_list: any text, each time the option is given */
} option_kind;

/* What an option was given, in order; borrowed from the arguments. */
typedef struct cli_list {
    const char *items[32];
    size_t n;
} cli_list;

typedef struct option_row {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* the short form; 0: none */
    option_kind kind;
    const char *argument; /* its name in help; NULL for a flag */
    const char *doc;      /* choices and default are added to it */
    const cli_choices *choices;
    double low, high;
    size_t offset; /* of the field in the structure that holds the values */
} option_row;

/* A titled group of rows. The same rows serve several commands: base is where their structure lies in the
 * command's own. */
typedef struct option_group {
    const char *title;
    const option_row *rows;
    size_t base;
} option_group;

/* Reads text into the row's field of options. On failure writes why into problem: the value and what would
 * do. */
bool option_set(const option_row *row, void *options, const char *text, char *problem, size_t size);

/* The row's doc with its choices and its default, read from defaults (a structure as the command makes it).
 */
void option_describe(FILE *out, const option_row *row, const void *defaults);

#endif
