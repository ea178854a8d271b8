/* budget_profile.c: the profile that budgets follow, shared by `analyze` and `budget`. */
#include "cli/budget_profile.h"

#include <string.h>

#include "cli/choices.h"
#include "cli/message.h"

#define CALIBRATED "calibrated"

static rkv_status check_signal(const rkv_budget_options *options) {
    const rkv_profile *profile = options->profile;
    const char *name = options->signal;
    if (rkv_budget_signal_origin(options)) return RKV_OK;
    const char *near = choices_suggest(&choices_metric, name);
    for (size_t i = 0; profile && !near && i < profile->n_signals; i++)
        if (strncmp(profile->signals[i].name, name, strlen(name)) == 0) near = profile->signals[i].name;
    return complain(RKV_USAGE,
                    "--signal: unknown signal '%s'%s%s%s; `rankkv methods metrics` has what an "
                    "analysis knows, `rankkv info` what %s",
                    name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "",
                    profile ? "the profile does" : "a --profile does");
}

rkv_status budget_profile_load(budget_profile *known, const char *path, rkv_budget_options *options) {
    rkv_status status = path ? said(rkv_profile_load(&known->profile, path)) : RKV_OK;
    options->profile = known->profile;
    return status ? status : check_signal(options);
}

rkv_status budget_profile_resolve(budget_profile *known, rkv_budget_options *options) {
    if (strcmp(options->policy, CALIBRATED) != 0) return RKV_OK;
    return said(rkv_budget_options_parse(CALIBRATED, options, &known->signal));
}

void budget_profile_clear(budget_profile *known) {
    rkv_profile_free(known->profile);
    rkv_free(known->signal);
    *known = (budget_profile){0};
}
