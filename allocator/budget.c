/* budget.c: from an analysis to a budget: the units, their bounds, the policy, the shares. */
#include <string.h>

#include "allocator/options.h"
#include "allocator/policy.h"
#include "allocator/signal.h"
#include "core/fail.h"
#include "core/memory.h"
#include "io/model_info.h"

/* What is settled before anything is shared. */
typedef struct plan {
    const rkv_analysis *analysis;
    const rkv_budget_options *options;
    const rkv_policy *policy;
    rkv_signal_source signal;
    bool follows_signal;
    size_t L, G, T;
    size_t total;    /* over layers, entries per KV head */
    size_t min, max; /* of every unit */
} plan;

/* ---- the plan ---- */

/* An analysis may have been put together by a caller: products must not overflow later. */
static rkv_status check_shape(const rkv_analysis *a) {
    size_t L = a->model.n_layers, H = a->model.n_heads, G = a->model.n_kv_heads, product;
    if (L == 0 || G == 0 || H == 0 || H % G != 0 || a->n_tokens == 0)
        return rkv_fail(RKV_DATA, "the analysis has %zu layers, %zu heads, %zu KV heads and %zu tokens", L, H,
                        G, a->n_tokens);
    if (!rkv_multiply(L, H, &product) || !rkv_multiply(product, a->n_tokens, &product) ||
        product > (size_t)1 << 52)
        return rkv_fail(RKV_DATA, "%zu layers of %zu heads on %zu tokens are too many to share out", L, H,
                        a->n_tokens);
    return RKV_OK;
}

/* max: 0 or above T means T. min: above T means T, so that a short prompt is kept whole; what is left of it
 * must not exceed max. */
static rkv_status resolve_bounds(plan *p) {
    const rkv_budget_options *o = p->options;
    size_t even = p->total / p->L;
    p->max = o->max == 0 || o->max > p->T ? p->T : o->max;
    p->min = o->min > p->T ? p->T : o->min;
    if (o->min == RKV_MIN_AUTO) {
        p->min = even < RKV_MIN_ENTRIES ? even : RKV_MIN_ENTRIES;
        if (p->min > p->max) p->min = p->max;
    }
    if (p->min > p->max)
        return rkv_fail(RKV_USAGE, "minimum budget %zu exceeds the maximum %zu", p->min, p->max);
    if (p->total < p->L * p->min)
        return rkv_fail(RKV_USAGE,
                        "total budget %zu is below the minimum: %zu layers of at least %zu are %zu", p->total,
                        p->L, p->min, p->L * p->min);
    if (p->total > p->L * p->max)
        return rkv_fail(RKV_USAGE, "total budget %zu is above the maximum: %zu layers of at most %zu are %zu",
                        p->total, p->L, p->max, p->L * p->max);
    return RKV_OK;
}

static rkv_status make_plan(plan *p, const rkv_analysis *analysis, const rkv_budget_options *options) {
    *p = (plan){.analysis = analysis, .options = options, .T = analysis->n_tokens};
    p->L = analysis->model.n_layers;
    p->G = analysis->model.n_kv_heads;
    if (options->granularity != RKV_BY_LAYER && options->granularity != RKV_BY_HEAD)
        return rkv_fail(RKV_USAGE, "granularity is %d, not by layer or by head", (int)options->granularity);
    rkv_status status = check_shape(analysis);
    if (!status) status = rkv_options_find_policy(options, &p->policy);
    if (!status && options->profile) status = rkv_profile_check_model(options->profile, &analysis->model);
    if (!status) status = rkv_signal_find(options, &p->signal);
    if (!status) status = rkv_options_resolve_total(options, p->L, p->T, &p->total);
    if (status) return status;
    p->follows_signal = rkv_options_follow_signal(options, p->policy);
    return resolve_bounds(p);
}

/* ---- sharing among units ---- */

/* Units that share one total. */
typedef struct units {
    const double *signal; /* [n], NULL when the policy needs none */
    const size_t *layer;  /* [n] */
    size_t n;
} units;

/* Full units keep the maximum. Whether the rest can still have their minimum depends on the policy, so this
 * bound is looked at here and not with the others. */
