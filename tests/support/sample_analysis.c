/* sample_analysis.c: analyses made up for tests, with every member filled. */
#include "support/sample_analysis.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/random.h"
#include "io/model_info.h"

static rkv_status fill_metric(rkv_analysis *a, size_t m, rkv_random *random) {
    const rkv_metric_info *info = rkv_metric_get_info((rkv_metric)m);
    size_t n = a->model.n_layers * (info->per_kv_head ? a->model.n_kv_heads : a->model.n_heads);
    bool mass = strcmp(info->unit, "mass") == 0;
    rkv_status status = rkv_alloc(&a->metric[m], n, sizeof(double));
    for (size_t i = 0; !status && i < n; i++) {
        double unit = rkv_random_unit(random);
        a->metric[m][i] = mass ? unit : 1 + unit * (double)(a->n_tokens - 1);
    }
    return status;
}

static rkv_status fill_tokens(rkv_analysis *a, rkv_random *random) {
    static const char *const texts[] = {"the", " quote\"\\", "\u23CE", "\u00e9t\u00e9", ""};
    rkv_status status = rkv_alloc(&a->token_ids, a->n_tokens, sizeof *a->token_ids);
    if (!status) status = rkv_alloc(&a->token_text, a->n_tokens, sizeof *a->token_text);
    for (size_t t = 0; !status && t < a->n_tokens; t++) {
        a->token_ids[t] = (int32_t)rkv_random_below(random, 49152);
        status = rkv_copy_string(&a->token_text[t], texts[rkv_random_below(random, 5)]);
    }
    return status;
}

static rkv_status fill_layers(rkv_analysis *a, rkv_random *random) {
    size_t L = a->model.n_layers, H = a->model.n_heads;
    rkv_status status = rkv_alloc(&a->layer_rank, L, sizeof(double));
    if (!status) status = rkv_alloc(&a->svd_used, L * H, 1);
    for (size_t l = 0; !status && l < L; l++)
        a->layer_rank[l] = rkv_aggregate_values(a->aggregate, a->metric[RKV_ERANK] + l * H, H);
    if (!status) a->svd_used[rkv_random_below(random, L * H)] = 1;
    return status;
}

rkv_analysis *sample_analysis(size_t L, size_t H, size_t G, size_t T, uint64_t seed) {
    rkv_random random = {seed};
    rkv_analysis *a;
    if (rkv_alloc(&a, 1, sizeof *a)) return NULL;
    const rkv_model_info model = {
        .name = "Sample \"135M\"",
        .architecture = "llama",
        .file_type = "Q4_1",
        .sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        .n_layers = L,
        .n_heads = H,
        .n_kv_heads = G,
        .head_dim = 64,
        .n_embd = 64 * H,
        .n_ff = 1536,
        .n_vocab = 49152,
        .n_context = 8192,
        .n_parameters = 134515008,
        .file_bytes = 98765432,
    };
    a->n_tokens = T;
    a->perplexity = 12.5 + rkv_random_unit(&random);
    a->load_s = 0.25, a->prefill_s = 1.1, a->rank_s = 0.1, a->total_s = 1.5;
    snprintf(a->device, sizeof a->device, "cpu");
    rkv_status status = rkv_model_info_copy(&a->model, &model);
    if (!status) status = rkv_copy_string(&a->prompt_name, "sample");
    for (size_t m = 0; !status && m < RKV_METRIC_COUNT; m++)
        status = fill_metric(a, m, &random);
    if (!status) status = fill_tokens(a, &random);
    if (!status) status = fill_layers(a, &random);
    if (status) {
        rkv_analysis_free(a);
        a = NULL;
    }
    return a;
}
