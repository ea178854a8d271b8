/* policy_top_k.c: the units of the highest signal keep everything, the others share evenly. */
#include <stdlib.h>

#include "allocator/policy.h"
#include "core/fail.h"

/* Marks all units above the k-th highest signal, and of those equal to it the first that are still wanted. */
static void mark_highest(const rkv_policy_input *in, double threshold, size_t k, unsigned char *full) {
    for (size_t i = 0; i < in->n_units; i++)
        if (in->signal[i] > threshold) {
            full[i] = 1;
            k--;
        }
    for (size_t i = 0; k > 0 && i < in->n_units; i++)
        if (in->signal[i] == threshold) {
            full[i] = 1;
            k--;
        }
}

/* full = the top_k highest r (ties: the lower index), w = 1 for all. top_k 0 is uniform. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    size_t k = in->options->top_k;
    double *sorted;
    if (k > in->n_units)
        return rkv_fail(RKV_USAGE, "top-k: top_k is %zu, more than the %zu that share the budget", k,
                        in->n_units);
    rkv_policy_weigh_evenly(in, weight);
    if (k == 0) return RKV_OK;
    rkv_status status = rkv_policy_sort(in, &sorted);
    if (status) return status;
    mark_highest(in, sorted[in->n_units - k], k, full);
    free(sorted);
    return RKV_OK;
}

const rkv_policy rkv_policy_top_k = {
    .name = "top-k",
    .summary = "the k units of the highest signal keep everything, the rest share evenly (top_k)",
    .formula = "full if r is among the top_k highest, else w = 1",
    .source = "DuoAttention's retrieval heads, with a signal in place of training",
    .options = "top_k",
    .needs_signal = true,
    .weigh = weigh,
};
