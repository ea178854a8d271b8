/* bench_decode.c: times decoding alone: --new-tokens tokens of the text, one at a time, behind a cache of
 * --tokens that keeps everything.
 *
 * The first run warms the caches; it is not counted. Prints one JSON object; the mean negative log likelihood
 * of the tokens tells whether the peers computed the same. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* -ln of the probability that logits [n] give to a token. */
static double loss(const float *logits, size_t n, int32_t token) {
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, (double)logits[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - largest);
    return largest + log(sum) - (double)logits[token];
}

/* Reads ids [depth + n_new] after one another; seconds of the last n_new, and their mean loss. */
static rkv_status decode_once(rkv_model *model, const int32_t *ids, const bench_options *options,
                              double *seconds, double *mean_loss) {
    rkv_session *session = NULL;
    size_t depth = options->n_tokens, n = options->n_new, n_vocab = rkv_model_get_info(model)->n_vocab;
    rkv_status status = rkv_session_new(&session, model, &(rkv_session_options){.method = "full"});
    if (!status) status = rkv_session_prefill(session, ids, depth);
    *seconds = *mean_loss = 0;
    for (size_t i = 0; i < n && !status; i++) {
        *mean_loss += loss(rkv_session_logits(session), n_vocab, ids[depth + i]) / (double)n;
        double start_s = bench_now_s();
        status = rkv_session_decode(session, ids[depth + i]);
        *seconds += bench_now_s() - start_s;
    }
    rkv_session_free(session);
    return status;
}

int main(int argc, char **argv) {
    bench_options options = bench_parse(argc, argv), all = options;
    rkv_model *model = NULL;
    int32_t *ids = NULL;
    double mean_loss = 0, *seconds = calloc(options.repeat + 1, sizeof *seconds);
    all.n_tokens += options.n_new;
    rkv_status status = seconds ? bench_open(&all, &model, &ids) : RKV_NO_MEMORY;
    for (size_t i = 0; i <= options.repeat && !status; i++)
        status = decode_once(model, ids, &options, &seconds[i], &mean_loss);
    if (!status) {
        double median_s = bench_median(seconds + 1, options.repeat);
        printf("{\"what\": \"decode\", \"who\": \"rankkv\", \"file_type\": \"%s\", \"depth\": %zu, "
               "\"new_tokens\": %zu, \"threads\": %d, \"repeat\": %zu, \"median_s\": %.4f, \"tokens_per_s\": "
               "%.1f, \"mean_nll\": %.6f}\n",
               rkv_model_get_info(model)->file_type, options.n_tokens, options.n_new, bench_threads(),
               options.repeat, median_s, (double)options.n_new / median_s, mean_loss);
    } else {
        fprintf(stderr, "%s: %s\n", argv[0], rkv_message());
    }
    rkv_free(ids);
    rkv_model_close(model);
    free(seconds);
    return rkv_status_exit_code(status);
}
