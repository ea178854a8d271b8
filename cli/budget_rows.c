/* budget_rows.c: the options of an allocation, shared by `analyze` and `budget`. */
#include "cli/budget_rows.h"

#include <stdlib.h>

#include "cli/message.h"

#define FIELD(member) .offset = offsetof(rkv_budget_options, member)

const option_row budget_rows[] = {
    {"policy", 'p', OPTION_NAME, "NAME", "How the signal becomes budgets (`rankkv methods policies`)",
     &choices_policy, FIELD(policy)},
    {"signal", 's', OPTION_TEXT, "NAME",
     "What stands in for the rank: a metric (`rankkv methods metrics`), or a signal of the profile "
     "(prompt.NAME, profile.NAME where both have it)",
     &choices_metric, FIELD(signal)},
    {"aggregate", 'a', OPTION_INDEX, "NAME",
     "How the heads of a layer become one value; `budget` does as the analysis did when it is not given",
     &choices_aggregate, FIELD(aggregate)},
    {"budget", 'b', OPTION_COUNT, "N", "Entries kept per layer and KV head, the mean over layers", .low = 1,
     FIELD(mean)},
    {"total-budget", 0, OPTION_COUNT, "N", "Entries kept per KV head, summed over layers", .low = 1,
     FIELD(total)},
    {"ratio", 'r', OPTION_NUMBER, "R",
     "Entries kept as a part of the prompt's tokens; 0.5 when no size is given", .low = 1e-6, .high = 1,
     FIELD(ratio)},
    {"min-budget", 0, OPTION_COUNT, "N",
     "Smallest budget; 4 when not given, or the even share where that is less", .low = 0, FIELD(min)},
    {"max-budget", 0, OPTION_COUNT, "N", "Largest budget; the number of tokens when not given", .low = 1,
     FIELD(max)},
    {"granularity", 'g', OPTION_INDEX, "UNIT", "A budget for each", &choices_granularity, FIELD(granularity)},
    {"within-layer", 0, OPTION_FLAG, NULL,
     "By head: share each layer's budget among its heads, not the model's among all", FIELD(within_layer)},
    {"combine", 0, OPTION_INDEX, "NAME", "By head: how the query heads of a KV head become one value",
     &choices_combine, FIELD(combine)},
    {0}};

const option_row policy_rows[] = {
    {"exponent", 0, OPTION_NUMBER, "A", "power: w = (s / mean + floor)^A", .low = -100, .high = 100,
     FIELD(exponent)},
    {"floor", 0, OPTION_NUMBER, "X", "power: added to s / mean", .low = 0, .high = 1e6, FIELD(floor)},
    {"tau", 0, OPTION_NUMBER, "X", "softmax: temperature, on signals divided by the tokens", .low = 1e-6,
     .high = 1e6, FIELD(tau)},
    {"low-percentile", 0, OPTION_NUMBER, "P", "adaptive: below it, a unit weighs little", .low = 0,
     .high = 100, FIELD(low_percentile)},
    {"high-percentile", 0, OPTION_NUMBER, "P", "adaptive: above it, a unit weighs much", .low = 0,
     .high = 100, FIELD(high_percentile)},
    {"low-weight", 0, OPTION_NUMBER, "W", "adaptive: little", .low = 1e-6, .high = 1e6, FIELD(low_weight)},
    {"mid-weight", 0, OPTION_NUMBER, "W", "adaptive: between", .low = 1e-6, .high = 1e6, FIELD(mid_weight)},
    {"high-weight", 0, OPTION_NUMBER, "W", "adaptive: much", .low = 1e-6, .high = 1e6, FIELD(high_weight)},
    {"top-k", 0, OPTION_COUNT, "K", "top-k: units that keep everything", .low = 0, FIELD(top_k)},
    {"pyramid-beta", 0, OPTION_NUMBER, "X", "pyramid: the first layer's share over the last's", .low = 1,
     .high = 1e6, FIELD(pyramid_beta)},
    {"seed", 0, OPTION_SEED, "N", "random, shuffled: the same seed gives the same budgets", FIELD(seed)},
    {"shuffled-policy", 0, OPTION_NAME, "NAME", "shuffled: whose budgets are dealt out anew", &choices_policy,
     FIELD(shuffled_policy)},
    {0}};

rkv_status budget_options_check(const rkv_budget_options *options) {
    int sizes = (options->mean > 0) + (options->total > 0) + (options->ratio > 0);
    if (sizes > 1)
        return complain(RKV_USAGE, "give one of --budget, --total-budget and --ratio, not %d", sizes);
    if (options->within_layer && options->granularity != RKV_BY_HEAD)
        return complain(RKV_USAGE, "--within-layer shares among heads: it needs --granularity head");
    return RKV_OK;
}

rkv_status budget_options_rehearse(const rkv_budget_options *options, rkv_aggregate aggregate,
                                   const rkv_model_info *model, size_t n_tokens, bool keys_known) {
    rkv_budget *budget = NULL;
    size_t n = model->n_layers * model->n_heads; /* [L, H] holds [L, G] and [L] too */
    double *ones = calloc(n ? n : 1, sizeof *ones);
    if (!ones) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        ones[i] = 1;
    rkv_analysis analysis = {.model = *model,
                             .prompt_name = (char[]){"rehearsal"},
                             .n_tokens = n_tokens,
                             .aggregate = aggregate,
                             .layer_rank = ones};
    for (rkv_metric metric = 0; metric < RKV_METRIC_COUNT; metric++)
        if (keys_known || !(metric == RKV_ERANK_K || metric == RKV_ERANK_V)) analysis.metric[metric] = ones;
    rkv_status status = said(rkv_budget_allocate(&budget, &analysis, options));
    rkv_budget_free(budget);
    free(ones);
    return status;
}
