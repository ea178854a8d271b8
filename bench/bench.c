/* bench.c: the command line of the benchmark programs, and the prompt as token ids. */
#include "bench.h"

#include <getopt.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static const struct option long_options[] = {
    {"model", required_argument, NULL, 'm'},
    {"text", required_argument, NULL, 't'},
    {"tokens", required_argument, NULL, 'n'},
    {"repeat", required_argument, NULL, 'r'},
    {"every", required_argument, NULL, 'e'},
    {"solver", required_argument, NULL, 's'},
    {"measure", required_argument, NULL, 'w'},
    {"method", required_argument, NULL, 'k'},
    {"budget", required_argument, NULL, 'b'},
    {"new-tokens", required_argument, NULL, 'd'},
    {NULL, 0, NULL, 0},
};

static void exit_with_usage(const char *program) {
    fprintf(stderr,
            "usage: %s --text FILE [--model FILE.gguf] [--tokens N] [--repeat N]\n"
            "bench_rank:     [--every N] [--solver gram|svd]\n"
            "bench_decode:   [--new-tokens N]\n"
            "bench_executor: [--measure WHAT] [--method SPEC] [--budget N] [--new-tokens N]\n",
            program);
    exit(2);
}

static rkv_solver parse_solver(const char *program, const char *name) {
    for (rkv_solver solver = RKV_SOLVER_GRAM; solver <= RKV_SOLVER_SVD; solver++) {
        if (!strcmp(name, rkv_solver_name(solver))) return solver;
    }
    exit_with_usage(program);
    return RKV_SOLVER_GRAM;
}

static size_t parse_count(const char *program, const char *word) {
    char *end = NULL;
    long long value = strtoll(word, &end, 10);
    if (value < 1 || *end) exit_with_usage(program);
    return (size_t)value;
}

/* Starts the program again with the kernels that suit the processor, as `rankkv` does. */
static void take_right_blas(char **argv) {
    const char *core = rkv_cpu_blas_core_wanted();
    if (core && !setenv("OPENBLAS_CORETYPE", core, 1)) execv("/proc/self/exe", argv);
}

/* As `rankkv` does: the memory of evicted entries goes back to the system. */
static void give_memory_back(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

bench_options bench_parse(int argc, char **argv) {
    take_right_blas(argv);
    give_memory_back();
    bench_options options = {
        .n_tokens = 512, .repeat = 5, .every = 1, .solver = RKV_SOLVER_GRAM, .n_new = 64};
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case 'm':
            options.model = optarg;
            break;
        case 't':
            options.text = optarg;
            break;
        case 'n':
            options.n_tokens = parse_count(argv[0], optarg);
            break;
        case 'r':
            options.repeat = parse_count(argv[0], optarg);
            break;
        case 'e':
            options.every = parse_count(argv[0], optarg);
            break;
        case 's':
            options.solver = parse_solver(argv[0], optarg);
            break;
        case 'w':
            options.measure = optarg;
            break;
        case 'k':
            options.method = optarg;
            break;
        case 'b':
            options.budget = parse_count(argv[0], optarg);
            break;
        case 'd':
            options.n_new = parse_count(argv[0], optarg);
            break;
        default:
            exit_with_usage(argv[0]);
        }
    }
    if (!options.text || optind != argc) exit_with_usage(argv[0]);
    return options;
}

/* The whole of a file; NULL when it cannot be read. */
static char *read_text(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (file && !fseek(file, 0, SEEK_END)) {
        long size = ftell(file);
        rewind(file);
        text = size < 0 ? NULL : malloc((size_t)size + 1);
        *length = text ? fread(text, 1, (size_t)size, file) : 0;
    }
    if (file) fclose(file);
    return text;
}

/* On the CPU, as the peers compute, and where the process's memory is all there is. */
static rkv_status open_model(const char *path, rkv_model **model) {
    const rkv_model_options options = {.device = "cpu"};
    char *default_path = NULL;
    rkv_status status = path ? RKV_OK : rkv_model_default_path(&default_path);
    if (!status) status = rkv_model_open(model, path ? path : default_path, &options);
    rkv_free(default_path);
    return status;
}

/* Writes the text behind itself. */
static rkv_status double_text(char **text, size_t *length) {
    char *twice = realloc(*text, 2 * *length + 1);
    if (!twice) return RKV_NO_MEMORY;
    memcpy(twice + *length, twice, *length);
    *text = twice;
    *length *= 2;
    return RKV_OK;
}

rkv_status bench_open(const bench_options *options, rkv_model **model, int32_t **ids) {
    size_t length = 0, n = 0;
    char *text = read_text(options->text, &length);
    if (!text) {
        fprintf(stderr, "%s: cannot be read\n", options->text);
        exit(rkv_status_exit_code(RKV_NO_INPUT));
    }
    rkv_status status = open_model(options->model, model);
    if (!status) status = rkv_tokenize(*model, text, length, NULL, ids, &n);
    while (!status && options->wraps && n > 0 && n < options->n_tokens) {
        rkv_free(*ids);
        *ids = NULL;
        status = double_text(&text, &length);
        if (!status) status = rkv_tokenize(*model, text, length, NULL, ids, &n);
    }
    if (!status && n < options->n_tokens) {
        fprintf(stderr, "%s: %zu tokens, fewer than the %zu asked for\n", options->text, n,
                options->n_tokens);
        exit(2);
    }
    free(text);
    return status;
}

double bench_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_median(double *values, size_t n) {
    qsort(values, n, sizeof *values, compare_doubles);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

int bench_threads(void) {
    return omp_get_max_threads();
}
