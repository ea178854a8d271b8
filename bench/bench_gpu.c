/* bench_gpu.c: times a device where it needs no files but a random model: effective ranks of random attention
 * that lies on the device already, prefill, and the whole analysis.
 *
 *     bench_gpu rank [--device NAME] [--tokens N] [--heads N] [--repeat N] [--solver gram|svd]
 *     bench_gpu prefill|analyze --model FILE.gguf [--device NAME] [--tokens N] [--repeat N]
 *
 * The first run of each is not counted. Prints one JSON object; of a model's with the memory that was in use,
 * of an analysis' with what was foretold. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h" /* programs of a GPU look behind the public headers */
#include "bench.h"
#include "model/model.h"

/* Heads that differ; the others repeat them. bench/peer_torch_gpu.py makes the same. */
#define DISTINCT 9

typedef struct gpu_options {
    const char *device, *model;
    size_t tokens, heads, repeat;
    rkv_solver solver;
} gpu_options;

/* ---- random attention ---- */

/* In [0, 1): a hash of the place. */
static double noise(size_t h, size_t i, size_t j) {
    uint32_t x = (uint32_t)i * 0x9E3779B1u ^ (uint32_t)j * 0x85EBCA77u ^ (uint32_t)h * 0xC2B2AE3Du;
    x ^= x >> 15;
    x *= 0x2C1B3C6Du;
    x ^= x >> 12;
    return (double)(x >> 8 & 0xFFFF) / 65536;
}

/* a [n, n]: the causal softmax of noise, the sharper the higher h. */
static void fill_head(float *a, size_t n, size_t h) {
#pragma omp parallel for schedule(dynamic, 16)
    for (size_t i = 0; i < n; i++) {
        double total = 0;
        for (size_t j = 0; j <= i; j++)
            total += exp((double)(h + 1) * noise(h, i, j));
        for (size_t j = 0; j < n; j++)
            a[i * n + j] = j <= i ? (float)(exp((double)(h + 1) * noise(h, i, j)) / total) : 0;
    }
}

/* *out [heads, n, n] on the device. */
static rkv_status make_attention(rkv_backend *b, size_t heads, size_t n, float **out) {
    rkv_status status = b->ops->alloc(b, out, heads * n * n);
    float *head = malloc(n * n * sizeof *head);
    if (!head) return RKV_NO_MEMORY;
    for (size_t d = 0; !status && d < DISTINCT && d < heads; d++) {
        fill_head(head, n, d);
        for (size_t h = d; !status && h < heads; h += DISTINCT)
            status = b->ops->upload(b, *out + h * n * n, head, n * n);
    }
    free(head);
    return status;
}

/* ---- rank ---- */

typedef struct rank_work {
    rkv_backend *backend;
    rkv_singular_task task;
    double *erank;            /* [heads] */
    rkv_row_metrics *metrics; /* [heads] */
    double rank_s, metrics_s; /* of the last run */
    double lost_bytes;        /* of device memory, from the first run to the last */
} rank_work;

static rkv_status rank_once(rank_work *w) {
    rkv_backend *b = w->backend;
    double start_s = bench_now_s();
    rkv_status status = b->ops->singular_values(b, &w->task);
    w->rank_s = bench_now_s() - start_s;
    if (!status) status = b->ops->row_metrics(b, w->task.matrices, w->task.n, w->task.rows, NULL, w->metrics);
    w->metrics_s = bench_now_s() - start_s - w->rank_s;
    return status;
}

static void print_rank(const gpu_options *o, const rank_work *w, double rank_s, double metrics_s) {
    size_t by_svd = 0;
    for (size_t h = 0; h < o->heads; h++)
        by_svd += w->task.svd_used[h];
    printf(
        "{\"what\": \"rank\", \"who\": \"rankkv\", \"device\": \"%s\", \"solver\": \"%s\", \"tokens\": %zu, "
        "\"heads\": %zu, \"seconds\": %.6f, \"ms_per_head\": %.4f, \"metrics_seconds\": %.6f, "
        "\"by_svd\": %zu, \"lost_bytes\": %.0f, \"eranks\": [",
        w->backend->device, rkv_solver_name(o->solver), o->tokens, o->heads, rank_s,
        1e3 * rank_s / (double)o->heads, metrics_s, by_svd, w->lost_bytes);
    for (size_t h = 0; h < DISTINCT && h < o->heads; h++)
        printf("%s%.12g", h ? ", " : "", w->erank[h]);
    printf("]}\n");
}

