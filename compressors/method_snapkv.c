/* method_snapkv.c: keeps what the newest queries look at, and its neighbours. */
#include "compressors/methods.h"
#include "compressors/snapkv.h"

static const rkv_method_option options[] = {RKV_SNAPKV_OPTION_ROWS, {0}};

static const struct rkv_method_ops ops = {
    .least = rkv_snapkv_least,
    .state_size = rkv_snapkv_state_size,
    .observe = rkv_snapkv_observe,
    .score = rkv_snapkv_score,
};

const rkv_method rkv_method_snapkv = {
    .name = "snapkv",
    .kind = RKV_SELECTION,
    .summary = "attention of the newest queries, pooled over neighbours; the window stays",
    .formula = "s_j = group(pool_kernel(mean over the last window queries i of A_ij)), j before the window",
    .source = "SnapKV: Li et al. 2024, arXiv 2404.14469; defaults of its class and of kvpress",
    .options = options,
    .needs = RKV_NEEDS_QUERIES | RKV_NEEDS_KEYS,
    .prompt_once = true,
    .ops = &ops,
};
