/* policy_softmax.c: budgets that grow exponentially with the signal. */
#include <math.h>

#include "allocator/policy.h"

/* w = exp((r - max r) / (limit tau)), the softmax of r / limit at temperature tau, where limit is the largest
 * value that the signal can take (T for ranks, 1 for masses). Subtracting the maximum leaves the shares as
 * they are and cannot overflow. All equal, zero included: even. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    double tau = in->options->tau, largest = rkv_policy_largest(in);
    rkv_status status =
        rkv_policy_require(tau > 0 && isfinite(tau), "softmax", "tau", tau, "a number above 0");
    for (size_t i = 0; !status && i < in->n_units; i++)
        weight[i] = exp((in->signal[i] - largest) / in->signal_limit / tau);
    return status;
}

const rkv_policy rkv_policy_softmax = {
    .name = "softmax",
    .summary = "exponentially with the signal, at a temperature (tau)",
    .formula = "w = exp(r / (limit tau)), limit = T for ranks and keys, 1 for masses",
    .source = "Takagi-v/RankKV, budget_allocation.py (tau 1 there: nearly even)",
    .options = "tau",
    .needs_signal = true,
    .weigh = weigh,
};
