/* analysis.h: the effective rank of every attention head of a prompt, and the metrics that stand beside it.
 *
 * The simple call:  rkv_analyze(&a, model, ids, T, NULL)  ...  rkv_analysis_free(a)
 *
 * The matrix of a head is A [T, T]: row i is query i's softmax over keys 0..i, zero above the diagonal. */
#ifndef RANKKV_ANALYSIS_H
#define RANKKV_ANALYSIS_H

#include <rankkv/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every metric: symbol, name in files and options, one value per (query HEAD or KV_HEAD), unit, what it says.
 * Formulas and sources stand in docs/METHODS.md under the same names. */
#define RKV_METRIC_LIST(X)                                                                                   \
    X(RKV_ERANK, "erank", HEAD, "dimensions",                                                                \
      "effective rank of A: exp of the entropy of its singular values")                                      \
    X(RKV_ROW_PERPLEXITY, "row_perplexity", HEAD, "keys", "exp of the mean entropy of the rows of A")        \
    X(RKV_KEYS_95, "keys_95", HEAD, "keys", "keys that hold 95 % of a row's mass, mean over rows")           \
    X(RKV_SINK_4, "sink_4", HEAD, "mass", "attention on the first 4 keys, mean over rows")                   \
    X(RKV_LOCAL_32, "local_32", HEAD, "mass", "attention on the last 32 keys of each row, mean over rows")   \
    X(RKV_LONG_256, "long_256", HEAD, "mass", "attention further back than 256 keys, the first 4 left out")  \
    X(RKV_STABLE_RANK, "stable_rank", HEAD, "dimensions",                                                    \
      "squared Frobenius norm over squared largest singular value")                                          \
    X(RKV_IND1, "ind1", HEAD, "mass",                                                                        \
      "attention on the tokens that followed earlier occurrences of the query's token")                      \
    X(RKV_ERANK_K, "erank_k", KV_HEAD, "dimensions", "effective rank of the keys [T, D]")                    \
    X(RKV_ERANK_V, "erank_v", KV_HEAD, "dimensions", "effective rank of the values [T, D]")

typedef enum rkv_metric {
#define RKV_METRIC_ENUM(symbol, name, per, unit, summary) symbol,
    RKV_METRIC_LIST(RKV_METRIC_ENUM)
#undef RKV_METRIC_ENUM
        RKV_METRIC_COUNT
} rkv_metric;

typedef struct rkv_metric_info {
    const char *name, *unit, *summary;
    bool per_kv_head; /* values are [L, G]; else [L, H] */
} rkv_metric_info;

/* The row of a metric (static), and the metric of a name: RKV_METRIC_COUNT when there is none. */
RKV_API const rkv_metric_info *rkv_metric_get_info(rkv_metric metric);
RKV_API rkv_metric rkv_metric_find(const char *name);

/* How H heads of a layer become one layer rank. They are different statistics: on a real model they differ
 * several-fold, so files name the one that was used. */
#define RKV_AGGREGATE_LIST(X)                                                                                \
    X(RKV_AGGREGATE_MEAN, "mean", "mean over the heads")                                                     \
    X(RKV_AGGREGATE_MEDIAN, "median", "median over the heads")                                               \
    X(RKV_AGGREGATE_MAX, "max", "largest head")                                                              \
    X(RKV_AGGREGATE_MIN, "min", "smallest head")                                                             \
    X(RKV_AGGREGATE_HEAD_MEAN_MATRIX, "head-mean-matrix", "effective rank of the head-averaged attention")

typedef enum rkv_aggregate {
#define RKV_AGGREGATE_ENUM(symbol, name, summary) symbol,
    RKV_AGGREGATE_LIST(RKV_AGGREGATE_ENUM)
#undef RKV_AGGREGATE_ENUM
        RKV_AGGREGATE_COUNT
} rkv_aggregate;

RKV_API const char *rkv_aggregate_name(rkv_aggregate aggregate);
RKV_API const char *rkv_aggregate_summary(rkv_aggregate aggregate);
RKV_API rkv_aggregate rkv_aggregate_find(const char *name); /* RKV_AGGREGATE_COUNT when there is none */

