/* method_h2o.c: heavy hitters: keeps what received the most attention so far, and the newest entries. */
#include "compressors/methods.h"
#include "compressors/received.h"
#include "compressors/select.h"

enum { RECENT_RATIO, SCORE };

static const rkv_method_option options[] = {
    {.name = "recent_ratio",
     .kind = RKV_OPTION_REAL,
     .standard = 0.5,
     .least = 0,
     .most = 1,
     .summary = "share of the budget that is the newest entries', rounded down"},
    {.name = "score",
     .kind = RKV_OPTION_NAME,
     .standard = RKV_RECEIVED_SUM,
     .choices = "sum|mean",
     .summary = "attention received, summed over the queries or over their number"},
    {0},
};

/* H2O: its published halves are recent_ratio 0.5 (heavy_ratio = recent_ratio). With recent_ratio 0 and the
 * mean it is kvpress's ObservedAttention. */
static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    rkv_received_score(view, (rkv_received)rkv_value_size(values, SCORE), out);
    for (size_t g = 0; g < view->n_kv_heads; g++) {
        size_t n = view->heads[g].n, budget = view->budgets[g] < n ? view->budgets[g] : n;
        rkv_score_keep_newest(out[g], n, (size_t)(values->number[RECENT_RATIO] * (double)budget));
    }
    return RKV_OK;
}

static const struct rkv_method_ops ops = {.score = score};

const rkv_method rkv_method_h2o = {
    .name = "h2o",
    .kind = RKV_SELECTION,
    .summary = "attention received from all queries so far; part of the budget for the newest entries",
    .formula = "s_j = group(sum over all queries i >= j of A_ij), accumulated while decoding; the newest "
               "int(recent_ratio budget) stay",
    .source = "H2O: Zhang et al. 2023, arXiv 2306.14048; equal halves as in its experiments",
    .options = options,
    .needs = RKV_NEEDS_QUERIES | RKV_NEEDS_SUMS,
    .prompt_once = false,
    .ops = &ops,
};
