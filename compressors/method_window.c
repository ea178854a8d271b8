/* method_window.c: the newest entries stay. */
#include "compressors/methods.h"

static const rkv_method_option options[] = {{0}};

/* As a float the position keeps its order; past 2^24, where neighbours are the same float, ties go to the
 * newest. */
static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    (void)values;
    for (size_t g = 0; g < view->n_kv_heads; g++)
        for (size_t i = 0; i < view->heads[g].n; i++)
            out[g][i] = (float)view->heads[g].positions[i];
    return RKV_OK;
}

static const struct rkv_method_ops ops = {.score = score};

const rkv_method rkv_method_window = {
    .name = "window",
    .kind = RKV_SELECTION,
    .summary = "the newest entries",
    .formula = "s_i = position of i",
    .source = "sliding window attention (Beltagy et al. 2020, arXiv 2004.05150)",
    .options = options,
    .ops = &ops,
};
