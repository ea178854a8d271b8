/* budget_rows.h: the options of an allocation, shared by `analyze` and `budget`. */
#ifndef RKV_CLI_BUDGET_ROWS_H
#define RKV_CLI_BUDGET_ROWS_H

#include "cli/option.h"

#include <rankkv/budget.h>

/* They write into an rkv_budget_options. */
extern const option_row budget_rows[], policy_rows[];

/* Refuses what the rows one by one cannot: two sizes at once, --within-layer by layer. */
rkv_status budget_options_check(const rkv_budget_options *options);

/* Tries the allocation that follows an analysis on a made-up analysis of this shape, all signals equal, so
 * that a total that cannot be met is known before the long work. aggregate: the analysis's. keys_known: it
 * will have erank_k and erank_v. */
rkv_status budget_options_rehearse(const rkv_budget_options *options, rkv_aggregate aggregate,
                                   const rkv_model_info *model, size_t n_tokens, bool keys_known);

#endif
