/* invocation.h: how this program was started, for what it writes. */
#ifndef RKV_CLI_INVOCATION_H
#define RKV_CLI_INVOCATION_H

#include <stddef.h>

/* Remembers the words of the command line; they are borrowed. Before the options are parsed, which reorders
 * argv. */
void invocation_keep(int argc, char **argv);

/* The words [*n]: "rankkv", and what followed it. */
const char *const *invocation_words(size_t *n);

/* Now in UTC, "2026-11-21T14:05:00Z". */
enum { INVOCATION_DATE_SIZE = 32 };
void invocation_date(char date[INVOCATION_DATE_SIZE]);

#endif