static rkv_status set_bounds(const plan *p, const unsigned char *full, size_t n, size_t total, size_t *min,
                             size_t *max) {
    size_t n_full = 0, least = 0;
    for (size_t i = 0; i < n; i++) {
        min[i] = full[i] ? p->max : p->min;
        max[i] = p->max;
        n_full += full[i];
        least += min[i];
    }
    if (least <= total) return RKV_OK;
    return rkv_fail(RKV_USAGE,
                    "%s: %zu full units of %zu entries and %zu of at least %zu need %zu, more than the %zu "
                    "that are to be shared",
                    p->policy->name, n_full, p->max, n - n_full, p->min, least, total);
}

static rkv_status weigh(const plan *p, const units *u, double *weight, unsigned char *full) {
    const rkv_policy_input input = {
        .signal = u->signal,
        .signal_limit = rkv_signal_limit(&p->signal, p->T),
        .layer = u->layer,
        .n_units = u->n,
        .n_layers = p->L,
        .n_tokens = p->T,
        .options = p->options,
    };
    return p->policy->weigh(&input, weight, full);
}

/* Shares total over the units by the plan's policy into share [n]. */
static rkv_status share_units(const plan *p, const units *u, size_t total, size_t *share) {
    double *weight = NULL;
    size_t *min = NULL, *max = NULL;
    unsigned char *full = NULL;
    rkv_status status = rkv_alloc(&weight, u->n, sizeof *weight);
    if (!status) status = rkv_alloc(&full, u->n, 1);
    if (!status) status = rkv_alloc(&min, u->n, sizeof *min);
    if (!status) status = rkv_alloc(&max, u->n, sizeof *max);
    if (!status) status = weigh(p, u, weight, full);
    if (!status) status = set_bounds(p, full, u->n, total, min, max);
    if (!status) status = rkv_budget_share(weight, min, max, u->n, total, share);
    free(max);
    free(min);
    free(full);
    free(weight);
    return status;
}

/* ---- layers and heads ---- */

/* The layer of each of n units, per_layer to a layer. */
static rkv_status number_layers(size_t n, size_t per_layer, size_t **layer) {
    rkv_status status = rkv_alloc(layer, n, sizeof **layer);
    for (size_t i = 0; !status && i < n; i++)
        (*layer)[i] = i / per_layer;
    return status;
}

typedef rkv_status (*read_signal)(const rkv_analysis *, const rkv_budget_options *, const rkv_signal_source *,
                                  double *);

/* The units of a plan, per_layer to a layer, with their signal where the policy wants one. */
static rkv_status make_units(const plan *p, size_t per_layer, read_signal read, double **signal,
                             size_t **layer) {
    rkv_status status = number_layers(p->L * per_layer, per_layer, layer);
    if (status || !p->follows_signal) return status;
    status = rkv_alloc(signal, p->L * per_layer, sizeof **signal);
    return status ? status : read(p->analysis, p->options, &p->signal, *signal);
}

static rkv_status share_layers(const plan *p, size_t *layers) {
    double *signal = NULL;
    size_t *layer = NULL;
    rkv_status status = make_units(p, 1, rkv_signal_by_layer, &signal, &layer);
    if (!status) status = share_units(p, &(units){signal, layer, p->L}, p->total, layers);
    free(layer);
    free(signal);
    return status;
}

/* Every layer's G * layers[l] entries over its own heads. */
static rkv_status share_within_layers(const plan *p, const units *all, const size_t *layers, size_t *heads) {
    size_t G = p->G;
    rkv_status status = RKV_OK;
    for (size_t l = 0; !status && l < p->L; l++) {
        const units own = {all->signal ? all->signal + l * G : NULL, all->layer + l * G, G};
        status = share_units(p, &own, G * layers[l], heads + l * G);
        if (status) rkv_fail_within(status, "layer %zu", l);
    }
    return status;
}

/* The mean of a layer's heads, rounded by largest remainder. The sums of the heads
 * add up to G * total, so the remainders add up to a multiple of G and the means to total. */
