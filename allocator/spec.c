/* spec.c: the options of an allocation from a specification: "power:signal=retr,exponent=0.5,by=head". */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "allocator/options.h"
#include "allocator/policy.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"

/* ---- values, by kind ---- */

/* Each takes a value into its field; false when it is none. */
typedef bool (*take_fn)(const rkv_budget_option *row, rkv_slice text, void *field);

static bool take_size(const rkv_budget_option *row, rkv_slice text, void *field) {
    size_t size;
    if (!rkv_slice_to_size(text, (size_t)row->most, &size) || (double)size < row->least) return false;
    *(size_t *)field = size;
    return true;
}

static bool take_number(const rkv_budget_option *row, rkv_slice text, void *field) {
    double number;
    if (!rkv_slice_to_real(text, &number) || !(number >= row->least && number <= row->most)) return false;
    *(double *)field = number;
    return true;
}

static bool take_seed(const rkv_budget_option *row, rkv_slice text, void *field) {
    (void)row;
    return rkv_slice_to_integer(text, UINT64_MAX, field);
}

static bool take_policy(const rkv_budget_option *row, rkv_slice text, void *field) {
    (void)row;
    const rkv_policy *policy;
    if (rkv_policy_look_up(text, &policy)) return false;
    *(const char **)field = policy->name;
    return true;
}

static bool take_granularity(const rkv_budget_option *row, rkv_slice text, void *field) {
    (void)row;
    bool by_head = rkv_slice_is(text, "head");
    *(rkv_granularity *)field = by_head ? RKV_BY_HEAD : RKV_BY_LAYER;
    return by_head || rkv_slice_is(text, "layer");
}

static bool take_yes_no(const rkv_budget_option *row, rkv_slice text, void *field) {
    (void)row;
    *(bool *)field = rkv_slice_is(text, "yes");
    return *(bool *)field || rkv_slice_is(text, "no");
}

static bool take_aggregate(const rkv_budget_option *row, rkv_slice text, void *field) {
    (void)row;
    for (size_t i = 0; i < RKV_AGGREGATE_COUNT; i++)
        if (rkv_slice_is(text, rkv_aggregate_name((rkv_aggregate)i))) {
            *(rkv_aggregate *)field = (rkv_aggregate)i;
            return true;
        }
    return false;
}

static bool take_combine(const rkv_budget_option *row, rkv_slice text, void *field) {
    return take_aggregate(row, text, field) && *(rkv_aggregate *)field != RKV_AGGREGATE_HEAD_MEAN_MATRIX;
}

/* Only looked at: it is copied when all is well. */
static bool take_signal(const rkv_budget_option *row, rkv_slice text, void *field) {
    (void)row, (void)field;
    return text.length > 0;
}

static const struct {
    take_fn take;
    const char *wanted; /* NULL: a number within its limits */
} kinds[] = {
    [RKV_BUDGET_SIZE] = {take_size, NULL},
    [RKV_BUDGET_NUMBER] = {take_number, NULL},
    [RKV_BUDGET_SEED] = {take_seed, "a whole number below 2^64"},
    [RKV_BUDGET_POLICY] = {take_policy, "a policy (rankkv methods policies)"},
    [RKV_BUDGET_GRANULARITY] = {take_granularity, "layer or head"},
    [RKV_BUDGET_YES_NO] = {take_yes_no, "yes or no"},
    [RKV_BUDGET_AGGREGATE] = {take_aggregate, "mean, median, max, min or head-mean-matrix"},
    [RKV_BUDGET_COMBINE] = {take_combine, "max, mean, median or min"},
    [RKV_BUDGET_SIGNAL] = {take_signal, "the name of a signal"},
};

/* ---- which options there are ---- */

