/* policy_reverse_pyramid.c: budgets that grow with depth, the pyramid's mirror image. */
#include <math.h>

#include "allocator/policy.h"

/* w = 1 / beta + (1 - 1 / beta) l / (L - 1). One layer: 1 / beta, which is as good as 1. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    double beta = in->options->pyramid_beta;
    rkv_status status = rkv_policy_require(beta >= 1 && isfinite(beta), "reverse-pyramid", "pyramid_beta",
                                           beta, "a number of at least 1");
    if (status) return status;
    double steps = in->n_layers > 1 ? (double)(in->n_layers - 1) : 1;
    for (size_t i = 0; i < in->n_units; i++)
        weight[i] = 1 - (1 - 1 / beta) * (double)(in->n_layers - 1 - in->layer[i]) / steps;
    return RKV_OK;
}

const rkv_policy rkv_policy_reverse_pyramid = {
    .name = "reverse-pyramid",
    .summary = "growing with depth; the last layer has pyramid_beta times the first one's share",
    .formula = "w = 1 - (1 - 1/beta) (L - 1 - l) / (L - 1)",
    .source = "control",
    .options = "pyramid_beta",
    .weigh = weigh,
};
