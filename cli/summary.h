/* summary.h: an analysis as a table per layer. */
#ifndef RKV_CLI_SUMMARY_H
#define RKV_CLI_SUMMARY_H

#include <stdio.h>

#include <rankkv/budget.h>

/* One line on the prompt, the model and what computed. */
void summary_head(FILE *out, const rkv_analysis *analysis);

/* Per layer: its rank as number and bar, its budget, and the mean sink and local mass of its heads. */
void summary_table(FILE *out, const rkv_analysis *analysis, const rkv_budget *budget);

/* "1.2 GB" */
void write_bytes(char text[32], double bytes);

#endif
