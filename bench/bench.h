/* bench.h: what the benchmark programs share: their command line, and the prompt as token ids. */
#ifndef RKV_BENCH_BENCH_H
#define RKV_BENCH_BENCH_H

#include <rankkv/rankkv.h>

/* Options of every benchmark program, with the defaults of bench_options_default(). */
typedef struct bench_options {
    const char *model;   /* NULL: the default model */
    const char *text;    /* prompt file */
    size_t n_tokens;     /* T */
    size_t repeat;       /* how often the measured work is done */
    size_t every;        /* bench_rank: rank each every-th layer only */
    rkv_solver solver;   /* bench_rank */
    bool wraps;          /* bench_executor: a text that is too short begins anew */
    const char *measure; /* bench_executor: what; NULL: decode */
    const char *method;  /* bench_executor: a specification; NULL: full */
    size_t budget;       /* bench_executor: entries per KV head; 0: a quarter of the prompt */
    size_t n_new;        /* bench_decode, bench_executor: tokens after the prompt */
} bench_options;

/* To be called first: sees to the right BLAS kernels, then parses the command line; on a mistake prints the
 * usage and exits with 2. */
bench_options bench_parse(int argc, char **argv);

/* Opens the model and takes the first n_tokens tokens of the text. The caller closes *model and frees *ids
 * with rkv_free; what failed is in rkv_message(). A text that cannot be read or is too short
 * ends the program with a message. */
rkv_status bench_open(const bench_options *options, rkv_model **model, int32_t **ids);

/* Wall-clock seconds since some fixed moment. */
double bench_now_s(void);

/* Sorts values [n], n > 0, and returns their median. */
double bench_median(double *values, size_t n);

/* Threads that OpenMP will use: what the results name. */
int bench_threads(void);

#endif
