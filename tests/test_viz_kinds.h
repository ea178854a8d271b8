/* test_viz_kinds.h: every kind of picture of one small made-up model, written by one call each. */
#ifndef RKV_TEST_VIZ_KINDS_H
#define RKV_TEST_VIZ_KINDS_H

#include "test_viz_common.h"

#define L 3
#define H 4
#define G 2

static double erank[L * H];
static double layer_rank[L] = {1.5, 2, 8};
static size_t layer_budget[L] = {4, 10, 16}, head_budget[L * G] = {4, 4, 8, 12, 20, 12};

typedef rkv_status (*writer)(const char *path, size_t n_tokens, const rkv_heatmap_options *options);

static float *layer_attention(size_t layer, size_t n_tokens) {
    float *a = malloc(H * n_tokens * n_tokens * sizeof *a);
    for (size_t h = 0; h < H; h++) {
        fill_attention(a + h * n_tokens * n_tokens, n_tokens, 100 * layer + h);
        erank[layer * H + h] = 1 + (double)(layer + h);
    }
    return a;
}

static rkv_status write_head(const char *path, size_t n_tokens, const rkv_heatmap_options *options) {
    float *a = layer_attention(1, n_tokens);
    rkv_status status = rkv_heatmap_head(path, a, n_tokens, 1, 2, H, options);
    free(a);
    return status;
}

static rkv_status write_layer(const char *path, size_t n_tokens, const rkv_heatmap_options *options) {
    float *a = layer_attention(2, n_tokens);
    rkv_layer layer = {
        .index = 2, .n_layers = L, .n_heads = H, .n_kv_heads = G, .n_tokens = n_tokens, .attention = a};
    rkv_status status = rkv_heatmap_layer(path, &layer, options);
    free(a);
    return status;
}

static rkv_status write_sheet(const char *path, size_t n_tokens, const rkv_heatmap_options *options) {
    rkv_sheet *sheet = NULL;
    rkv_status status = rkv_sheet_new(&sheet, L, H, n_tokens, options);
    for (size_t i = 0; !status && i < L; i++) {
        size_t index = (i + 1) % L; /* any order */
        float *a = layer_attention(index, n_tokens);
        rkv_layer layer = {.index = index,
                           .n_layers = L,
                           .n_heads = H,
                           .n_kv_heads = G,
                           .n_tokens = n_tokens,
                           .attention = a};
        status = rkv_sheet_add_layer(sheet, &layer);
        free(a);
    }
    if (!status) status = rkv_sheet_save(sheet, path);
    rkv_sheet_free(sheet);
    return status;
}

static rkv_status write_metric(const char *path, size_t n_tokens, const rkv_heatmap_options *options) {
    for (size_t l = 0; l < L; l++)
        free(layer_attention(l, 1));
    rkv_analysis analysis = {.model = {.name = "m", .n_layers = L, .n_heads = H, .n_kv_heads = G}};
    analysis.n_tokens = n_tokens;
    analysis.prompt_name = (char *)"p";
    analysis.metric[RKV_ERANK] = erank;
    analysis.layer_rank = layer_rank;
    rkv_budget budget = {
        .model = analysis.model, .policy = (char *)"proportional", .signal = (char *)"erank"};
    budget.n_tokens = n_tokens;
    budget.total = 30;
    budget.layers = layer_budget;
    budget.heads = head_budget;
    return rkv_heatmap_metric(path, &analysis, RKV_ERANK, &budget, options);
}

static rkv_status write_signal(const char *path, size_t n_tokens, const rkv_heatmap_options *options) {
    static double value[L * G] = {0, 0.5, 0.25, 0, 0, 1};
    rkv_signal signal = {.name = (char *)"oerr", .unit = (char *)"ratio\n", .per_kv_head = true};
    signal.summary = signal.origin = (char *)"\x1b[2J <of a file>";
    signal.values = value;
    rkv_profile profile = {.model = {.name = "m", .n_layers = L, .n_heads = H, .n_kv_heads = G},
                           .signals = &signal};
    profile.n_signals = 1;
    (void)n_tokens;
    return rkv_heatmap_signal(path, &profile, "oerr", NULL, options);
}

static const struct {
    const char *name;
    writer write;
} kinds[] = {{"head", write_head},
             {"layer", write_layer},
             {"sheet", write_sheet},
             {"metric", write_metric},
             {"signal", write_signal}};

#endif
