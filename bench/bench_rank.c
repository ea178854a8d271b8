/* bench_rank.c: times rkv_effective_rank over the real attention of a model, heads in parallel.
 *
 * The prefill that makes the attention is not counted. Prints one JSON object. */
#include "bench.h"

#include <stdio.h>

typedef struct rank_work {
    const bench_options *options;
    double seconds;   /* spent in rkv_effective_rank, wall time */
    double erank_sum; /* over the ranked heads: shows that the work was done */
    size_t n_heads;   /* ranked */
} rank_work;

/* An rkv_layer_fn: ranks the heads of a layer, as many at a time as there are threads. */
static rkv_status rank_layer(void *user, const rkv_layer *layer) {
    rank_work *work = user;
    if (layer->index % work->options->every) return RKV_OK;
    const size_t T = layer->n_tokens;
    double sum = 0, start_s = bench_now_s();
    int failed = RKV_OK;
#pragma omp parallel for schedule(dynamic) reduction(+ : sum) reduction(max : failed)
    for (size_t h = 0; h < layer->n_heads; h++) {
        double erank = 0;
        int status =
            (int)rkv_effective_rank(layer->attention + h * T * T, T, T, work->options->solver, &erank, NULL);
        failed = status > failed ? status : failed;
        sum += erank;
    }
    work->seconds += bench_now_s() - start_s;
    work->erank_sum += sum;
    work->n_heads += layer->n_heads;
    return (rkv_status)failed;
}

int main(int argc, char **argv) {
    bench_options options = bench_parse(argc, argv);
    rank_work work = {.options = &options};
    rkv_prefill_options prefill = {.attention = true, .on_layer = rank_layer, .user = &work};
    rkv_prefill_result result = {0};
    rkv_model *model = NULL;
    int32_t *ids = NULL;
    rkv_status status = bench_open(&options, &model, &ids);
    if (!status) status = rkv_prefill(model, ids, options.n_tokens, &prefill, &result);
    if (!status) {
        printf(
            "{\"what\": \"rank\", \"who\": \"rankkv\", \"solver\": \"%s\", \"tokens\": %zu, \"threads\": %d, "
            "\"heads\": %zu, \"seconds\": %.3f, \"ms_per_head\": %.2f, \"mean_erank\": %.6f}\n",
            rkv_solver_name(options.solver), options.n_tokens, bench_threads(), work.n_heads, work.seconds,
            1e3 * work.seconds / (double)work.n_heads, work.erank_sum / (double)work.n_heads);
    } else {
        fprintf(stderr, "%s: %s\n", argv[0], rkv_message());
    }
    rkv_prefill_result_clear(&result);
    rkv_free(ids);
    rkv_model_close(model);
    return rkv_status_exit_code(status);
}
