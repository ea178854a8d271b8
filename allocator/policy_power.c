/* policy_power.c: budgets that follow a power of the signal, of either sign, above a floor. */
#include <math.h>

#include "allocator/policy.h"

/* base[i] = r / mean r + floor, computed on r / max r so that no sum overflows; all r zero: all the same. */
static void find_bases(const rkv_policy_input *in, double floor, double *base) {
    double largest = rkv_policy_largest(in), mean = 0;
    for (size_t i = 0; i < in->n_units; i++)
        mean += largest > 0 ? in->signal[i] / largest / (double)in->n_units : 0;
    for (size_t i = 0; i < in->n_units; i++)
        base[i] = largest > 0 ? in->signal[i] / largest / mean + floor : 1;
}

/* The base that gets the largest weight: dividing by it keeps every power in 0..1. Zero bases do not count.
 */
static double find_reference(const double *base, size_t n, bool growing) {
    double reference = 0;
    for (size_t i = 0; i < n; i++)
        if (base[i] > 0 && (reference == 0 || (growing ? base[i] > reference : base[i] < reference)))
            reference = base[i];
    return reference;
}

/* w = (r / mean r + floor)^exponent. Where the floor is 0 and the exponent negative, a signal of 0 counts as
 * the smallest that is above 0; exponent 0 or all zero: even. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    double a = in->options->exponent, floor = in->options->floor;
    rkv_status status = rkv_policy_require(isfinite(a), "power", "exponent", a, "a finite number");
    if (!status)
        status = rkv_policy_require(floor >= 0 && isfinite(floor), "power", "floor", floor,
                                    "a number of at least 0");
    if (status) return status;
    find_bases(in, floor, weight);
    double reference = find_reference(weight, in->n_units, a > 0);
    for (size_t i = 0; i < in->n_units; i++) {
        double base = weight[i] > 0 || a > 0 ? weight[i] : reference;
        weight[i] = pow(base / reference, a);
    }
    return RKV_OK;
}

const rkv_policy rkv_policy_power = {
    .name = "power",
    .summary = "a power of the signal, of either sign, above a floor (exponent, floor)",
    .formula = "w = (r / mean(r) + floor)^exponent",
    .source = "Takagi-v/RankKV (r^p, and r^0.3 for H2O); the floor keeps steep exponents from starving units",
    .options = "exponent floor",
    .needs_signal = true,
    .weigh = weigh,
};
