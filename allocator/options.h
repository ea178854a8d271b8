/* options.h: the options of an allocation: their defaults, and their record in the budget. */
#ifndef RKV_ALLOCATOR_OPTIONS_H
#define RKV_ALLOCATOR_OPTIONS_H

#include <rankkv/budget.h>

/* The policy that the options name (NULL: the default's). RKV_USAGE lists the names when there is none. */
rkv_status rkv_options_find_policy(const rkv_budget_options *options, const rkv_policy **policy);

/* The sum over layers of n_layers * n_tokens entries at most, from whichever of total, mean and ratio is
 * given. RKV_USAGE: more than one, or one out of its range. */
rkv_status rkv_options_resolve_total(const rkv_budget_options *options, size_t n_layers, size_t n_tokens,
                                     size_t *total);

/* A JSON object in text that the caller frees: how the total was given, how heads were combined, and what the
 * policy read. */
rkv_status rkv_options_to_json(const rkv_budget_options *options, const rkv_policy *policy, char **json);

#endif