static rkv_status time_rank(const gpu_options *o, rank_work *w, double *rank_s, double *metrics_s) {
    rkv_status status = rank_once(w);
    double before = (double)w->backend->ops->memory_available(w->backend);
    for (size_t i = 0; !status && i < o->repeat; i++) {
        status = rank_once(w);
        rank_s[i] = w->rank_s;
        metrics_s[i] = w->metrics_s;
    }
    w->lost_bytes = before - (double)w->backend->ops->memory_available(w->backend);
    if (!status) print_rank(o, w, bench_median(rank_s, o->repeat), bench_median(metrics_s, o->repeat));
    return status;
}

static rkv_status bench_rank(const gpu_options *o) {
    size_t n = o->tokens;
    rank_work w = {0};
    float *attention = NULL;
    rkv_status status = rkv_backend_open(&w.backend, o->device);
    if (status) return status;
    double *sigma = malloc(o->heads * n * sizeof *sigma), *times = calloc(2 * o->repeat, sizeof *times);
    unsigned char *svd_used = calloc(o->heads, 1);
    w.erank = calloc(o->heads, sizeof *w.erank);
    w.metrics = calloc(o->heads, sizeof *w.metrics);
    status = sigma && times && svd_used && w.erank && w.metrics
                 ? make_attention(w.backend, o->heads, n, &attention)
                 : RKV_NO_MEMORY;
    w.task = (rkv_singular_task){.matrices = attention,
                                 .n = o->heads,
                                 .rows = n,
                                 .cols = n,
                                 .lower_triangular = true,
                                 .solver = o->solver,
                                 .sigma = sigma,
                                 .erank = w.erank,
                                 .svd_used = svd_used};
    if (!status) status = time_rank(o, &w, times, times + o->repeat);
    if (attention) w.backend->ops->release(w.backend, attention);
    rkv_backend_close(w.backend);
    free(sigma), free(times), free(svd_used), free(w.erank), free(w.metrics);
    return status;
}

/* ---- prefill and analysis of a model ---- */

/* Of the device, in bytes. */
typedef struct memory {
    rkv_memory_use before, after; /* the runs */
    size_t foretold;              /* 0: is not */
} memory;

static rkv_status look_before(const gpu_options *o, const char *what, rkv_model *model, const int32_t *ids,
                              memory *m) {
    rkv_memory_needs needs = {0};
    rkv_backend *b = rkv_model_backend(model);
    b->ops->memory_use(b, &m->before);
    rkv_status status =
        strcmp(what, "analyze") ? RKV_UNAVAILABLE : rkv_analyze_needs(&needs, model, ids, o->tokens, NULL);
    m->foretold = needs.needed_bytes;
    return status == RKV_UNAVAILABLE ? RKV_OK : status;
}

/* device_bytes is what everyone has in use there, and what everyone had before the first run: beyond the
 * pool's peak that is what the driver and the code of libraries take, and others. */
static void print_memory(rkv_model *model, memory *m) {
    rkv_backend *b = rkv_model_backend(model);
    b->ops->memory_use(b, &m->after);
    if (m->foretold) printf(", \"foretold_bytes\": %zu", m->foretold);
    if (m->after.peak)
        printf(", \"peak_bytes\": %zu, \"device_bytes_before\": %zu, \"device_bytes\": %zu", m->after.peak,
               m->before.device, m->after.device);
}

/* Seconds of one run, without what is done once per model. */
typedef rkv_status (*model_fn)(rkv_model *model, const int32_t *ids, size_t n, double *seconds);

static rkv_status prefill_once(rkv_model *model, const int32_t *ids, size_t n, double *seconds) {
    rkv_prefill_result result = {0};
    double start_s = bench_now_s();
    rkv_status status = rkv_prefill(model, ids, n, NULL, &result);
    *seconds = bench_now_s() - start_s - result.load_s;
    rkv_prefill_result_clear(&result);
    return status;
}

