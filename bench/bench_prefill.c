/* bench_prefill.c: times rkv_prefill alone: no attention handed out, logits of the last token only.
 *
 * The first run decodes the weights and warms the caches; it is not counted. Prints one JSON object. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

/* One prefill: its wall time without the decoding of weights, and the most likely next token. */
static rkv_status prefill_once(rkv_model *model, const int32_t *ids, size_t n, double *seconds, size_t *top) {
    rkv_prefill_options options = {0};
    rkv_prefill_result result = {0};
    double start_s = bench_now_s();
    rkv_status status = rkv_prefill(model, ids, n, &options, &result);
    if (status) return status;
    *seconds = bench_now_s() - start_s - result.load_s;
    *top = 0;
    for (size_t i = 1; i < result.n_vocab; i++) {
        if (result.last_logits[i] > result.last_logits[*top]) *top = i;
    }
    rkv_prefill_result_clear(&result);
    return RKV_OK;
}

int main(int argc, char **argv) {
    bench_options options = bench_parse(argc, argv);
    rkv_model *model = NULL;
    int32_t *ids = NULL;
    size_t top = 0;
    double *seconds = calloc(options.repeat + 1, sizeof *seconds);
    rkv_status status = seconds ? bench_open(&options, &model, &ids) : RKV_NO_MEMORY;
    for (size_t i = 0; i <= options.repeat && !status; i++) {
        status = prefill_once(model, ids, options.n_tokens, &seconds[i], &top);
    }
    if (!status) {
        double median_s = bench_median(seconds + 1, options.repeat);
        printf(
            "{\"what\": \"prefill\", \"who\": \"rankkv\", \"tokens\": %zu, \"threads\": %d, \"repeat\": %zu, "
            "\"median_s\": %.4f, \"tokens_per_s\": %.1f, \"top_token\": %zu}\n",
            options.n_tokens, bench_threads(), options.repeat, median_s, (double)options.n_tokens / median_s,
            top);
    } else {
        fprintf(stderr, "%s: %s\n", argv[0], rkv_message());
    }
    rkv_free(ids);
    rkv_model_close(model);
    free(seconds);
    return rkv_status_exit_code(status);
}
