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
    size_t D = view->head_dim;
    for (size_t g = 0; g < view->n_kv_heads; g++) {
        const rkv_head_view *head = &view->heads[g];
        for (size_t i = 0; i < head->n; i++)
            out[g][i] =
                (float)hypot(rkv_row_norm(head->keys + i * D, D), rkv_row_norm(head->values + i * D, D));
        rkv_score_keep_newest(out[g], head->n, rkv_value_size(values, RECENT));
    }
    return RKV_OK;
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
