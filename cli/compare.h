/* compare.h: the budgets of every policy side by side. */
#ifndef RKV_CLI_COMPARE_H
#define RKV_CLI_COMPARE_H

#include <stdbool.h>

#include <rankkv/budget.h>

/* Allocates with each policy of the table, all else as in options, and prints a column each (or, as JSON, the
 * documents). A policy that refuses these options is told in a note and left out; RKV_USAGE when all do.
 * chart: file of a picture of the same (chart_file.h), or NULL. */
rkv_status compare_policies(const rkv_analysis *analysis, const rkv_budget_options *options,
                            const char *chart, bool as_json);

#endif
