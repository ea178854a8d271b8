/* method_streaming_llm.c: the first tokens, on which attention rests, and the newest ones. */
#include <math.h>

#include "compressors/methods.h"

enum { N_SINK, START_SIZE, RECENT_SIZE };

static const rkv_method_option options[] = {
    [N_SINK] = {"n_sink", RKV_OPTION_SIZE, 4, 0, 1 << 20, NULL, "tokens at the start of the text that stay"},
    [START_SIZE] = {"start_size", RKV_OPTION_ALIAS, 0, 0, 0, "n_sink", "another name of n_sink"},
    [RECENT_SIZE] =
        {"recent_size", RKV_OPTION_SIZE, 0, 0, 1 << 30, NULL,
         "newest entries that stay: the budget is n_sink + recent_size; 0: what the budget leaves"},
    {0},
};

static size_t own_budget(const rkv_option_values *values) {
    size_t recent = rkv_value_size(values, RECENT_SIZE);
    return recent ? rkv_value_size(values, N_SINK) + recent : 0;
}

static size_t least(const rkv_option_values *values) {
    return rkv_value_size(values, N_SINK);
}

static rkv_status score(const rkv_option_values *values, const rkv_layer_view *view, float *const *out) {
    size_t n_sink = rkv_value_size(values, N_SINK);
    for (size_t g = 0; g < view->n_kv_heads; g++) {
        const rkv_head_view *head = &view->heads[g];
        for (size_t i = 0; i < head->n; i++)
            out[g][i] = (size_t)head->positions[i] < n_sink ? INFINITY : (float)head->positions[i];
    }
    return RKV_OK;
}

static const struct rkv_method_ops ops = {.own_budget = own_budget, .least = least, .score = score};

const rkv_method rkv_method_streaming_llm = {
    .name = "streaming-llm",
    .kind = RKV_SELECTION,
    .summary = "the first tokens of the text (attention sinks) and the newest ones",
    .formula = "s_i = inf where position of i < n_sink, else position of i",
    .source = "StreamingLLM (Xiao et al. 2024, arXiv 2309.17453)",
    .options = options,
    .ops = &ops,
};
