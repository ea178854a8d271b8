/* cpu_scores.c: what selections score entries with by their rows alone, and taking out the rows that stay.
 *
 * This file is compiled without fused multiply-adds: a score is to be the same number on every processor. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/rows_list.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/simd.h"

/* Rows that are summed side by side, so that none waits for another; each in the order of its numbers. */
enum { ROWS = 8 };

/* Numbers in all heads from which on threads are worth starting: what takes a fraction of a millisecond. */
#define MANY_NUMBERS ((size_t)1 << 19)

static bool are_many(const rkv_head_rows *heads, size_t n_heads, size_t width) {
    size_t n = 0;
    for (size_t g = 0; g < n_heads; g++)
        n += heads[g].n;
    return n * width >= MANY_NUMBERS;
}

/* ---- norms ---- */

RKV_CLONES static void norms_of_rows(const float *x, size_t n, size_t width, double *norm) {
    size_t i = 0;
    for (; i + ROWS <= n; i += ROWS) {
        double sum[ROWS] = {0};
        for (size_t d = 0; d < width; d++)
            for (size_t r = 0; r < ROWS; r++)
                sum[r] += (double)x[(i + r) * width + d] * x[(i + r) * width + d];
        for (size_t r = 0; r < ROWS; r++)
            norm[i + r] = sqrt(sum[r]);
    }
    for (; i < n; i++) {
        double sum = 0;
        for (size_t d = 0; d < width; d++)
            sum += (double)x[i * width + d] * x[i * width + d];
        norm[i] = sqrt(sum);
    }
}

rkv_status rkv_cpu_row_norms(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                             double *const *norms) {
    (void)backend;
#pragma omp parallel for schedule(dynamic) if (are_many(heads, n_heads, width))
    for (size_t g = 0; g < n_heads; g++)
        norms_of_rows(heads[g].rows, heads[g].n, width, norms[g]);
    return RKV_OK;
}

/* ---- cosines ---- */

/* mean [width] of x_i / ||x_i||. */
static void mean_direction(const float *x, const double *norm, size_t n, size_t width, double *mean) {
    memset(mean, 0, width * sizeof *mean);
    for (size_t i = 0; i < n; i++) {
        if (!(norm[i] > 0)) continue;
        for (size_t d = 0; d < width; d++)
            mean[d] += x[i * width + d] / norm[i] / (double)n;
    }
}

static double length(const double *x, size_t n) {
    double sum = 0;
    for (size_t d = 0; d < n; d++)
        sum += x[d] * x[d];
    return sqrt(sum);
}

/* product [n] of rows x [n, width] and y [width]. */
static void products(const float *x, const double *y, size_t n, size_t width, double *product) {
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t d = 0; d < width; d++)
            sum += x[i * width + d] * y[d];
        product[i] = sum;
    }
}

static rkv_status cosines_of_head(const rkv_head_rows *head, size_t width, float *cosine) {
    double *norm = NULL;
    rkv_status status = rkv_alloc_raw(&norm, 2 * head->n + width, sizeof *norm);
    if (status) return status;
    double *product = norm + head->n, *mean = product + head->n;
    norms_of_rows(head->rows, head->n, width, norm);
    mean_direction(head->rows, norm, head->n, width, mean);
    products(head->rows, mean, head->n, width, product);
    double mean_norm = length(mean, width);
    for (size_t i = 0; i < head->n; i++) {
        double norms = norm[i] * mean_norm;
        cosine[i] = norms > 0 ? (float)(product[i] / norms) : 0;
    }
    free(norm);
    return RKV_OK;
}

rkv_status rkv_cpu_mean_cosines(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads,
                                size_t width, float *const *cosines) {
    (void)backend;
    rkv_first_failure failure = {0};
#pragma omp parallel for schedule(dynamic) if (are_many(heads, n_heads, width))
    for (size_t g = 0; g < n_heads; g++)
        if (!rkv_first_failure_seen(&failure))
            rkv_first_failure_note(&failure, cosines_of_head(&heads[g], width, cosines[g]));
    return rkv_first_failure_raise(&failure);
}

/* ---- the rows that stay ---- */

rkv_status rkv_cpu_gather(rkv_backend *backend, const float *from, size_t width, const uint32_t *index,
                          size_t n, float *to) {
    (void)backend;
    for (size_t i = 0, run; i < n; i += run) {
        run = rkv_index_run(index + i, n - i);
        memcpy(to + i * width, from + index[i] * width, run * width * sizeof *to);
    }
    return RKV_OK;
}
