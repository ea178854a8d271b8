/* policy_proportional.c: budgets that grow with the signal. */
#include "allocator/policy.h"

/* w = r (Takagi-v/RankKV, allocate_budget_proportional). All zero: even. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    for (size_t i = 0; i < in->n_units; i++)
        weight[i] = in->signal[i];
    return RKV_OK;
}

const rkv_policy rkv_policy_proportional = {
    .name = "proportional",
    .summary = "in proportion to the signal",
    .formula = "w = r",
    .source = "Takagi-v/RankKV, budget_allocation.py",
    .options = "",
    .needs_signal = true,
    .weigh = weigh,
};
