/* policy_pyramid.c: budgets that fall with depth. */
#include <math.h>

#include "allocator/policy.h"

/* w = 1 - (1 - 1 / beta) l / (L - 1): linear from 1 in the first layer to 1 / beta in the last. One layer: 1.
 * PyramidKV (pyramidkv_utils.py) has the same shape; its integer steps do not keep the total, ours do. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    double beta = in->options->pyramid_beta;
    rkv_status status = rkv_policy_require(beta >= 1 && isfinite(beta), "pyramid", "pyramid_beta", beta,
                                           "a number of at least 1");
    if (status) return status;
    double steps = in->n_layers > 1 ? (double)(in->n_layers - 1) : 1;
    for (size_t i = 0; i < in->n_units; i++)
        weight[i] = 1 - (1 - 1 / beta) * (double)in->layer[i] / steps;
    return RKV_OK;
}

const rkv_policy rkv_policy_pyramid = {
    .name = "pyramid",
    .summary = "falling with depth; the first layer has pyramid_beta times the last one's share",
    .formula = "w = 1 - (1 - 1/beta) l / (L - 1)",
    .source = "PyramidKV",
    .options = "pyramid_beta",
    .weigh = weigh,
};
