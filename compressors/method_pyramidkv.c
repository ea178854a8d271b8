/* method_pyramidkv.c: SnapKV's scores under budgets that fall with depth. */
#include <rankkv/budget.h>

#include "compressors/methods.h"
#include "compressors/snapkv.h"
#include "core/memory.h"

enum { BETA = RKV_SNAPKV_OPTIONS };

static const rkv_method_option options[] = {
    RKV_SNAPKV_OPTION_ROWS,
    {.name = "beta",
     .kind = RKV_OPTION_REAL,
     .standard = 20,
     .least = 1,
     .most = 1e6,
     .summary = "the uniform budget over the last layer's"},
    {0},
};

/* weight [L] falling from `most` to `least` is shared out by largest remainder: each layer gets its weight up
 * to rounding, and the sum is that of the uniform budgets. */
static rkv_status share_falling(double most, double least, size_t n_tokens, size_t n_layers,
                                size_t *budgets) {
    double *weight = NULL;
    size_t *bounds = NULL, total = budgets[0] * n_layers;
    rkv_status status = rkv_alloc(&weight, n_layers, sizeof *weight);
    if (!status) status = rkv_alloc(&bounds, 2 * n_layers, sizeof *bounds);
    for (size_t l = 0; !status && l < n_layers; l++) {
        weight[l] = most - (most - least) * (double)l / (double)(n_layers - 1);
        bounds[n_layers + l] = n_tokens;
    }
    if (!status) status = rkv_budget_share(weight, bounds, bounds + n_layers, n_layers, total, budgets);
    free(bounds);
    free(weight);
    return status;
}

/* With b the uniform budget and q the tokens of the prompt (kvpress pyramidkv_press.py, after
 * KVCache-Factory): min = b / beta, max = 2 b - min;  if max >= q - window: max = q - window, min = 2 b - max
 *     layer l gets max - l (max - min) / (L - 1)
 * and every layer b unless q >= max >= min >= window. kvpress rounds each layer by itself, which loses or
 * gains some entries; here the sum is exact. One layer, or b >= q: b. */
static rkv_status plan(const rkv_option_values *values, size_t n_tokens, size_t n_layers, size_t *budgets) {
    double q = (double)n_tokens, window = values->number[RKV_SNAPKV_WINDOW];
    if (n_layers < 2 || budgets[0] >= n_tokens) return RKV_OK;
    double b = (double)budgets[0], least = b / values->number[BETA], most = 2 * b - least;
    if (most >= q - window) {
        most = q - window;
        least = 2 * b - most;
    }
    if (!(q >= most && most >= least && least >= window)) return RKV_OK;
    return share_falling(most, least, n_tokens, n_layers, budgets);
}

static const struct rkv_method_ops ops = {
    .least = rkv_snapkv_least,
    .plan = plan,
    .state_size = rkv_snapkv_state_size,
    .observe = rkv_snapkv_observe,
    .score = rkv_snapkv_score,
};

const rkv_method rkv_method_pyramidkv = {
    .name = "pyramidkv",
    .kind = RKV_SELECTION,
    .summary = "snapkv with more entries in the first layers than in the last",
    .formula = "snapkv; uniform budget b becomes max - l (max - min)/(L - 1), min = b/beta, max = 2b - min, "
               "bounded by T - window; uniform unless min >= window",
    .source = "PyramidKV: Cai et al. 2024, arXiv 2406.02069; bounds as in kvpress",
    .options = options,
    .needs = RKV_NEEDS_QUERIES | RKV_NEEDS_KEYS,
    .prompt_once = true,
    .ops = &ops,
};
