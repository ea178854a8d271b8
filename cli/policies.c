/* policies.c: the budgets of every policy at one total. */
#include "cli/policies.h"

#include <stdlib.h>

#include "cli/choices.h"
#include "cli/message.h"

rkv_status policies_allocate(rkv_budget ***out, size_t *n, const rkv_analysis *analysis,
                             const rkv_budget_options *options) {
    rkv_status refused = RKV_USAGE;
    rkv_budget **budgets = calloc(choices_count(&choices_policy) + 1, sizeof *budgets);
    *out = budgets;
    *n = 0;
    if (!budgets) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < choices_count(&choices_policy); i++) {
        rkv_budget_options one = *options;
        one.policy = rkv_policy_at(i)->name;
        if (!rkv_policy_at(i)->weigh) continue; /* calibrated is one of the others, with options of its own */
        rkv_status failed = rkv_budget_allocate(&budgets[*n], analysis, &one);
        if (failed)
            note("%s is left out: %s", one.policy, rkv_message());
        else
            ++*n;
        refused = failed ? failed : refused;
    }
    /* the last reason stands for all: it is the shared options that are wrong */
    return *n == 0 ? said(refused) : RKV_OK;
}

void policies_free(rkv_budget **budgets, size_t n) {
    for (size_t i = 0; i < n; i++)
        rkv_budget_free(budgets[i]);
    free(budgets);
}
