/* signal.c: what a policy follows, taken from an analysis. */
#include "allocator/signal.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"

rkv_status rkv_signal_find(const rkv_budget_options *options, rkv_metric *metric) {
    *metric = options->signal ? rkv_metric_find(options->signal) : RKV_ERANK;
    if (*metric != RKV_METRIC_COUNT) return RKV_OK;
    rkv_text text = {0};
    char *names;
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++)
        rkv_text_printf(&text, "%s%s", m ? ", " : "", rkv_metric_get_info((rkv_metric)m)->name);
    rkv_status status = rkv_text_finish(&text, &names);
    if (!status)
        status = rkv_fail(RKV_USAGE, "no signal is called \"%s\"; there are: %s", options->signal, names);
    free(names);
    return status;
}

double rkv_signal_limit(rkv_metric metric, size_t n_tokens) {
    return strcmp(rkv_metric_get_info(metric)->unit, "mass") == 0 ? 1 : (double)n_tokens;
}

/* Values per layer: H for a metric of query heads, G for one of KV heads. */
static size_t columns_of(const rkv_analysis *a, rkv_metric metric) {
    return rkv_metric_get_info(metric)->per_kv_head ? a->model.n_kv_heads : a->model.n_heads;
}

static rkv_status check_metric(const rkv_analysis *a, rkv_metric metric) {
    const char *name = rkv_metric_get_info(metric)->name;
    size_t columns = columns_of(a, metric);
    if (!a->metric[metric])
        return rkv_fail(RKV_DATA, "the analysis of %s has no metric %s", a->prompt_name, name);
    for (size_t i = 0; i < a->model.n_layers * columns; i++) {
        double value = a->metric[metric][i];
        if (!(value >= 0 && isfinite(value)))
            return rkv_fail(RKV_DATA, "%s of layer %zu, head %zu is %g, not a finite number of at least 0",
                            name, i / columns, i % columns, value);
    }
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

/* What RKV_AGGREGATE_COUNT stands for; head-mean-matrix reduces matrices, so other metrics get their mean. */
static rkv_aggregate choose_aggregate(const rkv_analysis *a, const rkv_budget_options *o, rkv_metric metric) {
    if (o->aggregate != RKV_AGGREGATE_COUNT) return o->aggregate;
    bool no_reduction = a->aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX && metric != RKV_ERANK;
    return no_reduction ? RKV_AGGREGATE_MEAN : a->aggregate;
}

rkv_status rkv_signal_by_layer(const rkv_analysis *a, const rkv_budget_options *options, rkv_metric metric,
                               double *signal) {
    rkv_aggregate aggregate = choose_aggregate(a, options, metric);
    if ((size_t)aggregate > RKV_AGGREGATE_COUNT)
        return rkv_fail(RKV_USAGE, "aggregate is %d, not one of the table", (int)aggregate);
    if (metric == RKV_ERANK && aggregate == a->aggregate) return take_layer_rank(a, signal);
    if (aggregate == RKV_AGGREGATE_HEAD_MEAN_MATRIX)
        return rkv_fail(RKV_USAGE,
                        "aggregate head-mean-matrix needs signal erank (not %s) and an analysis made with it "
                        "(this one: %s)",
                        rkv_metric_get_info(metric)->name, rkv_aggregate_name(a->aggregate));
    rkv_status status = check_metric(a, metric);
    size_t columns = columns_of(a, metric);
    for (size_t l = 0; !status && l < a->model.n_layers; l++)
        signal[l] = rkv_aggregate_values(aggregate, a->metric[metric] + l * columns, columns);
    return status;
}

rkv_status rkv_signal_by_head(const rkv_analysis *a, const rkv_budget_options *options, rkv_metric metric,
                              double *signal) {
    rkv_aggregate combine = options->combine;
    if ((size_t)combine >= RKV_AGGREGATE_COUNT || combine == RKV_AGGREGATE_HEAD_MEAN_MATRIX)
        return rkv_fail(RKV_USAGE, "combine is not max, mean, median or min");
    rkv_status status = check_metric(a, metric);
    if (status) return status;
    size_t G = a->model.n_kv_heads, group = columns_of(a, metric) / G;
    for (size_t i = 0; i < a->model.n_layers * G; i++)
        signal[i] = rkv_aggregate_values(combine, a->metric[metric] + i * group, group);
    return RKV_OK;
}