/* Combines values [n] into one; HEAD_MEAN_MATRIX needs the matrices and is no reduction of values: NaN. */
RKV_API double rkv_aggregate_values(rkv_aggregate aggregate, const double *values, size_t n);

/* Two independent ways to singular values; both keep the promise of relative error <= 1e-6 in the effective
 * rank. */
typedef enum rkv_solver {
    RKV_SOLVER_GRAM, /* eigenvalues of A^T A in float64; a head whose error estimate is too large takes the
                        SVD */
    RKV_SOLVER_SVD   /* LAPACK's SVD of A in float64 */
} rkv_solver;

RKV_API const char *rkv_solver_name(rkv_solver solver);

/* An analysis: plain data, owned by itself, freed whole by rkv_analysis_free. */
typedef struct rkv_analysis {
    rkv_model_info model;             /* strings owned by the analysis */
    char *prompt_name;                /* file stem or label; never NULL */
    size_t n_tokens;                  /* T */
    int32_t *token_ids;               /* [T]; NULL when unknown */
    char **token_text;                /* [T] printable UTF-8; NULL when unknown */
    double perplexity;                /* of the prompt, nats exponentiated; NaN when unknown */
    double *metric[RKV_METRIC_COUNT]; /* [L, H] or [L, G]; NULL when not measured */
    unsigned char *svd_used;          /* [L, H] 1 where the effective rank came from the SVD */
    rkv_aggregate aggregate;
    double *layer_rank; /* [L] */
    rkv_solver solver;
    char device[64];                           /* "cpu" or "cuda:N NAME" */
    double load_s, prefill_s, rank_s, total_s; /* wall time of the steps */
} rkv_analysis;

typedef struct rkv_analyze_options {
    const char *prompt_name; /* NULL: "prompt" */
    const char *device;      /* for a trace: "auto" (NULL), "cpu", "cuda" or "cuda:N", of several the first; a
                                model brings its own */
    rkv_solver solver;
    rkv_aggregate aggregate;
    rkv_layer_fn on_layer; /* sees each layer's attention after it was ranked; may be NULL */
    void *user;            /* handed to on_layer */
    rkv_progress progress;
} rkv_analyze_options;

/* Prefills ids [n] and analyses every layer; memory holds one layer's attention [H, T, T] float32 at a time:
 * a GPU's memory, of several GPUs that of each; then host memory holds the layers that on_layer waits for,
 * one more than there are GPUs. The caller frees *out. Fails as rkv_prefill does; RKV_DATA when attention is
 * not finite (names layer and head); RKV_NO_MEMORY, on a GPU before the work starts, with the bytes needed
 * and free; RKV_UNAVAILABLE when the device is not there. */
RKV_API rkv_status rkv_analyze(rkv_analysis **out, rkv_model *model, const int32_t *ids, size_t n,
                               const rkv_analyze_options *options);
RKV_API void rkv_analysis_free(rkv_analysis *analysis);

/* One of several prompts: ids [n], borrowed. */
typedef struct rkv_prompt {
    const int32_t *ids;
    size_t n;
    rkv_analyze_options options;
} rkv_prompt;

typedef struct rkv_analyze_all_options {
    /* Before prompt i's work, which may be long before the end of those before it; NULL: nothing to do. */
    rkv_status (*begin)(void *user, size_t i);
    /* When prompt i and all before it are analysed; takes the analysis over. */
    rkv_status (*end)(void *user, size_t i, rkv_analysis *analysis);
    void *user;          /* handed to both */
    bool end_uses_model; /* end works with the model: it is left alone meanwhile */
} rkv_analyze_all_options;

/* Prompts [n] as by rkv_analyze one after the other, with the same results, and at the first failure the same
 * is there: those before it have ended, those after it have not. Where the model has several devices, each
 * reads a prompt of its own, with a copy of the weights, as long as there is one for each of them; the layers
 * of the last ones are ranked on all devices. Every function that is handed in is called from the calling
 * thread; progress is told of one prompt at a time, in their order. Fails as rkv_analyze, or with the status
 * of begin, end or an on_layer. */
