/* record.c: what an allocation was given, as a JSON object in the budget. */
#include "allocator/options.h"
#include "core/text.h"
#include "io/number.h"

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

static void add_option(rkv_text *text, const rkv_budget_options *options, const rkv_budget_option *row) {
    const void *value = (const char *)options + row->offset;
    switch (row->kind) {
    case RKV_BUDGET_SIZE:
        add_size(text, row->name, *(const size_t *)value);
        break;
    case RKV_BUDGET_NUMBER:
        add_number(text, row->name, *(const double *)value);
        break;
    case RKV_BUDGET_SEED: /* most JSON readers hold numbers as doubles: a seed past 2^53 goes as text */
        add_key(text, row->name);
        rkv_text_printf(text, *(const uint64_t *)value >> 53 ? "\"%llu\"" : "%llu",
                        (unsigned long long)*(const uint64_t *)value);
        break;
    default: /* RKV_BUDGET_POLICY */
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
        add_number(text, "ratio", rkv_options_give_ratio(o) ? o->ratio : RKV_BUDGET_DEFAULT_RATIO);
}

static void add_combination(rkv_text *text, const rkv_budget_options *o) {
    if (rkv_budget_signal_origin(o) == RKV_SIGNAL_OF_PROFILE) {
        add_key(text, "from_profile");
        rkv_text_printf(text, "true");
    }
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
    const rkv_budget_option *row;
    rkv_text_add(&text, "{", 1);
    add_total(&text, options);
    if (rkv_options_follow_signal(options, policy)) add_combination(&text, options);
    for (size_t i = 0; (row = rkv_budget_option_at(i)); i++)
        if (rkv_options_read(options, policy, row->name)) add_option(&text, options, row);
    rkv_text_add(&text, "}", 1);
    return rkv_text_finish(&text, json);
}
