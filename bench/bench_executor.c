/* bench_executor.c: the compression executor on one model: speed, memory and the price of compressing.
 *
 *     --measure decode       one method after a prompt: seconds per token, bytes, memory of this process
 *     --measure first-token  every method of the table against the full cache, in pairs: time to the first
 * token
 *     --measure steps        memory of this process over many tokens
 *     --measure bandwidth    how fast this machine reads memory
 *
 * Prints one JSON object; bench/executor.py makes tables of them. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench {
    bench_options options;
    rkv_model *model;
    int32_t *ids; /* [n_tokens] */
} bench;

/* ---- memory of this process ---- */

/* A field of /proc/self/status in bytes: "VmRSS" now, "VmHWM" the most so far. */
static size_t memory_bytes(const char *field) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];
    size_t kib = 0, length = strlen(field);
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, field, length) && line[length] == ':') kib = strtoull(line + length + 1, NULL, 10);
    if (file) fclose(file);
    return kib * 1024;
}

/* ---- sessions ---- */

/* As published: methods that compress the prompt once let new entries stay. A specification of several goes
 * by its first. */
static rkv_hold hold_of(const char *spec) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(spec, ":+"), spec);
    const rkv_method *method = rkv_method_find(name);
    return method && method->prompt_once ? RKV_HOLD_PROMPT : RKV_HOLD_ALWAYS;
}

static rkv_status open_session(const bench *b, const char *spec, rkv_session **session) {
    rkv_session_options options = {.method = spec, .hold = hold_of(spec), .budget = b->options.budget};
    return rkv_session_new(session, b->model, &options);
}

/* Time from the prompt's ids to the first token, the weights being decoded already. */
static rkv_status first_token(const bench *b, const char *spec, double *seconds, rkv_session **session) {
    rkv_generation generation = {0};
    rkv_status status = open_session(b, spec, session);
    double start_s = bench_now_s();
    if (!status) status = rkv_session_prefill(*session, b->ids, b->options.n_tokens);
    if (!status)
        status = rkv_session_generate(*session, &(rkv_generate_options){.n_tokens = 1, .ignore_end = true},
                                      &generation);
    *seconds = bench_now_s() - start_s;
    rkv_free(generation.ids);
    return status;
}

/* The text goes on as it began: what is read makes no difference to the time. */
static rkv_status decode(const bench *b, rkv_session *session, size_t step) {
    return rkv_session_decode(session, b->ids[step % b->options.n_tokens]);
}

/* ---- --measure decode ---- */

static void print_decode(const bench *b, const rkv_cache_stats *prompt, const rkv_cache_stats *end,
                         double *seconds) {
    size_t n = b->options.n_new;
    const rkv_model_info *info = rkv_model_get_info(b->model);
    double compress_s = (end->compress_s - prompt->compress_s) / (double)n;
    printf("\"file_bytes\": %zu, \"parameters\": %zu, \"median_step_s\": %.6f, \"compress_step_s\": %.6f, "
           "\"prompt\": {\"entries\": %zu, \"kv_bytes\": %zu, \"allocated_bytes\": %zu, \"peak_bytes\": %zu, "
           "\"compress_s\": %.4f}, \"end\": {\"entries\": %zu, \"kv_bytes\": %zu, \"allocated_bytes\": %zu}",
           info->file_bytes, info->n_parameters, bench_median(seconds, n), compress_s, prompt->n_entries,
           prompt->kv_bytes, prompt->allocated_bytes, prompt->peak_bytes, prompt->compress_s, end->n_entries,
           end->kv_bytes, end->allocated_bytes);
}

static rkv_status measure_decode(const bench *b) {
    const char *spec = b->options.method ? b->options.method : "full";
    size_t n = b->options.n_new;
    double first_s, *seconds = calloc(n, sizeof *seconds);
    rkv_session *session = NULL;
    rkv_cache_stats prompt = {0}, end = {0};
    size_t opened_bytes = memory_bytes("VmRSS");
    rkv_status status = seconds ? first_token(b, spec, &first_s, &session) : RKV_NO_MEMORY;
    size_t rss_bytes = memory_bytes("VmRSS"), peak_bytes = memory_bytes("VmHWM");
    if (!status) status = rkv_session_get_stats(session, &prompt);
    if (!status) status = decode(b, session, 0); /* what the first step sets up is not counted */
    for (size_t i = 0; !status && i < n; i++) {
        double start_s = bench_now_s();
        status = decode(b, session, i + 1);
        seconds[i] = bench_now_s() - start_s;
    }
    if (!status) status = rkv_session_get_stats(session, &end);
    if (!status) {
        printf("{\"what\": \"decode\", \"who\": \"rankkv\", \"method\": \"%s\", \"budget\": %zu, \"tokens\": "
               "%zu, "
               "\"threads\": %d, \"new_tokens\": %zu, ",
               spec, b->options.budget, b->options.n_tokens, bench_threads(), n);
        print_decode(b, &prompt, &end, seconds);
        printf(", \"memory\": {\"opened_bytes\": %zu, \"prompt_bytes\": %zu, \"prompt_peak_bytes\": %zu, "
               "\"end_bytes\": %zu, \"end_peak_bytes\": %zu}}\n",
               opened_bytes, rss_bytes, peak_bytes, memory_bytes("VmRSS"), memory_bytes("VmHWM"));
    }
    rkv_session_free(session);
    free(seconds);
    return status;
}

/* ---- --measure first-token ---- */

/* repeat pairs, full and method in turn, each pair the other way round than the last. */
static rkv_status time_pairs(const bench *b, const char *spec, double *full_s, double *method_s) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < 2 * b->options.repeat; i++) {
        bool full = i % 4 == 0 || i % 4 == 3;
        rkv_session *session = NULL;
        status = first_token(b, full ? "full" : spec, full ? &full_s[i / 2] : &method_s[i / 2], &session);
        rkv_session_free(session);
    }
    return status;
}