static rkv_status analyze_once(rkv_model *model, const int32_t *ids, size_t n, double *seconds) {
    static const rkv_analyze_options options = {0};
    rkv_analysis *analysis = NULL;
    double start_s = bench_now_s();
    rkv_status status = rkv_analyze(&analysis, model, ids, n, &options);
    *seconds = bench_now_s() - start_s - (analysis ? analysis->load_s : 0);
    rkv_analysis_free(analysis);
    return status;
}

static rkv_status time_model(const gpu_options *o, const char *what, model_fn run) {
    rkv_model *model = NULL;
    memory m = {0};
    rkv_model_options options = {.device = o->device, .weights = RKV_WEIGHTS_RESIDENT};
    int32_t *ids = malloc(o->tokens * sizeof *ids);
    double *seconds = calloc(o->repeat + 1, sizeof *seconds);
    rkv_status status = ids && seconds ? rkv_model_open(&model, o->model, &options) : RKV_NO_MEMORY;
    for (size_t i = 0; !status && i < o->tokens; i++)
        ids[i] = (int32_t)(i * 7919 % rkv_model_get_info(model)->n_vocab);
    if (!status) status = look_before(o, what, model, ids, &m);
    for (size_t i = 0; !status && i <= o->repeat; i++)
        status = run(model, ids, o->tokens, &seconds[i]);
    if (!status) {
        double median_s = bench_median(seconds + 1, o->repeat);
        printf(
            "{\"what\": \"%s\", \"who\": \"rankkv\", \"device\": \"%s\", \"tokens\": %zu, \"repeat\": %zu, "
            "\"seconds\": %.6f, \"tokens_per_s\": %.1f",
            what, rkv_model_device(model), o->tokens, o->repeat, median_s, (double)o->tokens / median_s);
        print_memory(model, &m);
        puts("}");
    }
    rkv_model_close(model);
    free(ids), free(seconds);
    return status;
}

/* ---- the command line ---- */

static const struct option long_options[] = {
    {"device", required_argument, NULL, 'd'},
    {"model", required_argument, NULL, 'm'},
    {"tokens", required_argument, NULL, 'n'},
    {"heads", required_argument, NULL, 'h'},
    {"repeat", required_argument, NULL, 'r'},
    {"solver", required_argument, NULL, 's'},
    {NULL, 0, NULL, 0},
};

static int usage(void) {
    fprintf(stderr, "usage: bench_gpu rank [--device NAME] [--tokens N] [--heads N] [--repeat N]\n"
                    "                      [--solver gram|svd]\n"
                    "       bench_gpu prefill|analyze --model FILE.gguf [--device NAME] [--tokens N]\n"
                    "                      [--repeat N]\n");
    return 2;
}

static bool take_count(const char *word, size_t *out) {
    char *end = NULL;
    long value = strtol(word, &end, 10);
    *out = (size_t)value;
    return value > 0 && !*end;
}

static bool take(gpu_options *o, int option, const char *word) {
    if (option == 'd') o->device = word;
    if (option == 'm') o->model = word;
    if (option == 's') o->solver = strcmp(word, "svd") ? RKV_SOLVER_GRAM : RKV_SOLVER_SVD;
    return option == 'n'   ? take_count(word, &o->tokens)
           : option == 'h' ? take_count(word, &o->heads)
           : option == 'r' ? take_count(word, &o->repeat)
                           : option != '?';
}

int main(int argc, char **argv) {
    gpu_options o = {.device = "cuda", .tokens = 512, .heads = 270, .repeat = 5};
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        if (!take(&o, option, optarg)) return usage();
    if (optind != argc - 1) return usage();
    const char *what = argv[optind];
    rkv_status status;
    if (!strcmp(what, "rank"))
        status = bench_rank(&o);
    else if (o.model && !strcmp(what, "prefill"))
        status = time_model(&o, what, prefill_once);
    else if (o.model && !strcmp(what, "analyze"))
        status = time_model(&o, what, analyze_once);
    else
        return usage();
    if (status) fprintf(stderr, "%s: %s\n", argv[0], rkv_message());
    return rkv_status_exit_code(status);
}
