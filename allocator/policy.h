/* policy.h: the policies that the table lists, one file each, and what they share. */
#ifndef RKV_ALLOCATOR_POLICY_H
#define RKV_ALLOCATOR_POLICY_H

#include <rankkv/budget.h>

#include "core/random.h"

extern const rkv_policy rkv_policy_adaptive;
extern const rkv_policy rkv_policy_calibrated;
extern const rkv_policy rkv_policy_inverse;
extern const rkv_policy rkv_policy_power;
extern const rkv_policy rkv_policy_proportional;
extern const rkv_policy rkv_policy_pyramid;
extern const rkv_policy rkv_policy_random;
extern const rkv_policy rkv_policy_reverse_pyramid;
extern const rkv_policy rkv_policy_shuffled;
extern const rkv_policy rkv_policy_softmax;
extern const rkv_policy rkv_policy_top_k;
extern const rkv_policy rkv_policy_uniform;

/* Every unit the same weight: what a policy gives when its signal says nothing (all zero). */
void rkv_policy_weigh_evenly(const rkv_policy_input *in, double *weight);

/* The largest signal; 0 when all are 0. */
double rkv_policy_largest(const rkv_policy_input *in);

/* The signal in ascending order; the caller frees *sorted [n_units]. RKV_NO_MEMORY. */
rkv_status rkv_policy_sort(const rkv_policy_input *in, double **sorted);

/* Random numbers from options.seed; within layers, every layer draws its own. */
rkv_random rkv_policy_draw(const rkv_policy_input *in);

/* RKV_USAGE with "POLICY: OPTION is VALUE, not WANTED" unless ok. */
rkv_status rkv_policy_require(bool ok, const char *policy, const char *option, double value,
                              const char *wanted);

#endif
