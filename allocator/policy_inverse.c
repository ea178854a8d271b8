/* policy_inverse.c: budgets that fall as the signal grows. */
#include "allocator/policy.h"

/* w = 1 / r, scaled by the smallest r above 0 so that it lies in 0..1. A signal of 0 counts as that smallest;
 * all zero: even. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    double smallest = 0;
    for (size_t i = 0; i < in->n_units; i++)
        if (in->signal[i] > 0 && (smallest == 0 || in->signal[i] < smallest)) smallest = in->signal[i];
    for (size_t i = 0; i < in->n_units; i++)
        weight[i] = in->signal[i] > 0 ? smallest / in->signal[i] : 1;
    return RKV_OK;
}

const rkv_policy rkv_policy_inverse = {
    .name = "inverse",
    .summary = "in inverse proportion to the signal",
    .formula = "w = 1 / r",
    .source = "Takagi-v/RankKV's ablation; wins over proportional on the default model (docs/METHODS.md)",
    .options = "",
    .needs_signal = true,
    .weigh = weigh,
};
