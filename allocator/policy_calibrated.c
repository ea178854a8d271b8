/* policy_calibrated.c: the budget that calibration chose for a model. */
#include "allocator/policy.h"

/* It has no weights of its own: rkv_options_resolve puts what the profile says in its place. */
const rkv_policy rkv_policy_calibrated = {
    .name = "calibrated",
    .summary = "what calibration chose for this model, as the profile has it (--profile)",
    .formula = "w, full of the policy, signal and options in the profile",
    .source = "rankkv calibrate",
    .options = "",
    .needs_signal = true,
    .weigh = NULL,
};
