/* options.c: the options of an allocation: their defaults, who reads them, and the total. */
#include "allocator/options.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"

#define DEFAULT_POLICY "proportional"

rkv_budget_options rkv_budget_options_default(void) {
    return (rkv_budget_options){
        .policy = DEFAULT_POLICY,
        .signal = "erank",
        .granularity = RKV_BY_LAYER,
        .aggregate = RKV_AGGREGATE_COUNT,
        .combine = RKV_AGGREGATE_MAX,
        .min = RKV_MIN_AUTO,
        .tau = 0.1,
        .exponent = 1,
        .floor = 0.05,
        .low_percentile = 25,
        .high_percentile = 75,
        .low_weight = 0.5,
        .mid_weight = 1,
        .high_weight = 1.5,
        .top_k = 6,
        .pyramid_beta = 20,
        .shuffled_policy = DEFAULT_POLICY,
    };
}

/* ---- policies ---- */

static rkv_status fail_unknown(rkv_slice name) {
    rkv_text text = {0};
    char *names;
    for (size_t i = 0; rkv_policy_at(i); i++)
        rkv_text_printf(&text, "%s%s", i ? ", " : "", rkv_policy_at(i)->name);
    rkv_status status = rkv_text_finish(&text, &names);
    if (!status)
        status = rkv_fail(RKV_USAGE, "no policy is called \"%.*s\"; there are: %s", RKV_SLICE(name), names);
    free(names);
    return status;
}

rkv_status rkv_policy_look_up(rkv_slice name, const rkv_policy **policy) {
    for (size_t i = 0; (*policy = rkv_policy_at(i)); i++)
        if (rkv_slice_is(name, (*policy)->name)) return RKV_OK;
    return fail_unknown(name);
}

rkv_status rkv_options_find_policy(const rkv_budget_options *options, const rkv_policy **policy) {
    const char *name = options->policy ? options->policy : DEFAULT_POLICY;
    return rkv_policy_look_up((rkv_slice){name, strlen(name)}, policy);
}

/* ---- who reads which ---- */

#define ROW(kind, member, least, most)                                                                       \
    { #member, RKV_BUDGET_##kind, offsetof(rkv_budget_options, member), least, most }

static const rkv_budget_option rows[] = {
    ROW(NUMBER, tau, 1e-6, 1e6),
    ROW(NUMBER, exponent, -100, 100),
    ROW(NUMBER, floor, 0, 1e6),
    ROW(NUMBER, low_percentile, 0, 100),
    ROW(NUMBER, high_percentile, 0, 100),
    ROW(NUMBER, low_weight, 1e-6, 1e6),
    ROW(NUMBER, mid_weight, 1e-6, 1e6),
    ROW(NUMBER, high_weight, 1e-6, 1e6),
    ROW(SIZE, top_k, 0, INT32_MAX),
    ROW(NUMBER, pyramid_beta, 1, 1e6),
    ROW(SEED, seed, 0, 0),
    ROW(POLICY, shuffled_policy, 0, 0),
};

const rkv_budget_option *rkv_budget_option_at(size_t index) {
    return index < sizeof rows / sizeof *rows ? &rows[index] : NULL;
}

/* True when word is one of the words of list. */
static bool has_word(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length) {
        bool starts = at == list || at[-1] == ' ', ends = at[length] == ' ' || at[length] == '\0';
        if (starts && ends) return true;
    }
    return false;
}

/* The policy whose weights another one deals out; NULL when it has weights of its own. */
static const rkv_policy *inner_policy(const rkv_budget_options *options, const rkv_policy *policy) {
    bool deals = has_word(policy->options, "shuffled_policy") && options->shuffled_policy;
    return deals ? rkv_policy_find(options->shuffled_policy) : NULL;
}

bool rkv_options_read(const rkv_budget_options *options, const rkv_policy *policy, const char *option) {
    const rkv_policy *inner = inner_policy(options, policy);
    return has_word(policy->options, option) || (inner && has_word(inner->options, option));
}

bool rkv_options_follow_signal(const rkv_budget_options *options, const rkv_policy *policy) {
    const rkv_policy *inner = inner_policy(options, policy);
    return policy->needs_signal && (!inner || inner->needs_signal);
}

/* ---- the total ---- */

bool rkv_options_give_ratio(const rkv_budget_options *o) {
    return !isnan(o->ratio) && o->ratio != 0;
}

rkv_status rkv_options_resolve_total(const rkv_budget_options *o, size_t n_layers, size_t n_tokens,
                                     size_t *total) {
    if ((o->total != 0) + (o->mean != 0) + rkv_options_give_ratio(o) > 1)
        return rkv_fail(RKV_USAGE, "of total (%zu), mean (%zu) and ratio (%g) only one can be given",
                        o->total, o->mean, o->ratio);
    if (o->mean > n_tokens)
        return rkv_fail(RKV_USAGE, "mean budget %zu exceeds the %zu tokens of the prompt", o->mean, n_tokens);
    double ratio = rkv_options_give_ratio(o) ? o->ratio : RKV_BUDGET_DEFAULT_RATIO;
    if (!(ratio > 0 && ratio <= 1))
        return rkv_fail(RKV_USAGE, "ratio is %g, not above 0 and at most 1", ratio);
    size_t all = n_layers * n_tokens;
    *total = o->total ? o->total : o->mean ? n_layers * o->mean : (size_t)llround(ratio * (double)all);
    if (*total > all)
        return rkv_fail(RKV_USAGE, "total budget %zu exceeds the %zu of %zu layers with %zu tokens each",
                        *total, all, n_layers, n_tokens);
    if (*total == 0)
        return rkv_fail(RKV_USAGE, "ratio %g of %zu layers with %zu tokens each rounds to no entry at all",
                        ratio, n_layers, n_tokens);
    return RKV_OK;
}
