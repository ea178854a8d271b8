/* method_keydiff.c: keys that differ from the average key stay. */
#include <math.h>

#include "compressors/methods.h"
#include "compressors/select.h"
#include "core/memory.h"

static const rkv_method_option options[] = {{0}};

/* anchor [D] = mean over i of k_i / ||k_i||, a zero key counting as zero. */
static void average_direction(const float *keys, size_t n, size_t D, double *anchor) {
    for (size_t d = 0; d < D; d++)
        anchor[d] = 0;
    for (size_t i = 0; i < n; i++) {
        double norm = rkv_row_norm(keys + i * D, D);
        for (size_t d = 0; d < D && norm > 0; d++)
            anchor[d] += keys[i * D + d] / norm / (double)n;
    }
}

/* s_i = -cos(k_i, anchor); 0 where the key or the anchor is zero (Park et al. 2025). anchor_norm > 0 or 0. */
static float difference(const float *key, const double *anchor, double anchor_norm, size_t D) {
    double product = 0, norms = rkv_row_norm(key, D) * anchor_norm;
    for (size_t d = 0; d < D; d++)
        product += key[d] * anchor[d];
    return norms > 0 ? (float)(-product / norms) : 0;
}

static double length(const double *anchor, size_t D) {
    double sum = 0;
    for (size_t d = 0; d < D; d++)
        sum += anchor[d] * anchor[d];
    return sqrt(sum);
}

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    (void)values;
    size_t D = view->head_dim;
    double *anchor = NULL;
    rkv_status status = rkv_alloc_raw(&anchor, D, sizeof *anchor);
    for (size_t g = 0; g < view->n_kv_heads && !status; g++) {
        const rkv_head_view *head = &view->heads[g];
        average_direction(head->keys, head->n, D, anchor);
        double anchor_norm = length(anchor, D);
        for (size_t i = 0; i < head->n; i++)
            out[g][i] = difference(head->keys + i * D, anchor, anchor_norm, D);
    }
    free(anchor);
    return status;
}

static const struct rkv_method_ops ops = {.score = score};

const rkv_method rkv_method_keydiff = {
    .name = "keydiff",
    .kind = RKV_SELECTION,
    .summary = "the keys that are least like the average key of their head",
    .formula = "s_i = -cos(k_i, mean_j k_j / ||k_j||_2)",
    .source = "KeyDiff (Park et al. 2025, arXiv 2504.15364); all entries at once, as in kvpress",
    .options = options,
    .needs = RKV_NEEDS_KEYS,
    .ops = &ops,
};
