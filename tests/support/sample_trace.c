/* sample_trace.c: a small trace whose every number is known. */
#include "support/sample_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

rkv_model_info sample_model(void) {
    rkv_model_info model = {.name = "Sample é",
                            .architecture = "llama",
                            .file_type = "Q4_1",
                            .n_layers = SAMPLE_LAYERS,
                            .n_heads = SAMPLE_HEADS,
                            .n_kv_heads = SAMPLE_KV_HEADS,
                            .head_dim = 64,
                            .n_embd = 256,
                            .n_ff = 1024,
                            .n_vocab = 5000,
                            .n_context = 8192,
                            .n_parameters = 123456789};
    memset(model.sha256, 'a', 64);
    return model;
}

void sample_attention(float *layer, size_t index, size_t n_tokens) {
    for (size_t h = 0; h < SAMPLE_HEADS; h++)
        for (size_t i = 0; i < n_tokens; i++) {
            float *row = layer + (h * n_tokens + i) * n_tokens;
            double sum = 0;
            for (size_t j = 0; j <= i; j++)
                sum += (double)(1 + (31 * index + 17 * h + 7 * i + 3 * j) % 11);
            for (size_t j = 0; j < n_tokens; j++)
                row[j] = j > i ? 0 : (float)((double)(1 + (31 * index + 17 * h + 7 * i + 3 * j) % 11) / sum);
        }
}

double sample_metric(int m, size_t i) {
    return 100.0 * m + (double)i + 0.25;
}

static rkv_status write_layers(rkv_trace_writer *writer, size_t n_tokens) {
    float *attention = malloc(SAMPLE_HEADS * n_tokens * n_tokens * sizeof *attention);
    rkv_status status = attention ? RKV_OK : RKV_NO_MEMORY;
    for (size_t l = 0; l < SAMPLE_LAYERS && !status; l++) {
        sample_attention(attention, l, n_tokens);
        rkv_layer layer = {.index = l,
                           .n_layers = SAMPLE_LAYERS,
                           .n_heads = SAMPLE_HEADS,
                           .n_kv_heads = SAMPLE_KV_HEADS,
                           .n_tokens = n_tokens,
                           .attention = attention};
        status = rkv_trace_write_layer(writer, &layer);
    }
    free(attention);
    return status;
}

static rkv_status finish(rkv_trace_writer *writer, size_t n_tokens, bool by_head) {
    static double values[RKV_METRIC_COUNT][SAMPLE_LAYERS * SAMPLE_HEADS];
    size_t layers[SAMPLE_LAYERS] = {20, 12}, heads[SAMPLE_LAYERS * SAMPLE_KV_HEADS] = {30, 10, 8, 16};
    rkv_analysis analysis = {.model = sample_model(),
                             .prompt_name = (char[]){"sample"},
                             .n_tokens = n_tokens,
                             .perplexity = 12.5,
                             .aggregate = RKV_AGGREGATE_MEAN,
                             .layer_rank = (double[]){1.75, 5.75},
                             .device = "cpu"};
    for (int m = 0; m < RKV_METRIC_COUNT; m++) {
        for (size_t i = 0; i < SAMPLE_LAYERS * SAMPLE_HEADS; i++)
            values[m][i] = sample_metric(m, i);
        analysis.metric[m] = values[m];
    }
    rkv_budget budget = {.model = sample_model(),
                         .n_tokens = n_tokens,
                         .policy = (char[]){"proportional"},
                         .signal = (char[]){"erank"},
                         .options_json = (char[]){"{}"},
                         .source = (char[]){"sample"},
                         .granularity = by_head ? RKV_BY_HEAD : RKV_BY_LAYER,
                         .total = 32,
                         .min = 4,
                         .max = 64,
                         .layers = layers,
                         .heads = by_head ? heads : NULL};
    return rkv_trace_finish(writer, &analysis, &budget);
}

rkv_status sample_trace_write(const char *path, size_t n_tokens, rkv_trace_dtype dtype, bool by_head) {
    rkv_model_info model = sample_model();
    int32_t *tokens = calloc(n_tokens, sizeof *tokens);
    char(*buffers)[24] = calloc(n_tokens, sizeof *buffers), **text = calloc(n_tokens, sizeof *text);
    rkv_trace_writer *writer = NULL;
    rkv_status status = tokens && buffers && text ? RKV_OK : RKV_NO_MEMORY;
    for (size_t i = 0; i < n_tokens && !status; i++) {
        tokens[i] = (int32_t)(100 + 3 * i);
        text[i] = buffers[i];
        if (i % 3 != 2) snprintf(text[i], sizeof *buffers, i % 3 ? "é%zu" : "t%zu", i);
    }
    if (!status) status = rkv_trace_create(&writer, path, &model, tokens, text, n_tokens, dtype);
    if (!status) {
        status = write_layers(writer, n_tokens);
        if (status)
            rkv_trace_abandon(writer);
        else
            status = finish(writer, n_tokens, by_head);
    }
    free(text);
    free(buffers);
    free(tokens);
    return status;
}
