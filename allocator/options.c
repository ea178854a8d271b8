/* options.c: the options of an allocation: their defaults, and their record in the budget. */
#include "allocator/options.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/number.h"

#define DEFAULT_POLICY "proportional"
#define DEFAULT_RATIO  0.5

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

rkv_status rkv_options_find_policy(const rkv_budget_options *options, const rkv_policy **policy) {
    const char *name = options->policy ? options->policy : DEFAULT_POLICY;
    *policy = rkv_policy_find(name);
    if (*policy) return RKV_OK;
    rkv_text text = {0};
    char *names;
    for (size_t i = 0; rkv_policy_at(i); i++)
        rkv_text_printf(&text, "%s%s", i ? ", " : "", rkv_policy_at(i)->name);
    rkv_status status = rkv_text_finish(&text, &names);
    if (!status) status = rkv_fail(RKV_USAGE, "no policy is called \"%s\"; there are: %s", name, names);
    free(names);
    return status;
}

/* ---- the total ---- */

static bool ratio_given(const rkv_budget_options *o) {
    return !isnan(o->ratio) && o->ratio != 0;
}

rkv_status rkv_options_resolve_total(const rkv_budget_options *o, size_t n_layers, size_t n_tokens,
                                     size_t *total) {
    if ((o->total != 0) + (o->mean != 0) + ratio_given(o) > 1)
        return rkv_fail(RKV_USAGE, "of total (%zu), mean (%zu) and ratio (%g) only one can be given",
                        o->total, o->mean, o->ratio);
    if (o->mean > n_tokens)
        return rkv_fail(RKV_USAGE, "mean budget %zu exceeds the %zu tokens of the prompt", o->mean, n_tokens);
    double ratio = ratio_given(o) ? o->ratio : DEFAULT_RATIO;
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

/* ---- the record ---- */

typedef enum kind { SIZE, NUMBER, SEED, NAME } kind;

/* The options that a policy can say it reads. */
static const struct row {
    const char *name;
    kind kind;
    size_t offset;
} rows[] = {
    {"tau", NUMBER, offsetof(rkv_budget_options, tau)},
    {"exponent", NUMBER, offsetof(rkv_budget_options, exponent)},
    {"floor", NUMBER, offsetof(rkv_budget_options, floor)},
    {"low_percentile", NUMBER, offsetof(rkv_budget_options, low_percentile)},
    {"high_percentile", NUMBER, offsetof(rkv_budget_options, high_percentile)},
    {"low_weight", NUMBER, offsetof(rkv_budget_options, low_weight)},
    {"mid_weight", NUMBER, offsetof(rkv_budget_options, mid_weight)},
    {"high_weight", NUMBER, offsetof(rkv_budget_options, high_weight)},
    {"top_k", SIZE, offsetof(rkv_budget_options, top_k)},
    {"pyramid_beta", NUMBER, offsetof(rkv_budget_options, pyramid_beta)},
    {"seed", SEED, offsetof(rkv_budget_options, seed)},
    {"shuffled_policy", NAME, offsetof(rkv_budget_options, shuffled_policy)},
};

/* True when word is one of the words of list. */
static bool has_word(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length) {
        bool starts = at == list || at[-1] == ' ', ends = at[length] == ' ' || at[length] == '\0';
        if (starts && ends) return true;
    }
    return false;
}

static void add_key(rkv_text *text, const char *key) {
    rkv_text_printf(text, "%s\"%s\": ", text->length > 1 ? ", " : "", key);
}

static void add_number(rkv_text *text, const char *key, double value) {
    add_key(text, key);
    rkv_text_add_number(text, value);
}

static void add_size(rkv_text *text, const char *key, size_t value) {
    add_key(text, key);
    rkv_text_printf(text, "%zu", value);
}

/* Names come from our own tables: nothing in them needs escaping. */
static void add_name(rkv_text *text, const char *key, const char *value) {
    add_key(text, key);
    rkv_text_printf(text, "\"%s\"", value);
}

static void add_option(rkv_text *text, const rkv_budget_options *options, const struct row *row) {
    const void *value = (const char *)options + row->offset;
    switch (row->kind) {
    case SIZE:
        add_size(text, row->name, *(const size_t *)value);
        break;
    case NUMBER:
        add_number(text, row->name, *(const double *)value);
        break;
    case SEED: /* most JSON readers hold numbers as doubles: a seed past 2^53 goes as text */
        add_key(text, row->name);
        rkv_text_printf(text, *(const uint64_t *)value >> 53 ? "\"%llu\"" : "%llu",
                        (unsigned long long)*(const uint64_t *)value);
        break;
    case NAME:
        add_name(text, row->name, *(const char *const *)value);
        break;
    }
}

static void add_total(rkv_text *text, const rkv_budget_options *o) {
    if (o->total)
        add_size(text, "total", o->total);
    else if (o->mean)
        add_size(text, "mean", o->mean);
    else
        add_number(text, "ratio", ratio_given(o) ? o->ratio : DEFAULT_RATIO);
}

static void add_combination(rkv_text *text, const rkv_budget_options *o) {
    bool by_layer = o->granularity == RKV_BY_LAYER || o->within_layer;
    if (by_layer && o->aggregate < RKV_AGGREGATE_COUNT)
        add_name(text, "aggregate", rkv_aggregate_name(o->aggregate));
    if (o->granularity != RKV_BY_HEAD) return;
    add_name(text, "combine", rkv_aggregate_name(o->combine));
    add_key(text, "within_layer");
    rkv_text_printf(text, o->within_layer ? "true" : "false");
}

/* options were checked: every number that the policy read is finite, every name is one of a table. */
rkv_status rkv_options_to_json(const rkv_budget_options *options, const rkv_policy *policy, char **json) {
    rkv_text text = {0};
    rkv_text_add(&text, "{", 1);
    add_total(&text, options);
    if (policy->needs_signal) add_combination(&text, options);
    const rkv_policy *inner =
        has_word(policy->options, "shuffled_policy") ? rkv_policy_find(options->shuffled_policy) : NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (has_word(policy->options, rows[i].name) || (inner && has_word(inner->options, rows[i].name)))
            add_option(&text, options, &rows[i]);
    rkv_text_add(&text, "}", 1);
    return rkv_text_finish(&text, json);
}
