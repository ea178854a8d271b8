/* policy_uniform.c: the control that every policy must beat. */
#include "allocator/policy.h"

static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    rkv_policy_weigh_evenly(in, weight);
    return RKV_OK;
}

const rkv_policy rkv_policy_uniform = {
    .name = "uniform",
    .summary = "every unit the same",
    .formula = "w = 1",
    .source = "control",
    .options = "",
    .weigh = weigh,
};
