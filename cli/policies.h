/* policies.h: the budgets of every policy at one total. */
#ifndef RKV_CLI_POLICIES_H
#define RKV_CLI_POLICIES_H

#include <rankkv/budget.h>

/* Allocates with each policy of the table, all else as in options, into *budgets [*n]; policies_free frees
 * them. A policy that refuses these options is told in a note and left out; RKV_USAGE, told, when all do. */
rkv_status policies_allocate(rkv_budget ***budgets, size_t *n, const rkv_analysis *analysis,
                             const rkv_budget_options *options);
void policies_free(rkv_budget **budgets, size_t n);

#endif
