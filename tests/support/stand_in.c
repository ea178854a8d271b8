/* stand_in.c: the operations that selections score entries with, as loops in float64. */
#include "support/stand_in.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double *zeros(size_t n) {
    double *memory = calloc(n ? n : 1, sizeof *memory);
    assert_non_null(memory);
    return memory;
}

/* ---- attention ---- */

void sample_attention_rows(const float *q, const int32_t *query_position, size_t m, const float *k,
                           const int32_t *position, size_t n, size_t head_dim, double *p) {
    for (size_t i = 0; i < m; i++) {
        double *row = p + i * n, largest = -INFINITY, total = 0;
        for (size_t j = 0; j < n; j++) {
            row[j] = 0;
            for (size_t d = 0; d < head_dim; d++)
                row[j] += (double)q[i * head_dim + d] * (double)k[j * head_dim + d];
            row[j] = position[j] <= query_position[i] ? row[j] / sqrt((double)head_dim) : -INFINITY;
            largest = fmax(largest, row[j]);
        }
        for (size_t j = 0; j < n; j++)
            total += row[j] = isinf(largest) ? 0 : exp(row[j] - largest);
        for (size_t j = 0; j < n && total > 0; j++)
            row[j] /= total;
    }
}

static rkv_status attention_rows(rkv_backend *backend, const float *q, const int32_t *query_position,
                                 size_t m, const float *k, const int32_t *position, size_t n, size_t head_dim,
                                 float *p) {
    (void)backend;
    double *exact = zeros(m * n);
    sample_attention_rows(q, query_position, m, k, position, n, head_dim, exact);
    for (size_t i = 0; i < m * n; i++)
        p[i] = (float)exact[i];
    free(exact);
    return RKV_OK;
}

static rkv_status attention_means(rkv_backend *backend, const rkv_attention_means *task) {
    (void)backend;
    for (size_t h = 0; h < task->n_heads; h++) {
        size_t g = h * task->n_kv_heads / task->n_heads, n = task->keys[g].n, d = task->head_dim;
        double *p = zeros(task->m * n);
        sample_attention_rows(task->q + h * task->m * d, task->query_position, task->m, task->keys[g].rows,
                              task->positions[g], n, d, p);
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t i = 0; i < task->m; i++)
                sum += p[i * n + j];
            task->means[h][j] = (float)(sum / (double)task->m);
        }
        free(p);
    }
    return RKV_OK;
}

/* ---- rows alone ---- */

static double norm(const float *row, size_t width) {
    double sum = 0;
    for (size_t d = 0; d < width; d++)
        sum += (double)row[d] * (double)row[d];
    return sqrt(sum);
}

static rkv_status row_norms(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                            double *const *norms) {
    (void)backend;
    for (size_t g = 0; g < n_heads; g++)
        for (size_t i = 0; i < heads[g].n; i++)
            norms[g][i] = norm(heads[g].rows + i * width, width);
    return RKV_OK;
}

static rkv_status mean_cosines(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                               float *const *cosines) {
    (void)backend;
    for (size_t g = 0; g < n_heads; g++) {
        const float *x = heads[g].rows;
        double *mean = zeros(width), squares = 0;
        for (size_t i = 0; i < heads[g].n; i++)
            for (size_t d = 0; d < width && norm(x + i * width, width) > 0; d++)
                mean[d] += (double)x[i * width + d] / norm(x + i * width, width) / (double)heads[g].n;
        for (size_t d = 0; d < width; d++)
            squares += mean[d] * mean[d];
        for (size_t i = 0; i < heads[g].n; i++) {
            double product = 0, norms = norm(x + i * width, width) * sqrt(squares);
            for (size_t d = 0; d < width; d++)
                product += (double)x[i * width + d] * mean[d];
            cosines[g][i] = norms > 0 ? (float)(product / norms) : 0;
        }
        free(mean);
    }
    return RKV_OK;
}

static rkv_status expected_logits(rkv_backend *backend, const rkv_expected_logits *task) {
    (void)backend;
    size_t D = task->head_dim;
    for (size_t h = 0; h < task->n_heads; h++) {
        const rkv_head_rows *keys = &task->keys[h * task->n_kv_heads / task->n_heads];
        for (size_t i = 0; i < keys->n; i++) {
            const float *k = keys->rows + i * D;
            double sum = 0;
            for (size_t a = 0; a < D; a++) {
                double seen = (double)task->mean[h * D + a];
                for (size_t b = 0; task->squares && b < D; b++)
                    seen += (double)task->squares[(h * D + a) * D + b] * (double)k[b];
                sum += (double)k[a] * seen;
            }
            task->logits[h][i] = (float)sum;
        }
    }
    return RKV_OK;
}

/* ---- the backend ---- */

static void close_nothing(rkv_backend *backend) {
    (void)backend;
}

rkv_backend stand_in_backend(void) {
    static const rkv_backend_ops ops = {.name = "stand-in",
                                        .close = close_nothing,
                                        .row_norms = row_norms,
                                        .mean_cosines = mean_cosines,
                                        .attention_means = attention_means,
                                        .expected_logits = expected_logits,
                                        .attention_rows = attention_rows};
    return (rkv_backend){.ops = &ops, .host_memory = true};
}
