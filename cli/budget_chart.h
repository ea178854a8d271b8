/* budget_chart.h: budgets layer by layer as a picture. */
#ifndef RKV_CLI_BUDGET_CHART_H
#define RKV_CLI_BUDGET_CHART_H

#include <rankkv/budget.h>

/* Draws budgets [n] of one total for one prompt into path (chart_file.h): one by itself as bars, by head with
 * the span of each layer's heads; several as a line each. */
rkv_status budget_chart_save(const rkv_budget *const *budgets, size_t n, const char *path);

#endif
