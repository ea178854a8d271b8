/* signal.h: what a policy follows, taken from a profile or an analysis. */
#ifndef RKV_ALLOCATOR_SIGNAL_H
#define RKV_ALLOCATOR_SIGNAL_H

#include <rankkv/budget.h>

/* A signal that options name: of the profile, else a metric of the analysis. Everything is borrowed. */
typedef struct rkv_signal_source {
    const char *name, *unit;
    bool per_kv_head;
    const rkv_signal *measured; /* the profile's; NULL: the metric */
    rkv_metric metric;
} rkv_signal_source;

/* RKV_USAGE lists the names of both when there is none of options->signal. */
rkv_status rkv_signal_find(const rkv_budget_options *options, rkv_signal_source *source);

/* The largest value that the signal can take on T tokens: 1 for a mass, else T. */
double rkv_signal_limit(const rkv_signal_source *source, size_t n_tokens);

/* One value per layer into signal [L], heads combined by options->aggregate; or one per KV head into signal
 * [L, G], the query heads of a group combined by options->combine. RKV_DATA: the analysis lacks the metric,
 * or a value is negative or not finite (layer and head are named). RKV_USAGE: an aggregate that does not fit.
 */
rkv_status rkv_signal_by_layer(const rkv_analysis *analysis, const rkv_budget_options *options,
                               const rkv_signal_source *source, double *signal);
rkv_status rkv_signal_by_head(const rkv_analysis *analysis, const rkv_budget_options *options,
                              const rkv_signal_source *source, double *signal);

#endif
