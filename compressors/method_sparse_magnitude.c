/* method_sparse_magnitude.c: entries of large keys and values stay. */
#include <math.h>

#include "compressors/methods.h"
#include "compressors/select.h"

enum { RECENT };

static const rkv_method_option options[] = {
    [RECENT] = {"recent", RKV_OPTION_SIZE, 0, 0, 1 << 20, NULL, "newest entries that always stay"},
    {0},
};

static size_t least(const rkv_option_values *values) {
    return rkv_value_size(values, RECENT);
}

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    double **keys = NULL, **value_rows = NULL;
    rkv_status status = rkv_view_norms_new(view, RKV_NEEDS_KEYS, &keys);
    if (!status) status = rkv_view_norms_new(view, RKV_NEEDS_VALUES, &value_rows);
    for (size_t g = 0; !status && g < view->n_kv_heads; g++) {
        for (size_t i = 0; i < view->heads[g].n; i++)
            out[g][i] = (float)hypot(keys[g][i], value_rows[g][i]);
        rkv_score_keep_newest(out[g], view->heads[g].n, rkv_value_size(values, RECENT));
    }
    rkv_view_norms_free(value_rows);
    rkv_view_norms_free(keys);
    return status;
}

static const struct rkv_method_ops ops = {.least = least, .score = score};

const rkv_method rkv_method_sparse_magnitude = {
    .name = "sparse-magnitude",
    .kind = RKV_SELECTION,
    .summary = "the entries of largest keys and values",
    .formula = "s_i = sqrt(||k_i||_2^2 + ||v_i||_2^2)",
    .source = "pruning by magnitude, applied to whole entries; our own definition",
    .options = options,
    .needs = RKV_NEEDS_KEYS | RKV_NEEDS_VALUES,
    .ops = &ops,
};
