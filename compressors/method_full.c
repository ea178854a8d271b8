/* method_full.c: every entry stays: what the others are compared with. */
#include <math.h>

#include "compressors/methods.h"

static const rkv_method_option options[] = {{0}};

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    (void)values;
    for (size_t g = 0; g < view->n_kv_heads; g++)
        for (size_t i = 0; i < view->heads[g].n; i++)
            out[g][i] = INFINITY;
    return RKV_OK;
}

static const struct rkv_method_ops ops = {.keeps_all = true, .score = score};

const rkv_method rkv_method_full = {
    .name = "full",
    .kind = RKV_SELECTION,
    .summary = "every entry stays; there is no budget",
    .formula = "none",
    .source = "the ordinary cache",
    .options = options,
    .ops = &ops,
};
