/* policy_random.c: budgets that follow nothing. */
#include "allocator/policy.h"

/* w uniform in (0, 1], from the seed. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    (void)full;
    rkv_random random = rkv_policy_draw(in);
    for (size_t i = 0; i < in->n_units; i++)
        weight[i] = 1 - rkv_random_unit(&random);
    return RKV_OK;
}

const rkv_policy rkv_policy_random = {
    .name = "random",
    .summary = "at random, the same for the same seed",
    .formula = "w uniform in (0, 1]",
    .source = "control",
    .options = "seed",
    .weigh = weigh,
};
