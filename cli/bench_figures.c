/* bench_figures.c: what the samples of a row say: median, least and most. */
#include <math.h>
#include <stdlib.h>

#include "cli/bench.h"

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bench_spread bench_spread_of(double *values, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i])) values[kept++] = values[i];
    if (kept == 0) return (bench_spread){NAN, NAN, NAN};
    qsort(values, kept, sizeof *values, by_value);
    return (bench_spread){(values[(kept - 1) / 2] + values[kept / 2]) / 2, values[0], values[kept - 1]};
}

/* to: what is divided by, in the same round; NULL: nothing. */
static bench_spread spread(const bench_row *row, const bench_row *to, bench_field field) {
    size_t n = to && to->n < row->n ? to->n : row->n;
    double *values = calloc(n + 1, sizeof *values);
    if (!values) return (bench_spread){NAN, NAN, NAN};
    for (size_t i = 0; i < n; i++)
        values[i] = row->samples[i].at[field] / (to ? to->samples[i].at[field] : 1);
    bench_spread result = bench_spread_of(values, n);
    free(values);
    return result;
}

bench_spread bench_row_spread(const bench_row *row, bench_field field) {
    return spread(row, NULL, field);
}

bench_spread bench_row_ratio(const bench_row *row, const bench_row *to, bench_field field) {
    return spread(row, to, field);
}
