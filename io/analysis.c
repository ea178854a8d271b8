/* analysis.c: the tables of metrics, aggregates and solvers, and how an analysis is freed. */
#include <math.h>
#include <string.h>

#include <rankkv/analysis.h>

#include "core/memory.h"
#include "io/model_info.h"

/* ---- metrics ---- */

enum { HEAD = false, KV_HEAD = true }; /* the words of RKV_METRIC_LIST's third column */

static const rkv_metric_info metrics[RKV_METRIC_COUNT] = {
#define ROW(symbol, name, per, unit, summary) [symbol] = {name, unit, summary, per},
    RKV_METRIC_LIST(ROW)
#undef ROW
};

const rkv_metric_info *rkv_metric_get_info(rkv_metric metric) {
    return (size_t)metric < RKV_METRIC_COUNT ? &metrics[metric] : NULL;
}

rkv_metric rkv_metric_find(const char *name) {
    size_t i = 0;
    while (i < RKV_METRIC_COUNT && strcmp(metrics[i].name, name) != 0)
        i++;
    return (rkv_metric)i;
}

/* ---- aggregates ---- */

static const struct {
    const char *name, *summary;
} aggregates[RKV_AGGREGATE_COUNT] = {
#define ROW(symbol, name, summary) [symbol] = {name, summary},
    RKV_AGGREGATE_LIST(ROW)
#undef ROW
};

const char *rkv_aggregate_name(rkv_aggregate aggregate) {
    return (size_t)aggregate < RKV_AGGREGATE_COUNT ? aggregates[aggregate].name : NULL;
}

const char *rkv_aggregate_summary(rkv_aggregate aggregate) {
    return (size_t)aggregate < RKV_AGGREGATE_COUNT ? aggregates[aggregate].summary : NULL;
}

rkv_aggregate rkv_aggregate_find(const char *name) {
    size_t i = 0;
    while (i < RKV_AGGREGATE_COUNT && strcmp(aggregates[i].name, name) != 0)
        i++;
    return (rkv_aggregate)i;
}

static double mean(const double *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i] / (double)n; /* divided first: a sum of large values may overflow */
    return sum;
}

/* The value with `rank` values below it in sorted order. Counting needs no copy, so it cannot fail; heads of
 * a layer are few. */
static double order_statistic(const double *values, size_t n, size_t rank) {
    for (size_t i = 0; i < n; i++) {
        size_t below = 0, equal = 0;
        for (size_t j = 0; j < n; j++) {
            below += values[j] < values[i];
            equal += values[j] == values[i];
        }
        if (below <= rank && rank < below + equal) return values[i];
    }
    return NAN;
}

static double median(const double *values, size_t n) {
    double low = order_statistic(values, n, (n - 1) / 2), high = order_statistic(values, n, n / 2);
    return low + (high - low) / 2;
}

static double largest(const double *values, size_t n) {
    return order_statistic(values, n, n - 1);
}

static double smallest(const double *values, size_t n) {
    return order_statistic(values, n, 0);
}

static double (*const reductions[RKV_AGGREGATE_COUNT])(const double *, size_t) = {
    [RKV_AGGREGATE_MEAN] = mean,
    [RKV_AGGREGATE_MEDIAN] = median,
    [RKV_AGGREGATE_MAX] = largest,
    [RKV_AGGREGATE_MIN] = smallest,
};

double rkv_aggregate_values(rkv_aggregate aggregate, const double *values, size_t n) {
    if ((size_t)aggregate >= RKV_AGGREGATE_COUNT || !reductions[aggregate] || n == 0) return NAN;
    for (size_t i = 0; i < n; i++)
        if (isnan(values[i])) return NAN;
    return reductions[aggregate](values, n);
}

/* ---- solvers ---- */

const char *rkv_solver_name(rkv_solver solver) {
    static const char *const names[] = {[RKV_SOLVER_GRAM] = "gram", [RKV_SOLVER_SVD] = "svd"};
    return (size_t)solver < sizeof names / sizeof *names ? names[solver] : NULL;
}

/* ---- the analysis ---- */

void rkv_analysis_free(rkv_analysis *analysis) {
    if (!analysis) return;
    for (size_t t = 0; analysis->token_text && t < analysis->n_tokens; t++)
        free(analysis->token_text[t]);
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++)
        free(analysis->metric[m]);
    free(analysis->token_text);
    free(analysis->token_ids);
    free(analysis->svd_used);
    free(analysis->layer_rank);
    free(analysis->prompt_name);
    rkv_model_info_clear(&analysis->model);
    free(analysis);
}
