/* policies.c: the table of policies, in the order in which they are shown, and what they share. */
#include <string.h>

#include "allocator/policy.h"
#include "core/fail.h"
#include "core/memory.h"

/* The policies that follow a signal first, then the controls that every claim is to be held against. */
static const rkv_policy *const table[] = {
    &rkv_policy_proportional, &rkv_policy_softmax,         &rkv_policy_adaptive,   &rkv_policy_power,
    &rkv_policy_inverse,      &rkv_policy_top_k,           &rkv_policy_calibrated, &rkv_policy_uniform,
    &rkv_policy_pyramid,      &rkv_policy_reverse_pyramid, &rkv_policy_random,     &rkv_policy_shuffled,
};
#define N_POLICIES (sizeof table / sizeof *table)

const rkv_policy *rkv_policy_at(size_t index) {
    return index < N_POLICIES ? table[index] : NULL;
}

const rkv_policy *rkv_policy_find(const char *name) {
    for (size_t i = 0; i < N_POLICIES; i++)
        if (strcmp(table[i]->name, name) == 0) return table[i];
    return NULL;
}

void rkv_policy_weigh_evenly(const rkv_policy_input *in, double *weight) {
    for (size_t i = 0; i < in->n_units; i++)
        weight[i] = 1;
}

double rkv_policy_largest(const rkv_policy_input *in) {
    double largest = 0;
    for (size_t i = 0; i < in->n_units; i++)
        if (in->signal[i] > largest) largest = in->signal[i];
    return largest;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

rkv_status rkv_policy_sort(const rkv_policy_input *in, double **sorted) {
    rkv_status status = rkv_alloc_raw(sorted, in->n_units, sizeof **sorted);
    if (status) return status;
    memcpy(*sorted, in->signal, in->n_units * sizeof **sorted);
    qsort(*sorted, in->n_units, sizeof **sorted, ascending);
    return RKV_OK;
}

rkv_random rkv_policy_draw(const rkv_policy_input *in) {
    rkv_random mixer = {in->options->seed};
    /* Not seed + layer: neighbouring states of SplitMix64 would be the same sequence, shifted. */
    return (rkv_random){rkv_random_next(&mixer) ^ in->layer[0] * 0xD1342543DE82EF95u};
}

rkv_status rkv_policy_require(bool ok, const char *policy, const char *option, double value,
                              const char *wanted) {
    if (ok) return RKV_OK;
    return rkv_fail(RKV_USAGE, "%s: %s is %.10g, not %s", policy, option, value, wanted);
}
