/* reading.h: an analysis in words. */
#ifndef RKV_CLI_READING_H
#define RKV_CLI_READING_H

#include <stdbool.h>
#include <stdio.h>

#include <rankkv/budget.h>

/* One paragraph: what the ranks of this prompt are and, with_meaning, what ranks do and do not say (once is
 * enough for several prompts). */
void reading_write(FILE *out, const rkv_analysis *analysis, const rkv_budget *budget, bool with_meaning);

/* Spearman's rank correlation of x [n] and y [n], ties sharing their mean rank; NaN when n < 3, when one of
 * them is constant, or when memory is short. */
double reading_spearman(const double *x, const double *y, size_t n);

#endif
