/* plain_scores.c: what selections score entries with, as plain loops. */
#include <math.h>
#include <stdlib.h>

#include "support/plain_ops.h"

double plain_row_norm(const float *row, size_t width) {
    double sum = 0;
    for (size_t i = 0; i < width; i++)
        sum += (double)row[i] * (double)row[i];
    return sqrt(sum);
}

void plain_attention_mean(const float *q, const int32_t *query_position, size_t m, const float *k,
                          const int32_t *position, size_t n, size_t d, double *mean) {
    double *p = malloc((m * n + 1) * sizeof *p);
    plain_attention_rows(q, query_position, m, k, position, n, d, p);
    for (size_t j = 0; j < n; j++) {
        mean[j] = 0;
        for (size_t i = 0; i < m; i++)
            mean[j] += p[i * n + j] / (double)m;
    }
    free(p);
}
