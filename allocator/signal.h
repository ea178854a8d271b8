/* signal.h: what a policy follows, taken from an analysis. */
#ifndef RKV_ALLOCATOR_SIGNAL_H
#define RKV_ALLOCATOR_SIGNAL_H

#include <rankkv/budget.h>

/* The metric that options->signal names. RKV_USAGE lists the names when there is none. */
rkv_status rkv_signal_find(const rkv_budget_options *options, rkv_metric *metric);

/* The largest value that the metric can take on T tokens: 1 for a mass, else T. */
double rkv_signal_limit(rkv_metric metric, size_t n_tokens);

/* One value per layer into signal [L], heads combined by options->aggregate; or one per KV head into signal
 * [L, G], the query heads of a group combined by options->combine. RKV_DATA: the analysis lacks the metric,
 * or a value is negative or not finite (layer and head are named). RKV_USAGE: an aggregate that does not fit.
 */
rkv_status rkv_signal_by_layer(const rkv_analysis *analysis, const rkv_budget_options *options,
                               rkv_metric metric, double *signal);
rkv_status rkv_signal_by_head(const rkv_analysis *analysis, const rkv_budget_options *options,
                              rkv_metric metric, double *signal);

#endif
