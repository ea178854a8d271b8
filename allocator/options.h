/* options.h: the options of an allocation: their defaults, what they stand for, and their record in the
 * budget. */
#ifndef RKV_ALLOCATOR_OPTIONS_H
#define RKV_ALLOCATOR_OPTIONS_H

#include <rankkv/budget.h>

#include "core/slice.h"

/* ---- the options that policies read ---- */

typedef enum rkv_budget_option_kind {
    RKV_BUDGET_SIZE,        /* size_t */
    RKV_BUDGET_NUMBER,      /* double */
    RKV_BUDGET_SEED,        /* uint64_t */
    RKV_BUDGET_POLICY,      /* const char *, static */
    RKV_BUDGET_GRANULARITY, /* these occur in specifications only (spec.c) */
    RKV_BUDGET_YES_NO,
    RKV_BUDGET_AGGREGATE,
    RKV_BUDGET_COMBINE,
    RKV_BUDGET_SIGNAL
} rkv_budget_option_kind;

typedef struct rkv_budget_option {
    const char *name; /* as rkv_policy's row has it */
    rkv_budget_option_kind kind;
    size_t offset;      /* in rkv_budget_options */
    double least, most; /* limits of sizes and numbers in a specification */
} rkv_budget_option;

/* NULL past the end. */
const rkv_budget_option *rkv_budget_option_at(size_t index);

/* Whether a policy, or the one whose weights `shuffled` deals out, reads the option of that name. */
bool rkv_options_read(const rkv_budget_options *options, const rkv_policy *policy, const char *option);
/* Likewise, whether they follow the signal. */
bool rkv_options_follow_signal(const rkv_budget_options *options, const rkv_policy *policy);

/* The i-th option that a specification of the policy takes; NULL past the end. */
const rkv_budget_option *rkv_spec_option_at(const rkv_budget_options *options, const rkv_policy *policy,
                                            size_t i);

/* ---- what they stand for ---- */

/* The policy of a name. RKV_USAGE lists the names when there is none. */
rkv_status rkv_policy_look_up(rkv_slice name, const rkv_policy **policy);
/* The policy that the options name (NULL: the default's). RKV_USAGE lists the names when there is none. */
rkv_status rkv_options_find_policy(const rkv_budget_options *options, const rkv_policy **policy);

/* A copy of the options in which "calibrated" is replaced by what the profile's calibration says. The name of
 * the signal that it chose is in *signal, which the caller frees; NULL when none. RKV_USAGE: there is no
 * calibration; RKV_DATA: it cannot be used. */
rkv_status rkv_options_resolve(const rkv_budget_options *options, rkv_budget_options *resolved,
                               char **signal);

/* What ratio stands for when no size is given, and whether it is given. */
#define RKV_BUDGET_DEFAULT_RATIO 0.5
bool rkv_options_give_ratio(const rkv_budget_options *options);

/* The sum over layers of n_layers * n_tokens entries at most, from whichever of total, mean and ratio is
 * given. RKV_USAGE: more than one, or one out of its range. */
rkv_status rkv_options_resolve_total(const rkv_budget_options *options, size_t n_layers, size_t n_tokens,
                                     size_t *total);

/* ---- the record ---- */

/* A JSON object in text that the caller frees: how the total was given, how heads were combined, and what the
 * policy read. */
rkv_status rkv_options_to_json(const rkv_budget_options *options, const rkv_policy *policy, char **json);

#endif
