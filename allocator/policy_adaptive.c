/* policy_adaptive.c: three classes of units, parted by percentiles of the signal. */
#include <math.h>
#include <stdlib.h>

#include "allocator/policy.h"

/* The percentile of sorted [n], 0..100, linear between neighbours: numpy.percentile's default. */
static double percentile(const double *sorted, size_t n, double percent) {
    double place = percent / 100 * (double)(n - 1);
    size_t below = (size_t)place;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

static rkv_status check(const rkv_budget_options *o) {
    const struct {
        const char *name;
        double value;
        bool percent;
    } options[] = {
        {"low_percentile", o->low_percentile, true}, {"high_percentile", o->high_percentile, true},
        {"low_weight", o->low_weight, false},        {"mid_weight", o->mid_weight, false},
        {"high_weight", o->high_weight, false},
    };
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < sizeof options / sizeof *options; i++) {
        double value = options[i].value;
        status = options[i].percent ? rkv_policy_require(value >= 0 && value <= 100, "adaptive",
                                                         options[i].name, value, "a number from 0 to 100")
                                    : rkv_policy_require(value > 0 && isfinite(value), "adaptive",
                                                         options[i].name, value, "a number above 0");
    }
    if (status) return status;
    return rkv_policy_require(o->low_percentile <= o->high_percentile, "adaptive", "low_percentile",
                              o->low_percentile, "at most high_percentile");
}

/* w = low_weight where r < P_low, high_weight where r > P_high, mid_weight between (Takagi-v/RankKV,
 * allocate_budget_adaptive). All equal: every unit is in the middle, even. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    const rkv_budget_options *o = in->options;
    double *sorted = NULL;
    rkv_status status = check(o);
    if (!status) status = rkv_policy_sort(in, &sorted);
    if (status) return status;
    double low = percentile(sorted, in->n_units, o->low_percentile);
    double high = percentile(sorted, in->n_units, o->high_percentile);
    for (size_t i = 0; i < in->n_units; i++) {
        double r = in->signal[i];
        weight[i] = r < low ? o->low_weight : r > high ? o->high_weight : o->mid_weight;
    }
    free(sorted);
    return RKV_OK;
}

const rkv_policy rkv_policy_adaptive = {
    .name = "adaptive",
    .summary = "three classes: below P25, above P75 and between get weights 0.5, 1.5 and 1",
    .formula =
        "w = low_weight if r < P(low_percentile), high_weight if r > P(high_percentile), else mid_weight",
    .source = "Takagi-v/RankKV, budget_allocation.py",
    .options = "low_percentile high_percentile low_weight mid_weight high_weight",
    .needs_signal = true,
    .weigh = weigh,
};
