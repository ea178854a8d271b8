/* profile.h: what is known of a model's heads from elsewhere than the prompt at hand: signals measured by a
 * probe or averaged over calibration prompts, and the budget policy that calibration chose.
 *
 *     rkv_profile *p = NULL;
 *     rkv_probe(&p, model, NULL);                            which heads find earlier text again?
 *     rkv_budget_options o = rkv_budget_options_default();
 *     o.policy = "power", o.signal = "retr", o.granularity = RKV_BY_HEAD, o.profile = p;
 *     rkv_budget_allocate(&budget, analysis, &o);
 *
 * L layers, H query heads, G key/value heads. */
#ifndef RANKKV_PROFILE_H
#define RANKKV_PROFILE_H

#include <rankkv/analysis.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One value per head that a budget can follow. Strings are owned by the profile. */
typedef struct rkv_signal {
    char *name;       /* "retr", "oerr", "erank": what --signal takes; letters, digits and '_' */
    char *unit;       /* as in RKV_METRIC_LIST: "mass" is at most 1, others at most the tokens of a prompt */
    char *summary;    /* one line */
    char *origin;     /* how it was measured, for people: "4 sequences of 2 x 512 random tokens" */
    bool per_kv_head; /* values are [L, G]; else [L, H] */
    double *values;   /* finite and >= 0 */
} rkv_signal;

/* What calibration chose, for `--policy calibrated`, and how it did on other windows. Strings are owned by
 * the profile. */
typedef struct rkv_calibration {
    char *budget;     /* a budget specification (budget.h): "power:signal=retr,exponent=0.5,by=head" */
    char *method;     /* that it was chosen for */
    double ratio;     /* likewise: of the tokens kept */
    char *text;       /* what it was chosen on, for people */
    size_t n_windows; /* of that text */
    double loss;      /* mean on those windows, nats */
    double uniform_loss;
    size_t n_judged; /* windows that it was not chosen on; 0: it was not judged, and what follows is NaN */
    double difference, low, high; /* loss less uniform's on them: mean, bootstrap 95 % interval */
    size_t n_shuffles, n_beaten;  /* shuffles of its budgets over the heads; those with a higher loss */
} rkv_calibration;

/* Plain data, owned by itself, freed whole by rkv_profile_free. */
typedef struct rkv_profile {
    rkv_model_info model; /* that it holds for; strings owned by the profile */
    rkv_signal *signals;  /* [n_signals], no two of one name */
    size_t n_signals;
    rkv_calibration *calibration; /* NULL: none */
} rkv_profile;

/* An empty profile for a model (its description is copied). */
RKV_API rkv_status rkv_profile_new(rkv_profile **out, const rkv_model_info *model);
RKV_API void rkv_profile_free(rkv_profile *profile);

/* Adds a copy of signal, or replaces the one of its name. RKV_USAGE: a name that is none, a value that is not
 * finite or is negative (layer and head are named). */
RKV_API rkv_status rkv_profile_put(rkv_profile *profile, const rkv_signal *signal);
/* NULL when there is none. Borrowed. */
RKV_API const rkv_signal *rkv_profile_find(const rkv_profile *profile, const char *name);
/* Puts a copy of calibration in the place of the profile's; NULL: the profile has none from here on. */
RKV_API rkv_status rkv_profile_set_calibration(rkv_profile *profile, const rkv_calibration *calibration);
/* Adds all signals of `from` (replacing those of the same names) and its calibration, if it has one. RKV_DATA
 * when it is of another model. */
RKV_API rkv_status rkv_profile_merge(rkv_profile *profile, const rkv_profile *from);

/* RKV_DATA, saying what differs, unless the profile is of this model: same shape, and same SHA-256 where both
 * are known. */
RKV_API rkv_status rkv_profile_check_model(const rkv_profile *profile, const rkv_model_info *model);

/* The mean of every metric over analyses [n] of one model, as signals of the metrics' names: for budgets that
 * are to be made without looking at a prompt. Metrics that one of them lacks are left out. RKV_USAGE: n = 0;
 * RKV_DATA: of different models. */
RKV_API rkv_status rkv_profile_average(rkv_profile **out, const rkv_analysis *const *analyses, size_t n);

/* ---- the retrieval probe ---- */

/* retr needs no text: the model reads m random tokens twice. A head that, in the second half, attends to the
 * same token's first occurrence (lag m, duplicate-token) or to the token after it (lag m - 1, induction) will
 * find earlier text again in any context; cutting its cache costs most (docs/WHAT-RANK-TELLS.md). Per query
 * head, each diagonal with its neighbours at +-1, the mean over the queries i of [m + 4, 2m - 4) of
 *     retr_duplicate   A[i, i-m-1] + A[i, i-m] + A[i, i-m+1]
 *     retr_induction   A[i, i-m] + A[i, i-m+1] + A[i, i-m+2]
 *     retr             A[i, i-m-1] + A[i, i-m] + A[i, i-m+1] + A[i, i-m+2], no entry counted twice
 * and of that the mean over the seeds. */
typedef struct rkv_probe_options {
    size_t n_random; /* m; 0: 512, or half of the model's context where that is less. At least 16 */
    size_t n_seeds;  /* 0: 3 */
    uint64_t seed;   /* of the first sequence */
    rkv_progress progress;
} rkv_probe_options;

/* Probes a model: a profile with the three signals, and retr_spread: the standard deviation of retr over the
 * seeds. options NULL: all zero. Fails as rkv_prefill does; RKV_USAGE: 2 n_random exceeds the model's
 * context. */
RKV_API rkv_status rkv_probe(rkv_profile **out, rkv_model *model, const rkv_probe_options *options);

/* ---- the output error of a method ---- */

/* oerr, per KV head: what the attention block's output loses when a method cuts this head alone. The method
 * compresses the first T - n_queries tokens to `ratio`; the last n_queries attend to the full cache and to
 * the compressed one; the norm of the difference of the block's output (after the output projection) over the
 * norm of the residual stream that it is added to, mean over those queries and over the texts. oerr_layer
 * has, for every KV head of a layer, the same with the whole layer cut. */
typedef struct rkv_oerr_options {
    const char *method; /* a specification (compress.h) */
    double ratio;       /* of the tokens kept; 0: 0.1 */
    size_t n_queries;   /* 0: 256, or half of the text where that is less */
    uint64_t seed;      /* of methods that draw */
    rkv_progress progress;
} rkv_oerr_options;

/* Adds the signals oerr and oerr_layer, measured on the texts ids[i] [n[i]], to a profile of the model.
 * RKV_USAGE: a wrong method or ratio, a text shorter than 2 tokens. */
RKV_API rkv_status rkv_profile_add_oerr(rkv_profile *profile, rkv_model *model, const int32_t *const *ids,
                                        const size_t *n, size_t n_texts, const rkv_oerr_options *options);

/* ---- files ---- */

/* profile.json (docs/FORMATS.md, share/rankkv/schema/profile.schema.json): whole or not at all.
 * rkv_profile_load: RKV_NO_INPUT, RKV_DATA (file, field, value and limit are named). */
RKV_API rkv_status rkv_profile_save(const rkv_profile *profile, const char *path);
RKV_API rkv_status rkv_profile_to_json(const rkv_profile *profile, char **json);
RKV_API rkv_status rkv_profile_load(rkv_profile **out, const char *path);

#ifdef __cplusplus
}
#endif
#endif
