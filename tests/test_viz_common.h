/* test_viz_common.h: inputs and readers that the tests of viz share. */
#ifndef RKV_TEST_VIZ_COMMON_H
#define RKV_TEST_VIZ_COMMON_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rankkv/heatmap.h>

#include "core/file.h"
#include "core/random.h"

/* Fontconfig keeps what it parsed of its configuration until the process ends. */
#ifdef __SANITIZE_ADDRESS__
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfontconfig.so\n";
}
#endif

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A causal matrix [T, T] of multiples of 2^-12 in [0, 1), a few of them 0, junk above the diagonal: sums of
 * them in any order are exact. */
static inline float *dyadic_matrix(size_t n_tokens, uint64_t seed) {
    rkv_random random = {seed};
    float *a = malloc(n_tokens * n_tokens * sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < n_tokens; i++)
        for (size_t j = 0; j < n_tokens; j++) {
            size_t k = rkv_random_below(&random, 4096);
            a[i * n_tokens + j] = j > i ? -7.0f : (float)(k < 200 ? 0 : k) / 4096;
        }
    return a;
}

/* The definition: every cell looks at every entry. */
static inline float plain_cell(const float *a, size_t n_tokens, size_t factor, rkv_reduce reduce, bool by_row,
                               size_t r, size_t c) {
    double best = -INFINITY, sum = 0;
    size_t entries = 0;
    for (size_t i = 0; i < n_tokens; i++) {
        double largest = 0;
        for (size_t j = 0; j <= i; j++)
            if (isfinite(a[i * n_tokens + j])) largest = fmax(largest, (double)a[i * n_tokens + j]);
        for (size_t j = 0; j <= i; j++) {
            if (i / factor != r || j / factor != c) continue;
            double value = (double)a[i * n_tokens + j] / (by_row && largest > 0 ? largest : 1);
            if (!isfinite(value)) return NAN;
            best = fmax(best, value);
            sum += value;
            entries++;
        }
    }
    return entries == 0 ? 0 : (float)(reduce == RKV_REDUCE_MEAN ? sum / (double)entries : best);
}

/* The definition of a colour, by a search for the row whose interval holds the value. */
static inline const unsigned char *plain_colour(const rkv_colormap *map, rkv_scale scale, double high,
                                                double value) {
    if (!isfinite(value)) return map->missing;
    double low = scale == RKV_SCALE_LOG ? 1e-6 : 0;
    size_t row = 0;
    while (row < 255) {
        double share = (double)(row + 1) / 256;
        double upper = scale == RKV_SCALE_LOG ? low * pow(high / low, share) : share * high;
        if (value < upper) break;
        row++;
    }
    return map->rgb[row];
}

/* Rows that sum to 1: a sink, a local band and some others, as attention has. */
static inline void fill_attention(float *a, size_t n_tokens, uint64_t seed) {
    rkv_random random = {seed};
    double sink = rkv_random_unit(&random), width = 1 + 20 * rkv_random_unit(&random);
    for (size_t i = 0; i < n_tokens; i++) {
        double sum = 0;
        for (size_t j = 0; j < n_tokens; j++) {
            double weight =
                (j == 0 ? sink : 0) + 1 / (1 + (double)(i - j) / width) * rkv_random_unit(&random) * 0.2;
            a[i * n_tokens + j] = j > i ? 0 : (float)weight;
            sum += j > i ? 0 : weight;
        }
        for (size_t j = 0; j <= i; j++)
            a[i * n_tokens + j] = (float)((double)a[i * n_tokens + j] / (sum > 0 ? sum : 1));
    }
}

/* A folder of its own under the working folder; removed when empty. */
static inline char *make_test_folder(void) {
    char *folder = strdup("viz-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static inline char *path_in(const char *folder, const char *name) {
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

/* Removes the folder, which must be empty: nothing half-written stays. */
static inline void remove_test_folder(char *folder) {
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

#endif
