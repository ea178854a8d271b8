/* policy_shuffled.c: another policy's budgets, dealt out to units at random. */
#include "allocator/policy.h"
#include "core/fail.h"

static void swap(double *weight, unsigned char *full, size_t i, size_t j) {
    double w = weight[i];
    unsigned char f = full[i];
    weight[i] = weight[j];
    full[i] = full[j];
    weight[j] = w;
    full[j] = f;
}

/* w and full of options.shuffled_policy, permuted (Fisher and Yates): the same spread of budgets, without the
 * knowledge of which unit needs what. A policy that is better than its own shuffles knows something. */
static rkv_status weigh(const rkv_policy_input *in, double *weight, unsigned char *full) {
    const char *name = in->options->shuffled_policy;
    const rkv_policy *inner = name ? rkv_policy_find(name) : NULL;
    if (!inner || !inner->weigh || inner == &rkv_policy_shuffled)
        return rkv_fail(RKV_USAGE, "shuffled: shuffled_policy is \"%s\", not another policy's name",
                        name ? name : "");
    rkv_status status = inner->weigh(in, weight, full);
    if (status) return status;
    rkv_random random = rkv_policy_draw(in);
    for (size_t i = in->n_units; i > 1; i--)
        swap(weight, full, i - 1, rkv_random_below(&random, i));
    return RKV_OK;
}

const rkv_policy rkv_policy_shuffled = {
    .name = "shuffled",
    .summary = "the shares of another policy (shuffled_policy), dealt out to the units at random",
    .formula = "w, full of shuffled_policy, permuted at random",
    .source = "control: try at least 20 seeds, by head",
    .options = "shuffled_policy seed",
    .needs_signal = true,
    .weigh = weigh,
};
