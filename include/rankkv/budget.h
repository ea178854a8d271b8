/* budget.h: from a signal per layer or head to a key/value-cache budget, exact to the entry.
 *
 * A budget of b entries means: b tokens kept per KV head of that layer (or of that head). The total is the
 * sum over layers; by head, the sum over heads is G times the total, so one total means the same memory
 * either way. */
#ifndef RANKKV_BUDGET_H
#define RANKKV_BUDGET_H

#include <rankkv/analysis.h>
#include <rankkv/profile.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rkv_granularity { RKV_BY_LAYER, RKV_BY_HEAD } rkv_granularity;

typedef struct rkv_budget_options rkv_budget_options;

/* What a policy is given: one signal value per unit (layer, or KV head in layer-major order). */
typedef struct rkv_policy_input {
    const double *signal; /* [n_units], finite and >= 0; NULL when the policy needs none */
    double signal_limit;  /* largest value that the signal can take: T for ranks and keys, 1 for masses */
    const size_t *layer;  /* [n_units] the layer of each unit */
    size_t n_units;
    size_t n_layers; /* L */
    size_t n_tokens; /* T */
    const rkv_budget_options *options;
} rkv_policy_input;

/* A policy: one row of the table, one file in allocator/. */
typedef struct rkv_policy {
    const char *name;
    const char *summary; /* one line for `rankkv methods` and --help */
    const char *formula; /* as docs/METHODS.md has it */
    const char *source;  /* where it comes from */
    const char *options; /* the members of rkv_budget_options that it reads, separated by spaces; "": none */
    bool needs_signal;   /* uses the signal (false: the controls uniform, pyramid, random, ...) */
    /* Writes weight [n_units] >= 0: shares of the total. full [n_units], zeroed by the caller: 1 makes a unit
     * keep everything. Fails with RKV_USAGE when an option is out of its range. NULL for "calibrated", which
     * stands for the budget that the profile's calibration chose, whatever policy that is of. */
    rkv_status (*weigh)(const rkv_policy_input *in, double *weight, unsigned char *full);
} rkv_policy;

/* The table of policies, in order; NULL past the end, or when no policy has that name. */
RKV_API const rkv_policy *rkv_policy_at(size_t index);
RKV_API const rkv_policy *rkv_policy_find(const char *name);

/* min: RKV_MIN_ENTRIES, or the even share total / L where that is less, so that every total can be met. */
#define RKV_MIN_AUTO    SIZE_MAX
#define RKV_MIN_ENTRIES ((size_t)4)

/* Options of an allocation. Start from rkv_budget_options_default(). */
struct rkv_budget_options {
    const char *policy; /* "proportional" */
    /* What stands in for the rank: a metric of the analysis, or a signal of the profile; "erank". Where both
     * have the name, the profile's is meant; "prompt.NAME" and "profile.NAME" say which. */
    const char *signal;
    const rkv_profile *profile;  /* signals from elsewhere; borrowed, or NULL */
    rkv_granularity granularity; /* RKV_BY_LAYER */
    bool within_layer; /* by head: share inside each layer's budget instead of over the whole model */
    /* heads -> layer. RKV_AGGREGATE_COUNT, the default: as the analysis made its layer rank (mean where that
     * was HEAD_MEAN_MATRIX and the signal is not erank, and for signals of the profile). HEAD_MEAN_MATRIX
     * needs erank and an analysis made so. */
    rkv_aggregate aggregate;
    rkv_aggregate combine; /* query heads of a group -> KV head: MAX (default), MEAN, MEDIAN or MIN */
    /* exactly one of the three; 0 or NaN: not given; none given: ratio 0.5 */
    size_t total; /* sum over layers, entries per KV head */
    size_t mean;  /* mean per layer */
    double ratio; /* of the tokens kept, 0 < ratio <= 1 */
    size_t min;   /* smallest budget of a unit, default RKV_MIN_AUTO; above T: T; above max: a failure */
    size_t max;   /* largest, that of full units too; 0 or above T: T */
    double tau; /* softmax: temperature on signals divided by their limit (T, or 1 for a mass); default 0.1 */
    double exponent;                            /* power: a in w = (s/mean + floor)^a; default 1 */
    double floor;                               /* power: default 0.05 */
    double low_percentile, high_percentile;     /* adaptive: 25 and 75 */
    double low_weight, mid_weight, high_weight; /* adaptive: 0.5, 1, 1.5 */
    size_t top_k;                               /* top-k: units that keep everything; default 6 */
    double pyramid_beta;                        /* pyramid: first layer's share over the last's; default 20 */
    uint64_t seed;                              /* random, shuffled */
    const char *shuffled_policy; /* shuffled: whose weights are dealt out anew; default "proportional" */
};
RKV_API rkv_budget_options rkv_budget_options_default(void);