#define ROW(kind, name, member, least, most)                                                                 \
    { name, RKV_BUDGET_##kind, offsetof(rkv_budget_options, member), least, most }

/* Of every policy, and of every one that follows a signal. */
static const rkv_budget_option common[] = {
    ROW(GRANULARITY, "by", granularity, 0, 0), ROW(YES_NO, "within_layer", within_layer, 0, 0),
    ROW(SIZE, "min", min, 0, INT32_MAX),       ROW(SIZE, "max", max, 1, INT32_MAX),
    ROW(SIGNAL, "signal", signal, 0, 0),       ROW(AGGREGATE, "aggregate", aggregate, 0, 0),
    ROW(COMBINE, "combine", combine, 0, 0),
};
enum { N_COMMON = sizeof common / sizeof *common, N_OF_ALL = 4 };

/* As specifications call shuffled_policy. */
static const rkv_budget_option inner_row = ROW(POLICY, "policy", shuffled_policy, 0, 0);

enum { MOST_ROWS = 32 };

typedef struct parser {
    rkv_budget_options *options;
    const rkv_policy *policy;
    const rkv_budget_option *rows[MOST_ROWS]; /* that the policy takes */
    size_t n_rows;
    uint32_t given;   /* a bit for each row that was */
    rkv_slice signal; /* at NULL: not given */
} parser;

static void add_row(parser *p, const rkv_budget_option *row) {
    assert(p->n_rows < MOST_ROWS);
    p->rows[p->n_rows++] = row;
}

static bool is_calibrated(const char *policy) {
    return policy && strcmp(policy, rkv_policy_calibrated.name) == 0;
}

/* What calibration chose takes no options: all that it needs is in the profile. */
static void collect_rows(parser *p) {
    const rkv_budget_options *o = p->options;
    const rkv_budget_option *row;
    bool deals = p->policy == &rkv_policy_shuffled;
    bool calibrated = is_calibrated(deals ? o->shuffled_policy : p->policy->name);
    p->n_rows = 0;
    if (deals) add_row(p, &inner_row);
    for (size_t i = 0; (row = rkv_budget_option_at(i)); i++)
        if (row->kind != RKV_BUDGET_POLICY && rkv_options_read(o, p->policy, row->name)) add_row(p, row);
    for (size_t i = 0; !calibrated && i < N_COMMON; i++)
        if (i < N_OF_ALL || rkv_options_follow_signal(o, p->policy)) add_row(p, &common[i]);
}

const rkv_budget_option *rkv_spec_option_at(const rkv_budget_options *options, const rkv_policy *policy,
                                            size_t i) {
    rkv_budget_options own = *options;
    parser p = {.options = &own, .policy = policy};
    collect_rows(&p);
    return i < p.n_rows ? p.rows[i] : NULL;
}

/* ---- parsing ---- */

static rkv_status fail_unknown(const parser *p, rkv_slice name) {
    rkv_text text = {0};
    char *names;
    rkv_text_printf(&text, p->n_rows ? "; it has: " : "; it has none");
    for (size_t i = 0; i < p->n_rows; i++)
        rkv_text_printf(&text, "%s%s", i ? ", " : "", p->rows[i]->name);
    rkv_status status = rkv_text_finish(&text, &names);
    if (!status)
        status = rkv_fail(RKV_USAGE, "%s has no option \"%.*s\"%s", p->policy->name, RKV_SLICE(name), names);
    free(names);
    return status;
}

static void describe(const rkv_budget_option *row, char *text, size_t size) {
    if (kinds[row->kind].wanted)
        snprintf(text, size, "%s", kinds[row->kind].wanted);
    else
        snprintf(text, size, "a %s of %.10g to %.10g",
                 row->kind == RKV_BUDGET_SIZE ? "whole number" : "number", row->least, row->most);
}

/* One "OPTION=VALUE". */
static rkv_status parse_one(parser *p, rkv_slice text) {
    const char *policy = p->policy->name;
    rkv_slice name = rkv_slice_cut(&text, '=');
    size_t i = 0;
    if (name.length == 0) return rkv_fail(RKV_USAGE, "%s: an option is empty", policy);
    while (i < p->n_rows && !rkv_slice_is(name, p->rows[i]->name))
        i++;
    if (i == p->n_rows) return fail_unknown(p, name);
    const rkv_budget_option *row = p->rows[i];
    char wanted[128];
    describe(row, wanted, sizeof wanted);
    if (!text.at) return rkv_fail(RKV_USAGE, "%s: %s needs %s", policy, row->name, wanted);
    if (p->given >> i & 1) return rkv_fail(RKV_USAGE, "%s: %s is given twice", policy, row->name);
    p->given |= (uint32_t)1 << i;
    if (row->kind == RKV_BUDGET_SIGNAL) p->signal = text;
    if (kinds[row->kind].take(row, text, (char *)p->options + row->offset)) return RKV_OK;
    return rkv_fail(RKV_USAGE, "%s: %s is \"%.*s\", not %s", policy, row->name, RKV_SLICE(text), wanted);
}

/* What `shuffled` reads depends on the policy that it deals out, wherever that stands. A wrong name is told
 * when the options are parsed in their order. */
static void find_inner(parser *p, rkv_slice options) {
    const rkv_policy *inner;
    while (options.at) {
        rkv_slice value = rkv_slice_cut(&options, ','), name = rkv_slice_cut(&value, '=');
        if (value.at && rkv_slice_is(name, inner_row.name) && !rkv_policy_look_up(value, &inner))
            p->options->shuffled_policy = inner->name;
    }
}

static rkv_status parse(const char *spec, rkv_budget_options *options, char **signal) {
    parser p = {.options = options};
    rkv_slice rest = {spec, strlen(spec)}, name = rkv_slice_cut(&rest, ':');
    *signal = NULL;
    rkv_status status = rkv_policy_look_up(name, &p.policy);
    if (status) return status;
    options->policy = p.policy->name;
    if (p.policy == &rkv_policy_shuffled) find_inner(&p, rest);
    collect_rows(&p);
    while (rest.at && !status)
        status = parse_one(&p, rkv_slice_cut(&rest, ','));
    if (!status && p.signal.at) status = rkv_copy_bytes(signal, p.signal.at, p.signal.length);
    if (!status && *signal) options->signal = *signal;
    return status;
}

/* ---- what calibration chose ---- */

static rkv_status parse_calibration(const rkv_profile *profile, bool to_be_dealt, rkv_budget_options *options,
                                    char **signal) {
    if (!profile)
        return rkv_fail(RKV_USAGE, "policy calibrated needs a profile of the model (rankkv calibrate)");
    if (!profile->calibration)
        return rkv_fail(RKV_USAGE, "policy calibrated: the profile has no calibration (rankkv calibrate)");
    const char *spec = profile->calibration->budget;
    rkv_status status = parse(spec, options, signal);
    if (!status && (is_calibrated(options->policy) || is_calibrated(options->shuffled_policy) ||
                    (to_be_dealt && strcmp(options->policy, rkv_policy_shuffled.name) == 0)))
        status = rkv_fail(RKV_USAGE, "\"%s\" does not name a policy with weights of its own", spec);
    if (status == RKV_USAGE) status = RKV_DATA;
    return status ? rkv_fail_within(status, "the calibration of the profile") : RKV_OK;
}

rkv_status rkv_options_resolve(const rkv_budget_options *options, rkv_budget_options *resolved,
                               char **signal) {
    const char *policy = options->policy ? options->policy : "";
    bool deals = strcmp(policy, rkv_policy_shuffled.name) == 0 && is_calibrated(options->shuffled_policy);
    *resolved = *options;
    *signal = NULL;
    if (!deals && !is_calibrated(policy)) return RKV_OK;
    resolved->shuffled_policy = rkv_budget_options_default().shuffled_policy;
    rkv_status status = parse_calibration(options->profile, deals, resolved, signal);
    if (!status && deals) {
        resolved->shuffled_policy = resolved->policy;
        resolved->policy = rkv_policy_shuffled.name;
        resolved->seed = options->seed;
    }
    if (status) {
        free(*signal);
        *signal = NULL;
    }
    return status;
}

rkv_status rkv_budget_options_parse(const char *spec, rkv_budget_options *options, char **signal) {
    rkv_budget_options parsed = *options, resolved;
    char *own = NULL, *calibrated = NULL;
    *signal = NULL;
    rkv_status status = parse(spec, &parsed, &own);
    if (!status) status = rkv_options_resolve(&parsed, &resolved, &calibrated);
    if (!status) {
        *options = resolved;
        *signal = calibrated ? calibrated : own;
        own = calibrated ? own : NULL;
    }
    free(own);
    return status;
}
