/* spec_write.c: the specification of an allocation's options. */
#include <stdlib.h>
#include <string.h>

#include "allocator/options.h"
#include "core/text.h"
#include "io/number.h"

static void put_name(rkv_text *text, const char *name) {
    rkv_text_add(text, name ? name : "", name ? strlen(name) : 0);
}

static void put_size(rkv_text *text, const void *field) {
    rkv_text_printf(text, "%zu", *(const size_t *)field);
}

static void put_number(rkv_text *text, const void *field) {
    rkv_text_add_number(text, *(const double *)field);
}

static void put_seed(rkv_text *text, const void *field) {
    rkv_text_printf(text, "%llu", (unsigned long long)*(const uint64_t *)field);
}

static void put_string(rkv_text *text, const void *field) {
    put_name(text, *(const char *const *)field);
}

static void put_granularity(rkv_text *text, const void *field) {
    put_name(text, *(const rkv_granularity *)field == RKV_BY_HEAD ? "head" : "layer");
}

static void put_yes_no(rkv_text *text, const void *field) {
    put_name(text, *(const bool *)field ? "yes" : "no");
}

/* RKV_AGGREGATE_COUNT has no name: it is a default. */
static void put_aggregate(rkv_text *text, const void *field) {
    rkv_aggregate aggregate = *(const rkv_aggregate *)field;
    put_name(text, aggregate < RKV_AGGREGATE_COUNT ? rkv_aggregate_name(aggregate) : "");
}

static void (*const put[])(rkv_text *text, const void *field) = {
    [RKV_BUDGET_SIZE] = put_size,
    [RKV_BUDGET_NUMBER] = put_number,
    [RKV_BUDGET_SEED] = put_seed,
    [RKV_BUDGET_POLICY] = put_string,
    [RKV_BUDGET_GRANULARITY] = put_granularity,
    [RKV_BUDGET_YES_NO] = put_yes_no,
    [RKV_BUDGET_AGGREGATE] = put_aggregate,
    [RKV_BUDGET_COMBINE] = put_aggregate,
    [RKV_BUDGET_SIGNAL] = put_string,
};

static rkv_status value_of(const rkv_budget_options *options, const rkv_budget_option *row, char **value) {
    rkv_text text = {0};
    put[row->kind](&text, (const char *)options + row->offset);
    return rkv_text_finish(&text, value);
}

static rkv_status add_option(rkv_text *text, const rkv_budget_options *options, const rkv_budget_option *row,
                             char *separator) {
    const rkv_budget_options defaults = rkv_budget_options_default();
    char *own = NULL, *standard = NULL;
    rkv_status status = value_of(options, row, &own);
    if (!status) status = value_of(&defaults, row, &standard);
    if (!status && strcmp(own, standard) != 0) {
        rkv_text_printf(text, "%c%s=%s", *separator, row->name, own);
        *separator = ',';
    }
    free(own);
    free(standard);
    return status;
}

rkv_status rkv_budget_options_to_spec(const rkv_budget_options *options, char **spec) {
    const rkv_policy *policy;
    const rkv_budget_option *row;
    rkv_text text = {0};
    char separator = ':';
    *spec = NULL;
    rkv_status status = rkv_options_find_policy(options, &policy);
    if (status) return status;
    put_name(&text, policy->name);
    for (size_t i = 0; !status && (row = rkv_spec_option_at(options, policy, i)); i++)
        status = add_option(&text, options, row, &separator);
    if (!status) return rkv_text_finish(&text, spec);
    free(text.bytes);
    return status;
}