static rkv_status compare_first_token(const bench *b, const char *spec, double *seconds, bool first) {
    size_t n = b->options.repeat;
    double *full_s = seconds, *method_s = seconds + n, *ratio = seconds + 2 * n;
    rkv_status status = time_pairs(b, spec, full_s, method_s);
    if (status) return status;
    for (size_t i = 0; i < n; i++)
        ratio[i] = method_s[i] / full_s[i];
    printf("%s{\"method\": \"%s\", \"full_s\": %.4f, \"method_s\": %.4f, \"ratio\": %.4f}", first ? "" : ", ",
           spec, bench_median(full_s, n), bench_median(method_s, n), bench_median(ratio, n));
    fflush(stdout);
    return RKV_OK;
}

static rkv_status measure_first_token(const bench *b) {
    double *seconds = calloc(3 * b->options.repeat, sizeof *seconds), warm_s;
    rkv_session *warm = NULL; /* decodes the weights */
    rkv_status status = seconds ? first_token(b, "full", &warm_s, &warm) : RKV_NO_MEMORY;
    rkv_session_free(warm);
    printf("{\"what\": \"first-token\", \"tokens\": %zu, \"budget\": %zu, \"threads\": %d, \"pairs\": %zu, "
           "\"methods\": [",
           b->options.n_tokens, b->options.budget, bench_threads(), b->options.repeat);
    if (!status && b->options.method) status = compare_first_token(b, b->options.method, seconds, true);
    for (size_t i = 0; !status && !b->options.method && rkv_method_at(i); i++)
        status = compare_first_token(b, rkv_method_at(i)->name, seconds, i == 0);
    printf("]}\n");
    free(seconds);
    return status;
}

/* ---- --measure steps ---- */

static rkv_status print_sample(rkv_session *session, size_t step) {
    rkv_cache_stats stats;
    rkv_status status = rkv_session_get_stats(session, &stats);
    if (!status)
        printf(
            "%s{\"step\": %zu, \"rss_bytes\": %zu, \"allocated_bytes\": %zu, \"entries\": %zu, \"longest\": "
            "%zu}",
            step ? ", " : "", step, memory_bytes("VmRSS"), stats.allocated_bytes, stats.n_entries,
            stats.longest);
    fflush(stdout);
    return status;
}

static rkv_status measure_steps(const bench *b) {
    const char *spec = b->options.method ? b->options.method : "full";
    size_t n = b->options.n_new, every = n > 20 ? n / 20 : 1;
    rkv_session *session = NULL;
    double first_s;
    rkv_status status = first_token(b, spec, &first_s, &session);
    printf("{\"what\": \"steps\", \"method\": \"%s\", \"budget\": %zu, \"tokens\": %zu, \"new_tokens\": %zu, "
           "\"samples\": [",
           spec, b->options.budget, b->options.n_tokens, n);
    double start_s = bench_now_s();
    for (size_t step = 0; !status && step <= n; step++) {
        if (step > 0) status = decode(b, session, step);
        if (!status && step % every == 0) status = print_sample(session, step);
    }
    printf("], \"decode_s\": %.2f}\n", bench_now_s() - start_s);
    rkv_session_free(session);
    return status;
}

/* ---- --measure bandwidth ---- */

/* The best of several readings of 512 MiB by all threads: more than any cache holds. */
static rkv_status measure_bandwidth(const bench *b) {
    size_t n = (size_t)64 << 20;
    uint64_t *words = malloc(n * sizeof *words), sum = 0;
    double best_s = 1e300;
    if (!words) return RKV_NO_MEMORY;
#pragma omp parallel for
    for (size_t i = 0; i < n; i++)
        words[i] = i;
    for (size_t repeat = 0; repeat < b->options.repeat; repeat++) {
        double start_s = bench_now_s();
#pragma omp parallel for simd reduction(+ : sum)
        for (size_t i = 0; i < n; i++)
            sum += words[i];
        double seconds = bench_now_s() - start_s;
        best_s = seconds < best_s ? seconds : best_s;
    }
    printf("{\"what\": \"bandwidth\", \"threads\": %d, \"bytes_per_s\": %.0f, \"check\": %llu}\n",
           bench_threads(), (double)(n * sizeof *words) / best_s, (unsigned long long)sum);
    free(words);
    return RKV_OK;
}

/* ---- which ---- */

static const struct {
    const char *name;
    rkv_status (*measure)(const bench *b);
    bool needs_model;
} measures[] = {
    {"decode", measure_decode, true},
    {"first-token", measure_first_token, true},
    {"steps", measure_steps, true},
    {"bandwidth", measure_bandwidth, false},
};

static rkv_status measure(bench *b) {
    const char *name = b->options.measure ? b->options.measure : "decode";
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        if (strcmp(name, measures[i].name)) continue;
        rkv_status status = measures[i].needs_model ? bench_open(&b->options, &b->model, &b->ids) : RKV_OK;
        return status ? status : measures[i].measure(b);
    }
    fprintf(stderr, "--measure %s: not one of decode, first-token, steps, bandwidth\n", name);
    exit(2);
}

int main(int argc, char **argv) {
    bench b = {.options = bench_parse(argc, argv)};
    b.options.wraps = true;
    if (!b.options.budget) b.options.budget = (b.options.n_tokens + 3) / 4;
    rkv_status status = measure(&b);
    if (status) fprintf(stderr, "%s: %s\n", argv[0], rkv_message());
    rkv_free(b.ids);
    rkv_model_close(b.model);
    return rkv_status_exit_code(status);
}
