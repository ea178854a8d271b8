/* list.h: lists in one argument: "a,b:x=1,y=2,c" is a, b:x=1,y=2 and c. */
#ifndef RKV_CLI_LIST_H
#define RKV_CLI_LIST_H

#include <stddef.h>

#include <rankkv/status.h>

/* The parts of a list; what they point to lies in one block of memory. Start from {0}. */
typedef struct cli_parts {
    char **items; /* [n] */
    size_t n;
    char *memory;
} cli_parts;

/* Splits at commas; a part of the form NAME=VALUE goes on with the specification before it. option names the
 * list in messages. RKV_USAGE, told: an empty part. */
rkv_status parts_split(cli_parts *out, const char *option, const char *text);
void parts_clear(cli_parts *parts);

/* The same for numbers; the caller frees *numbers. RKV_USAGE, told: no number, or out of range. */
rkv_status numbers_split(double **numbers, size_t *n, const char *option, const char *text, double low,
                         double high);
rkv_status sizes_split(size_t **sizes, size_t *n, const char *option, const char *text, size_t low);

#endif
