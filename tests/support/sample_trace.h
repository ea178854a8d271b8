/* sample_trace.h: a small trace whose every number is known, and the analysis and budget that go with it. */
#ifndef RKV_TESTS_SAMPLE_TRACE_H
#define RKV_TESTS_SAMPLE_TRACE_H

#include <rankkv/trace.h>

/* L layers, H heads, G KV heads. */
enum { SAMPLE_LAYERS = 2, SAMPLE_HEADS = 4, SAMPLE_KV_HEADS = 2 };

rkv_model_info sample_model(void);

/* Attention of query i on key j <= i: weight 1 + (31 l + 17 h + 7 i + 3 j) mod 11, as a share of its row; 0
 * above the diagonal. layer [H, T, T]. */
void sample_attention(float *layer, size_t index, size_t n_tokens);

/* What the metric m, a number in the order of RKV_METRIC_LIST, has at place i of its [L, H] or [L, G]. */
double sample_metric(int m, size_t i);

/* Writes the sample to path: tokens 100 + 3 i, token_text "t0", "é1", "", "t3", ... */
rkv_status sample_trace_write(const char *path, size_t n_tokens, rkv_trace_dtype dtype, bool by_head);

#endif
