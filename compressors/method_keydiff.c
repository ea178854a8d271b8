/* method_keydiff.c: keys that differ from the average key stay. */
#include <stdlib.h>

#include "compressors/methods.h"
#include "compressors/select.h"
#include "core/memory.h"

static const rkv_method_option options[] = {{0}};

/* s_i = -cos(k_i, anchor), anchor = mean over j of k_j / ||k_j||; 0 where the key or the anchor is zero, and
 * a zero key counts as zero in the mean (Park et al. 2025). */
static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    (void)values;
    rkv_head_rows *keys = NULL;
    rkv_status status = rkv_alloc_raw(&keys, view->n_kv_heads, sizeof *keys);
    if (status) return status;
    rkv_view_head_rows(view, RKV_NEEDS_KEYS, keys);
    status = view->backend->ops->mean_cosines(view->backend, keys, view->n_kv_heads, view->head_dim, out);
    for (size_t g = 0; !status && g < view->n_kv_heads; g++)
        for (size_t i = 0; i < view->heads[g].n; i++)
            out[g][i] = -out[g][i];
    free(keys);
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