RKV_API rkv_status rkv_analyze_all(rkv_model *model, const rkv_prompt *prompts, size_t n,
                                   const rkv_analyze_all_options *options);

/* How many of the prompts [n] rkv_analyze_all works on at once: as many as the model has devices; 1 where
 * there is one, where there are fewer prompts, or where the memory of one does not hold the weights and what
 * the longest prompt takes: then reason says which, in one line; else it is "". At most size bytes, NUL
 * included. */
RKV_API rkv_status rkv_analyze_lanes(size_t *lanes, rkv_model *model, const rkv_prompt *prompts, size_t n,
                                     char *reason, size_t size);

/* What this process has of a device's memory at the moment of rkv_analyze when it has most of it. The
 * device's driver and the code of its libraries take some beside it, which nobody can know before. */
typedef struct rkv_memory_needs {
    size_t needed_bytes;
    size_t free_bytes; /* of that memory what is free, or this process's already; 0: unknown */
    /* What needed_bytes is made of: what this process has already, such as the weights of a resident model
     * that has computed before, and what a device's libraries work in since it was opened; weights as
     * the device keeps them, all of them when resident; the attention of one layer, of two on the first of
     * several devices; activations, and layers that wait to be ranked together; what ranks and metrics are
     * computed in. */
    size_t held_bytes, weights_bytes, attention_bytes, activations_bytes, workspace_bytes;
    bool resident;
    char device[64]; /* "cuda:0 NAME" */
} rkv_memory_needs;

/* The needs of that call: the same steps are taken on a device that only counts. on_layer is not called, but
 * layers that it will see do not wait to be ranked together. Of several devices the first one's, which holds
 * most. RKV_UNAVAILABLE: the model is on the CPU; or as rkv_analyze, for the same
 * reasons. */
RKV_API rkv_status rkv_analyze_needs(rkv_memory_needs *out, rkv_model *model, const int32_t *ids, size_t n,
                                     const rkv_analyze_options *options);

/* The needs of each of the model's devices, (*out) [*n_devices], which the caller frees with rkv_free: of a
 * prompt whose layers are ranked on all of them, or, alone, of one that each might read by itself
 * (rkv_analyze_all). Fails as rkv_analyze_needs. */
RKV_API rkv_status rkv_analyze_device_needs(rkv_memory_needs **out, size_t *n_devices, rkv_model *model,
                                            const rkv_prompt *prompt, bool alone);

/* The effective rank of one matrix a [rows, cols], row-major float32, as above; sigma, when not NULL, takes
 * the min(rows, cols) singular values in descending order. RKV_DATA: an element is not finite, or all are
 * zero. */
RKV_API rkv_status rkv_effective_rank(const float *a, size_t rows, size_t cols, rkv_solver solver,
                                      double *erank, double *sigma);

/* The entropy-based effective rank of singular values sigma [n] >= 0 (Roy and Vetterli 2007): exp(-sum p ln
 * p), p = sigma / sum sigma, over p > 0. NaN when all are zero or one is negative or not finite. */
RKV_API double rkv_effective_rank_of_sigma(const double *sigma, size_t n);

/* ---- files ---- */

struct rkv_budget; /* budget.h */

/* Writes analysis.json (docs/FORMATS.md); budget may be NULL. The file appears whole or not at all.
 * RKV_CANNOT_CREATE, RKV_IO. rkv_analysis_to_json gives the same document as a string that rkv_free frees. */
RKV_API rkv_status rkv_analysis_save(const rkv_analysis *analysis, const struct rkv_budget *budget,
                                     const char *path);
RKV_API rkv_status rkv_analysis_to_json(const rkv_analysis *analysis, const struct rkv_budget *budget,
                                        char **json);

/* Reads an analysis.json. RKV_NO_INPUT, RKV_DATA (file, field, value and limit are named). */
RKV_API rkv_status rkv_analysis_load(rkv_analysis **out, const char *path);

/* Writes ranks.csv: one row per layer and query head, one column per metric (KV-head metrics repeat over the
 * group). */
RKV_API rkv_status rkv_analysis_save_csv(const rkv_analysis *analysis, const char *path);

#ifdef __cplusplus
}
#endif
#endif