/* Options from a specification:  POLICY[:OPTION=VALUE[,OPTION=VALUE ...]]
 *
 *     uniform          power:signal=retr,exponent=0.5,by=head          shuffled:policy=inverse,seed=3
 *
 * OPTION: what the policy reads, by the names in its row (shuffled: `policy`, and what that policy reads),
 * and by=layer|head, within_layer=yes|no, min, max, and for policies that follow a signal: signal, aggregate,
 * combine. What is not given stays as *options has it. A signal's name is copied to *signal, which the caller
 * frees with rkv_free and which options->signal points to; NULL when none is given. RKV_USAGE names the
 * option, value and limit; *options is then as it was. Limits that depend on the model (top_k, min, max), and
 * whether there is such a signal, are rkv_budget_allocate's matter. "calibrated" gives the options of
 * options->profile's calibration, shuffled:policy=calibrated deals its budgets out anew: RKV_USAGE when there
 * is none. */
RKV_API rkv_status rkv_budget_options_parse(const char *spec, rkv_budget_options *options, char **signal);

/* Where options->signal comes from: nowhere, when neither analyses nor options->profile have one of that
 * name. */
typedef enum rkv_signal_origin {
    RKV_SIGNAL_UNKNOWN,
    RKV_SIGNAL_OF_PROMPT,
    RKV_SIGNAL_OF_PROFILE
} rkv_signal_origin;
RKV_API rkv_signal_origin rkv_budget_signal_origin(const rkv_budget_options *options);

/* The specification that gives options, but for their size and profile; what is at its default is left out.
 * The caller frees *spec with rkv_free. RKV_USAGE: there is no such policy. */
RKV_API rkv_status rkv_budget_options_to_spec(const rkv_budget_options *options, char **spec);

/* Whether an allocation with these options reads the analysis's metrics. False (a control, or all that it
 * needs is in the profile): an analysis with nothing but model, prompt_name and n_tokens will do. */
RKV_API bool rkv_budget_needs_analysis(const rkv_budget_options *options);

/* A budget: plain data, owned by itself, freed whole by rkv_budget_free. */
typedef struct rkv_budget {
    rkv_model_info model;  /* strings owned by the budget */
    size_t n_tokens;       /* T of the prompt it was made for */
    char *policy, *signal; /* names; signal "" for a control */
    char *options_json;    /* what the policy was given, a JSON object in text; never NULL */
    char *source;          /* file or prompt that it came from; never NULL */
    rkv_granularity granularity;
    size_t total, min, max;
    size_t *layers; /* [L], sum = total. By head: the mean of the layer's heads, rounded so that the sum stays
                       exact */
    size_t *heads;  /* [L, G], sum = G * total; NULL by layer */
} rkv_budget;

/* Budgets for an analysis. options NULL: the defaults. The caller frees *out.
 * RKV_USAGE: unknown policy or signal, an option out of range, or a total that cannot be met: the message
 * says which bound failed. RKV_DATA: the analysis lacks the signal, or a value is not finite. */
RKV_API rkv_status rkv_budget_allocate(rkv_budget **out, const rkv_analysis *analysis,
                                       const rkv_budget_options *options);
RKV_API void rkv_budget_free(rkv_budget *budget);

/* The heart of it, on bare numbers: shares total over n units in proportion to weight [n] >= 0, every share
 * within [min[i], max[i]] (water-filling), rounded by largest remainder (ties: the larger weight, then the
 * lower index), so that the sum is exactly total. Weights below 1e-200 of the largest count as that, so a
 * weight of 0 gets its minimum until the others are full; all zero: even shares. RKV_USAGE when sum(min) >
 * total or sum(max) < total, a min exceeds its max, a weight is negative or not finite, or total > 2^52. */
RKV_API rkv_status rkv_budget_share(const double *weight, const size_t *min, const size_t *max, size_t n,
                                    size_t total, size_t *share);

/* ---- files ---- */

/* budget.json (docs/FORMATS.md, share/rankkv/schema/budget.schema.json). The file appears whole or not at
 * all. */
RKV_API rkv_status rkv_budget_save(const rkv_budget *budget, const char *path);
RKV_API rkv_status rkv_budget_to_json(const rkv_budget *budget, char **json);
RKV_API rkv_status rkv_budget_load(rkv_budget **out, const char *path);

/* A format that other tools read: one row of the table, one file in io/. */
typedef struct rkv_exporter {
    const char *name;
    const char *summary;   /* one line for --help */
    const char *tool;      /* who reads it */
    const char *file_name; /* customary name of the file */
    bool needs_analysis;   /* uses ranks, not only budgets */
    /* Renders the file into text that rkv_free frees. analysis may be NULL unless needed. */
    rkv_status (*render)(const rkv_budget *budget, const rkv_analysis *analysis, char **text);
} rkv_exporter;

RKV_API const rkv_exporter *rkv_exporter_at(size_t index);
RKV_API const rkv_exporter *rkv_exporter_find(const char *name);
RKV_API rkv_status rkv_budget_export(const rkv_budget *budget, const rkv_analysis *analysis,
                                     const char *format, const char *path);

#ifdef __cplusplus
}
#endif
#endif
