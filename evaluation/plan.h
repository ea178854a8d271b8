/* plan.h: settings of a grid, understood and checked before any of them is run. */
#ifndef RKV_EVALUATION_PLAN_H
#define RKV_EVALUATION_PLAN_H

#include <rankkv/eval.h>

typedef struct rkv_setting_plan {
    const rkv_setting *setting;
    rkv_budget_options budget; /* of setting->budget, but for its size */
    char *signal;              /* owned; budget.signal may point to it */
    size_t least;              /* entries that the method always keeps of a head: no budget is below */
    bool heeds_budget;         /* else the method keeps what it keeps, whatever the budget */
    bool needs_analysis;       /* its budget follows the context's own metrics */
} rkv_setting_plan;

typedef struct rkv_plan {
    rkv_model *model;
    uint64_t seed;
    rkv_setting_plan *settings; /* [n] */
    size_t n;
    double *ones; /* [L, H] signals that are all equal */
} rkv_plan;

/* Settings are borrowed. RKV_USAGE names the setting, and what of it is wrong for which window.
 * rkv_plan_clear frees, also after a failure. */
rkv_status rkv_plan_make(rkv_plan *out, rkv_model *model, const rkv_windows *windows,
                         const rkv_setting *settings, size_t n, const rkv_eval_options *options);
void rkv_plan_clear(rkv_plan *plan);

/* Entries per KV head, the mean, that a setting keeps of a context. */
size_t rkv_setting_mean(const rkv_setting *setting, size_t n_context);

/* A session under a setting for a context of n_context tokens. *budget [or NULL] must outlive it; the caller
 * frees both. analysis NULL: where the setting needs one, all its signals are equal. */
rkv_status rkv_plan_open(const rkv_plan *plan, size_t setting, size_t n_context, const rkv_analysis *analysis,
                         rkv_progress progress, rkv_session **session, rkv_budget **budget);

/* Entries that it may keep, the sum over layers and KV heads. */
size_t rkv_plan_total(const rkv_plan *plan, size_t setting, size_t n_context, const rkv_budget *budget);

/* About what such a session holds: keys and values of its budget in float32, attention sums, logits. */
size_t rkv_plan_bytes(const rkv_plan *plan, size_t setting, size_t n_context);
/* How many bytes of caches may be held at once: what the options say, or a quarter of what is free where
 * caches lie, on the model's device. */
size_t rkv_plan_memory(const rkv_plan *plan, const rkv_eval_options *options);

/* "snapkv, inverse, ratio 0.25": a setting for people. */
void rkv_setting_describe(const rkv_setting *setting, char *text, size_t size);

#endif
