/* eval_table.h: results of an evaluation as a table. */
#ifndef RKV_CLI_EVAL_TABLE_H
#define RKV_CLI_EVAL_TABLE_H

#include <stdio.h>

#include <rankkv/eval.h>

/* A block for each task and protocol, a line for each setting, as wide as the terminal; 100 columns where
 * there is none. What does not fit is left out, the least telling columns first. */
void eval_table_write(FILE *out, const rkv_results *results);

/* The same, `width` columns wide. */
void eval_table_write_within(FILE *out, const rkv_results *results, size_t width);

#endif
