/* budget_profile.h: the profile that budgets follow, shared by `analyze` and `budget`. */
#ifndef RKV_CLI_BUDGET_PROFILE_H
#define RKV_CLI_BUDGET_PROFILE_H

#include <rankkv/budget.h>

#define PROFILE_DOC                                                                                          \
    "Signals of this model's heads, and what --policy calibrated stands for: profile.json of rankkv probe, " \
    "profile or calibrate"

/* Start from {0}; what the options borrow. */
typedef struct budget_profile {
    rkv_profile *profile; /* NULL: none was given */
    char *signal;         /* that calibration chose */
} budget_profile;

/* Loads path, if one is given, for options->profile, and refuses a signal that nobody has before there is any
 * work. */
rkv_status budget_profile_load(budget_profile *known, const char *path, rkv_budget_options *options);
/* Puts what "calibrated" stands for in the options. */
rkv_status budget_profile_resolve(budget_profile *known, rkv_budget_options *options);
void budget_profile_clear(budget_profile *known);

#endif
