/* method_fix_size_l2.c: a cache of fixed size: a share of it for the newest entries, the rest by key norm. */
#include <math.h>

#include "compressors/methods.h"
#include "compressors/select.h"

enum { FIX_KV_SIZE, KEEP_RATIO, STRATEGY, SKIP_LAYERS };
enum { KEEP_LOW, KEEP_HIGH, RANDOM };

static const rkv_method_option options[] = {
    [FIX_KV_SIZE] = {"fix_kv_size", RKV_OPTION_ALIAS, 0, 0, 0, "budget", "another name of budget"},
    [KEEP_RATIO] = {"keep_ratio", RKV_OPTION_REAL, 0, 0, 1, NULL,
                    "share of the budget that the newest entries have for themselves"},
    [STRATEGY] = {"strategy", RKV_OPTION_NAME, KEEP_LOW, 0, 0, "keep_low|keep_high|random",
                  "which of the others stay: lowest norm, highest norm, drawn"},
    [SKIP_LAYERS] = {"skip_layers", RKV_OPTION_LAYERS, 0, 0, 0, NULL,
                     "layers that keep every entry, such as 0-1"},
    {0},
};

static bool skips(const rkv_option_values *values, size_t layer, size_t n_seen) {
    (void)n_seen;
    return rkv_value_has_layer(values, layer);
}

static rkv_status score_by_norm(const rkv_layer_view *view, bool low, float *const *out) {
    double **norms = NULL;
    rkv_status status = rkv_view_norms_new(view, RKV_NEEDS_KEYS, &norms);
    for (size_t g = 0; !status && g < view->n_kv_heads; g++)
        for (size_t i = 0; i < view->heads[g].n; i++)
            out[g][i] = (float)(low ? -norms[g][i] : norms[g][i]);
    rkv_view_norms_free(norms);
    return status;
}

static rkv_status draw_scores(const rkv_layer_view *view, float *const *out) {
    for (size_t g = 0; g < view->n_kv_heads; g++)
        for (size_t i = 0; i < view->heads[g].n; i++)
            out[g][i] = rkv_score_draw(view, g, view->heads[g].positions[i]);
    return RKV_OK;
}

/* floor(keep_ratio budget), at most all of n. */
static size_t protected_entries(const rkv_option_values *values, size_t budget, size_t n) {
    return (size_t)(values->number[KEEP_RATIO] * (double)(budget < n ? budget : n));
}

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    size_t strategy = rkv_value_size(values, STRATEGY);
    rkv_status status =
        strategy == RANDOM ? draw_scores(view, out) : score_by_norm(view, strategy == KEEP_LOW, out);
    for (size_t g = 0; !status && g < view->n_kv_heads; g++) {
        size_t n = view->heads[g].n;
        rkv_score_keep_newest(out[g], n, protected_entries(values, view->budgets[g], n));
    }
    return status;
}

static const struct rkv_method_ops ops = {.skips = skips, .score = score};

const rkv_method rkv_method_fix_size_l2 = {
    .name = "fix-size-l2",
    .kind = RKV_SELECTION,
    .summary = "a share for the newest entries, the rest by key norm",
    .formula = "s_i = inf for the floor(keep_ratio budget) newest, else -||k_i||_2, ||k_i||_2 or a draw",
    .source = "fixed-size variant of l2_compress; the norm: Devoto et al. 2024, arXiv 2406.11430",
    .options = options,
    .needs = RKV_NEEDS_KEYS,
    .ops = &ops,
};
