/* method_random.c: entries stay by chance: the control. */
#include "compressors/methods.h"
#include "compressors/select.h"

static const rkv_method_option options[] = {{0}};

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    (void)values;
    for (size_t g = 0; g < view->n_kv_heads; g++)
        for (size_t i = 0; i < view->heads[g].n; i++)
            out[g][i] = rkv_score_draw(view, g, view->heads[g].positions[i]);
    return RKV_OK;
}

static const struct rkv_method_ops ops = {.score = score};

const rkv_method rkv_method_random = {
    .name = "random",
    .kind = RKV_SELECTION,
    .summary = "entries by chance; the control that every method has to beat",
    .formula = "s_i = a number in [0, 1) drawn from seed, layer, head and position",
    .source = "control",
    .options = options,
    .ops = &ops,
};
