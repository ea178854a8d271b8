/* method_knorm.c: keys of low norm stay: they are the ones that attention goes to. */
#include "compressors/methods.h"
#include "compressors/select.h"

enum { KEEP_RATIO, PRUNE_AFTER, SKIP_LAYERS };

static const rkv_method_option options[] = {
    [KEEP_RATIO] = {"keep_ratio", RKV_OPTION_ALIAS, 0, 0, 0, "ratio", "another name of ratio"},
    [PRUNE_AFTER] = {"prune_after", RKV_OPTION_SIZE, 0, 0, 1 << 30, NULL,
                     "evict nothing while the text is not longer than this"},
    [SKIP_LAYERS] = {"skip_layers", RKV_OPTION_LAYERS, 0, 0, 0, NULL,
                     "layers that keep every entry, such as 0-1"},
    {0},
};

static bool skips(const rkv_option_values *values, size_t layer, size_t n_seen) {
    return rkv_value_has_layer(values, layer) || n_seen <= rkv_value_size(values, PRUNE_AFTER);
}

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    (void)values;
    double **norms = NULL;
    rkv_status status = rkv_view_norms_new(view, RKV_NEEDS_KEYS, &norms);
    for (size_t g = 0; !status && g < view->n_kv_heads; g++)
        for (size_t i = 0; i < view->heads[g].n; i++)
            out[g][i] = (float)-norms[g][i];
    rkv_view_norms_free(norms);
    return status;
}

static const struct rkv_method_ops ops = {.skips = skips, .score = score};

const rkv_method rkv_method_knorm = {
    .name = "knorm",
    .kind = RKV_SELECTION,
    .summary = "the keys of lowest Euclidean norm (l2_compress)",
    .formula = "s_i = -||k_i||_2",
    .source = "Devoto et al. 2024, arXiv 2406.11430",
    .options = options,
    .needs = RKV_NEEDS_KEYS,
    .ops = &ops,
};
