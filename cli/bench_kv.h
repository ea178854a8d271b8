/* bench_kv.h: `rankkv bench --kv`: what methods make of keys and values without a model. */
#ifndef RKV_CLI_BENCH_KV_H
#define RKV_CLI_BENCH_KV_H

#include <stdint.h>

#include <rankkv/status.h>

#include "cli/option.h"

typedef struct bench_kv_options {
    const char *shape, *file; /* one of them asks for this part of the benchmark */
    size_t budget, outliers;
    double outlier_scale;
} bench_kv_options;

/* A row of NULL ends it. */
extern const option_row bench_kv_rows[];

/* What all parts of the benchmark take. */
typedef struct bench_options {
    bench_kv_options kv;
    cli_list methods;
    uint64_t seed;
    size_t repeats;
    bool json, quiet;
} bench_options;

void bench_kv_set_defaults(bench_kv_options *options);
rkv_status bench_kv_run(const bench_options *options);

#endif
