/* method_sparse_attention.c: sparse by attention score: keeps what received the most attention per query. */
#include "compressors/methods.h"
#include "compressors/received.h"
#include "compressors/select.h"

enum { RECENT };

static const rkv_method_option options[] = {
    {.name = "recent",
     .kind = RKV_OPTION_SIZE,
     .standard = 0,
     .least = 0,
     .most = 1 << 20,
     .summary = "newest entries that always stay"},
    {0},
};

static size_t least(const rkv_option_values *values) {
    return rkv_value_size(values, RECENT);
}

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    rkv_received_score(view, RKV_RECEIVED_MEAN, out);
    for (size_t g = 0; g < view->n_kv_heads; g++)
        rkv_score_keep_newest(out[g], view->heads[g].n, rkv_value_size(values, RECENT));
    return RKV_OK;
}

static const struct rkv_method_ops ops = {.least = least, .score = score};

const rkv_method rkv_method_sparse_attention = {
    .name = "sparse-attention",
    .kind = RKV_SELECTION,
    .summary = "mean attention received from the queries that saw the entry",
    .formula = "s_j = group(sum over queries i >= j of A_ij) / (number of queries i >= j)",
    .source = "kvpress ObservedAttention, after H2O: Zhang et al. 2023",
    .options = options,
    .needs = RKV_NEEDS_QUERIES | RKV_NEEDS_SUMS,
    .prompt_once = true,
    .ops = &ops,
};
