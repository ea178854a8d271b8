/* bench_weights.c: times products of a few tokens and of a prompt with weights of every form that a device
 * holds as a model file has them, and with float32 numbers, which a library multiplies.
 *
 *     bench_weights [--device NAME] [--rows N] [--columns K] [--repeat N]
 *
 * The forms take turns; the first turn is not counted. Prints one JSON object. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h" /* as bench_gpu.c */
#include "bench.h"
#include "io/tensor_type.h"

/* Tokens of a product, and products that are queued before the clock is read again. */
static const struct { size_t tokens, products; } cases[] = {{1, 32}, {2, 32}, {4, 32}, {5, 8}, {512, 4}};
#define CASES       (sizeof cases / sizeof *cases)
#define MOST_TOKENS ((size_t)512)

typedef struct bench_shape {
    const char *device;
    size_t rows, columns, repeat;
} bench_shape;

/* Weights of one form, and the seconds of a product. */
typedef struct bench_form {
    const rkv_tensor_type *type;
    rkv_matrix *matrix;
    double *seconds[CASES]; /* [repeat + 1] */
} bench_form;

typedef struct bench_work {
    rkv_backend *backend;
    float *x, *y;
    bench_form form[RKV_WEIGHT_FORM_COUNT];
    size_t n_forms;
} bench_work;

static size_t bytes_of(const bench_shape *s, const rkv_tensor_type *type) {
    return s->rows * s->columns / type->block_elements * type->block_bytes;
}

/* ---- weights ---- */

/* Bytes that are finite numbers in every form, wherever a block begins. */
static void fill(unsigned char *bytes, size_t n) {
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(state >> 24 & 0x3Bu);
    }
}

static rkv_status add_form(bench_work *w, const bench_shape *s, const rkv_tensor_type *type,
                           const unsigned char *bytes) {
    bench_form *f = &w->form[w->n_forms++];
    f->type = type;
    for (size_t c = 0; c < CASES; c++)
        if (!(f->seconds[c] = calloc(s->repeat + 1, sizeof *f->seconds[c]))) return RKV_NO_MEMORY;
    rkv_status status = w->backend->ops->matrix_new(w->backend, type->form, s->rows, s->columns, &f->matrix);
    return status ? status : w->backend->ops->matrix_put(w->backend, f->matrix, 0, s->rows, bytes);
}

/* Float32 first, which every backend knows. */
static rkv_status add_forms(bench_work *w, const bench_shape *s) {
    const rkv_tensor_type *type;
    size_t most = s->rows * s->columns * sizeof(float);
    unsigned char *bytes = malloc(most);
    if (!bytes) return RKV_NO_MEMORY;
    fill(bytes, most);
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && (type = rkv_tensor_type_at(i)); i++)
        if (type->form == RKV_WEIGHT_F32 || (type->form && (w->backend->ops->weight_forms >> type->form & 1)))
            status = add_form(w, s, type, bytes);
    free(bytes);
    return status;
}

static rkv_status add_tokens(bench_work *w, const bench_shape *s) {
    size_t n = MOST_TOKENS * s->columns;
    float *host = malloc(n * sizeof *host);
    if (!host) return RKV_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        host[i] = (float)(i * 7919 % 1013) / 1013 - 0.5f;
    rkv_status status = w->backend->ops->alloc(w->backend, &w->x, n);
    if (!status) status = w->backend->ops->alloc(w->backend, &w->y, MOST_TOKENS * s->rows);
    if (!status) status = w->backend->ops->upload(w->backend, w->x, host, n);
    free(host);
    return status;
}

/* ---- times ---- */

static rkv_status time_case(bench_work *w, const bench_shape *s, const bench_form *f, size_t c,
                            double *seconds) {
    const rkv_backend_ops *ops = w->backend->ops;
    rkv_status status = ops->wait(w->backend);
    double start_s = bench_now_s();
    for (size_t i = 0; !status && i < cases[c].products; i++)
        status = ops->matmul(w->backend, w->x, cases[c].tokens, f->matrix, 0, s->rows, false, w->y);
    if (!status) status = ops->wait(w->backend);
    *seconds = (bench_now_s() - start_s) / (double)cases[c].products;
    return status;
}

static rkv_status time_all(bench_work *w, const bench_shape *s) {
    rkv_status status = RKV_OK;
    for (size_t turn = 0; turn <= s->repeat; turn++)
        for (size_t c = 0; c < CASES; c++)
            for (size_t i = 0; !status && i < w->n_forms; i++)
                status = time_case(w, s, &w->form[i], c, &w->form[i].seconds[c][turn]);
    return status;
}

static void print(const bench_work *w, const bench_shape *s) {
    printf(
        "{\"what\": \"weights\", \"who\": \"rankkv\", \"device\": \"%s\", \"rows\": %zu, \"columns\": %zu, "
        "\"repeat\": %zu, \"forms\": [",
        w->backend->device, s->rows, s->columns, s->repeat);
    for (size_t i = 0; i < w->n_forms; i++) {
        const bench_form *f = &w->form[i];
        printf("%s{\"form\": \"%s\", \"bytes\": %zu, \"seconds\": {", i ? ", " : "", f->type->name,
               bytes_of(s, f->type));
        for (size_t c = 0; c < CASES; c++)
            printf("%s\"%zu\": %.9f", c ? ", " : "", cases[c].tokens,
                   bench_median(f->seconds[c] + 1, s->repeat));
        printf("}}");
    }
    printf("]}\n");
}

static rkv_status bench_weights(const bench_shape *s) {
    bench_work w = {0};
    rkv_status status = rkv_backend_open(&w.backend, s->device);
    if (status) return status;
    status = add_forms(&w, s);
    if (!status) status = add_tokens(&w, s);
    if (!status) status = time_all(&w, s);
    if (!status) print(&w, s);
    for (size_t i = 0; i < w.n_forms; i++) {
        w.backend->ops->matrix_free(w.backend, w.form[i].matrix);
        for (size_t c = 0; c < CASES; c++)
            free(w.form[i].seconds[c]);
    }
    w.backend->ops->release(w.backend, w.x);
    w.backend->ops->release(w.backend, w.y);
    rkv_backend_close(w.backend);
    return status;
}

/* ---- the command line ---- */

static const struct option long_options[] = {
    {"device", required_argument, NULL, 'd'},
    {"rows", required_argument, NULL, 'n'},
    {"columns", required_argument, NULL, 'k'},
    {"repeat", required_argument, NULL, 'r'},
    {NULL, 0, NULL, 0},
};

static bool take(bench_shape *s, int option, const char *word) {
    size_t *count = option == 'n'   ? &s->rows
                    : option == 'k' ? &s->columns
                    : option == 'r' ? &s->repeat
                                    : NULL;
    char *end = NULL;
    if (option == 'd') s->device = word;
    if (!count) return option == 'd';
    long value = strtol(word, &end, 10);
    *count = (size_t)value;
    return value > 0 && !*end;
}

int main(int argc, char **argv) {
    /* More than caches hold, in every form. */
    bench_shape s = {.device = "cuda", .rows = 32768, .columns = 4096, .repeat = 5};
    bool right = true;
    for (int option; right && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        right = take(&s, option, optarg);
    if (!right || optind != argc || s.columns % 32) {
        fprintf(stderr, "usage: bench_weights [--device NAME] [--rows N] [--columns K] [--repeat N]\n"
                        "K is a multiple of 32\n");
        return 2;
    }
    rkv_status status = bench_weights(&s);
    if (status) fprintf(stderr, "%s: %s\n", argv[0], rkv_message());
    return rkv_status_exit_code(status);
}