static rkv_status average_heads(const plan *p, const size_t *heads, size_t *layers) {
    double *mean = NULL;
    size_t *low = NULL, *high = NULL;
    rkv_status status = rkv_alloc(&mean, p->L, sizeof *mean);
    if (!status) status = rkv_alloc(&low, p->L, sizeof *low);
    if (!status) status = rkv_alloc(&high, p->L, sizeof *high);
    for (size_t l = 0; !status && l < p->L; l++) {
        size_t sum = 0;
        for (size_t g = 0; g < p->G; g++)
            sum += heads[l * p->G + g];
        low[l] = sum / p->G;
        high[l] = low[l] + (sum % p->G > 0);
        mean[l] = (double)sum;
    }
    if (!status) status = rkv_budget_share(mean, low, high, p->L, p->total, layers);
    free(high);
    free(low);
    free(mean);
    return status;
}

static rkv_status share_heads(const plan *p, size_t *layers, size_t *heads) {
    double *signal = NULL;
    size_t *layer = NULL, n = p->L * p->G;
    rkv_status status = make_units(p, p->G, rkv_signal_by_head, &signal, &layer);
    const units all = {signal, layer, n};
    if (!status && p->options->within_layer) {
        status = share_layers(p, layers);
        if (!status) status = share_within_layers(p, &all, layers, heads);
    } else if (!status) {
        status = share_units(p, &all, p->G * p->total, heads);
        if (!status) status = average_heads(p, heads, layers);
    }
    free(layer);
    free(signal);
    return status;
}

/* ---- the budget ---- */

static rkv_status describe(const plan *p, rkv_budget *b) {
    const char *signal = p->follows_signal ? p->signal.name : "";
    b->n_tokens = p->T;
    b->granularity = p->options->granularity;
    b->total = p->total;
    b->min = p->min;
    b->max = p->max;
    rkv_status status = rkv_model_info_copy(&b->model, &p->analysis->model);
    if (!status) status = rkv_copy_string(&b->policy, p->policy->name);
    if (!status) status = rkv_copy_string(&b->signal, signal);
    if (!status) status = rkv_copy_string(&b->source, p->analysis->prompt_name);
    return status ? status : rkv_options_to_json(p->options, p->policy, &b->options_json);
}

static rkv_status share_plan(const plan *p, rkv_budget *b) {
    rkv_status status = rkv_alloc(&b->layers, p->L, sizeof *b->layers);
    if (status || p->options->granularity == RKV_BY_LAYER)
        return status ? status : share_layers(p, b->layers);
    status = rkv_alloc(&b->heads, p->L * p->G, sizeof *b->heads);
    return status ? status : share_heads(p, b->layers, b->heads);
}

static rkv_status allocate(rkv_budget **out, const rkv_analysis *analysis,
                           const rkv_budget_options *options) {
    plan p;
    rkv_budget *b = NULL;
    rkv_status status = make_plan(&p, analysis, options);
    if (!status) status = rkv_alloc(&b, 1, sizeof *b);
    if (!status) status = share_plan(&p, b);
    if (!status) status = describe(&p, b);
    if (status)
        rkv_budget_free(b);
    else
        *out = b;
    return status;
}

rkv_status rkv_budget_allocate(rkv_budget **out, const rkv_analysis *analysis,
                               const rkv_budget_options *options) {
    const rkv_budget_options defaults = rkv_budget_options_default();
    rkv_budget_options resolved;
    char *signal;
    *out = NULL;
    rkv_status status = rkv_options_resolve(options ? options : &defaults, &resolved, &signal);
    if (!status) status = allocate(out, analysis, &resolved);
    free(signal);
    return status;
}

bool rkv_budget_needs_analysis(const rkv_budget_options *options) {
    rkv_budget_options resolved;
    const rkv_policy *policy;
    char *signal;
    bool needs = true; /* of options that cannot be used, too: allocating says why */
    if (rkv_options_resolve(options, &resolved, &signal) == RKV_OK &&
        rkv_options_find_policy(&resolved, &policy) == RKV_OK)
        needs = rkv_options_follow_signal(&resolved, policy) &&
                rkv_budget_signal_origin(&resolved) != RKV_SIGNAL_OF_PROFILE;
    free(signal);
    return needs;
}
