/* bar.h: a number as a bar of characters. */
#ifndef RKV_CLI_BAR_H
#define RKV_CLI_BAR_H

#include <stddef.h>
#include <stdio.h>

/* Writes part (0 to 1) of `columns` columns as a bar in eighths; returns the columns that are left of them.
 */
int bar_write(FILE *out, double part, size_t columns);

#endif
