/* signal.c: what a policy follows, taken from a profile or an analysis. */
#include "allocator/signal.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"

/* ---- which ---- */

static rkv_status fail_unknown(const rkv_budget_options *options) {
    rkv_text text = {0};
    char *names;
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++)
        rkv_text_printf(&text, "%s%s", m ? ", " : "", rkv_metric_get_info((rkv_metric)m)->name);
    const rkv_profile *profile = options->profile;
    for (size_t i = 0; profile && i < profile->n_signals; i++)
        rkv_text_printf(&text, "%s%s", i ? ", " : "; in the profile: ", profile->signals[i].name);
    rkv_status status = rkv_text_finish(&text, &names);
    if (!status)
        status = rkv_fail(RKV_USAGE, "no signal is called \"%s\"; there are: %s%s", options->signal, names,
                          profile ? "" : "; others need a profile (rankkv probe)");
    free(names);
    return status;
}

/* Takes "WORD." off the beginning of *name. */
static bool take_prefix(const char **name, const char *word) {
    size_t length = strlen(word);
    bool there = strncmp(*name, word, length) == 0 && (*name)[length] == '.';
    if (there) *name += length + 1;
    return there;
}

rkv_status rkv_signal_find(const rkv_budget_options *options, rkv_signal_source *source) {
    const char *name = options->signal ? options->signal : rkv_metric_get_info(RKV_ERANK)->name;
    bool of_prompt = take_prefix(&name, "prompt"), of_profile = !of_prompt && take_prefix(&name, "profile");
    bool look = options->profile && !of_prompt;
    const rkv_signal *measured = look ? rkv_profile_find(options->profile, name) : NULL;
    rkv_metric metric = of_profile ? RKV_METRIC_COUNT : rkv_metric_find(name);
    if (measured) {
        *source = (rkv_signal_source){measured->name, measured->unit, measured->per_kv_head, measured,
                                      RKV_METRIC_COUNT};
        return RKV_OK;
    }
    if (metric == RKV_METRIC_COUNT) return fail_unknown(options);
    const rkv_metric_info *info = rkv_metric_get_info(metric);
    *source = (rkv_signal_source){info->name, info->unit, info->per_kv_head, NULL, metric};
    return RKV_OK;
}

rkv_signal_origin rkv_budget_signal_origin(const rkv_budget_options *options) {
    rkv_signal_source source;
    if (rkv_signal_find(options, &source)) return RKV_SIGNAL_UNKNOWN;
    return source.measured ? RKV_SIGNAL_OF_PROFILE : RKV_SIGNAL_OF_PROMPT;
}

double rkv_signal_limit(const rkv_signal_source *source, size_t n_tokens) {
    return strcmp(source->unit, "mass") == 0 ? 1 : (double)n_tokens;
}

/* ---- its values ---- */

/* Values per layer: H for a signal of query heads, G for one of KV heads. */
static size_t columns_of(const rkv_analysis *a, const rkv_signal_source *source) {
    return source->per_kv_head ? a->model.n_kv_heads : a->model.n_heads;
}

/* *values [L, H] or [L, G], checked; borrowed. */
static rkv_status get_values(const rkv_analysis *a, const rkv_signal_source *source, const double **values) {
    size_t columns = columns_of(a, source);
    *values = source->measured ? source->measured->values : a->metric[source->metric];
    if (!*values)
        return rkv_fail(RKV_DATA, "the analysis of %s has no metric %s", a->prompt_name, source->name);
    for (size_t i = 0; i < a->model.n_layers * columns; i++)
        if (!((*values)[i] >= 0 && isfinite((*values)[i])))
            return rkv_fail(RKV_DATA, "%s of layer %zu, head %zu is %g, not a finite number of at least 0",
                            source->name, i / columns, i % columns, (*values)[i]);
    return RKV_OK;
}

static rkv_status take_layer_rank(const rkv_analysis *a, double *signal) {
    if (!a->layer_rank) return rkv_fail(RKV_DATA, "the analysis of %s has no layer ranks", a->prompt_name);
    for (size_t l = 0; l < a->model.n_layers; l++) {
        signal[l] = a->layer_rank[l];
        if (!(signal[l] >= 0 && isfinite(signal[l])))
            return rkv_fail(RKV_DATA, "the layer rank of layer %zu is %g, not a finite number of at least 0",
                            l, signal[l]);
    }
    return RKV_OK;
}

/* What RKV_AGGREGATE_COUNT stands for; head-mean-matrix reduces matrices, so other metrics get their mean. A
 * profile is of the model: how one prompt was analysed is nothing to it. */
static rkv_aggregate choose_aggregate(const rkv_analysis *a, const rkv_budget_options *o,
                                      const rkv_signal_source *source) {
    if (o->aggregate != RKV_AGGREGATE_COUNT) return o->aggregate;
    bool no_reduction = a->aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX && source->metric != RKV_ERANK;
    return source->measured || no_reduction ? RKV_AGGREGATE_MEAN : a->aggregate;
}

rkv_status rkv_signal_by_layer(const rkv_analysis *a, const rkv_budget_options *options,
                               const rkv_signal_source *source, double *signal) {
    rkv_aggregate aggregate = choose_aggregate(a, options, source);
    if ((size_t)aggregate > RKV_AGGREGATE_COUNT)
        return rkv_fail(RKV_USAGE, "aggregate is %d, not one of the table", (int)aggregate);
    if (source->metric == RKV_ERANK && aggregate == a->aggregate) return take_layer_rank(a, signal);
    if (aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX)
        return rkv_fail(RKV_USAGE,
                        "aggregate head-mean-matrix needs signal erank (not %s%s) and an analysis made with "
                        "it (this one: %s)",
                        source->name, source->measured ? " of the profile" : "",
                        rkv_aggregate_name(a->aggregate));
    const double *values;
    rkv_status status = get_values(a, source, &values);
    size_t columns = columns_of(a, source);
    for (size_t l = 0; !status && l < a->model.n_layers; l++)
        signal[l] = rkv_aggregate_values(aggregate, values + l * columns, columns);
    return status;
}

rkv_status rkv_signal_by_head(const rkv_analysis *a, const rkv_budget_options *options,
                              const rkv_signal_source *source, double *signal) {
    rkv_aggregate combine = options->combine;
    const double *values;
    if ((size_t)combine >= RKV_AGGREGATE_COUNT || combine == RKV_AGGREGATE_HEAD_MEAN_MATRIX)
        return rkv_fail(RKV_USAGE, "combine is not max, mean, median or min");
    rkv_status status = get_values(a, source, &values);
    if (status) return status;
    size_t G = a->model.n_kv_heads, group = columns_of(a, source) / G;
    for (size_t i = 0; i < a->model.n_layers * G; i++)
        signal[i] = rkv_aggregate_values(combine, values + i * group, group);
    return RKV_OK;
}
