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

void plain_gram(const float *rows, size_t n, size_t width, double *gram, double *size) {
    for (size_t i = 0; i < width * width; i++) {
        gram[i] = size[i] = 0;
        for (size_t j = 0; j < n; j++) {
            double x = (double)rows[j * width + i / width] * (double)rows[j * width + i % width];
            gram[i] += x;
            size[i] += fabs(x);
        }
    }
}

static double product(const float *x, const double *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

void plain_mean_cosines(const float *rows, size_t n, size_t width, double *cosine) {
    double *mean = calloc(width, sizeof *mean), squares = 0;
    for (size_t j = 0; j < n; j++) {
        double norm = plain_row_norm(rows + j * width, width);
        for (size_t i = 0; norm > 0 && i < width; i++)
            mean[i] += (double)rows[j * width + i] / norm / (double)n;
    }
    for (size_t i = 0; i < width; i++)
        squares += mean[i] * mean[i];
    for (size_t j = 0; j < n; j++) {
        double norms = plain_row_norm(rows + j * width, width) * sqrt(squares);
        cosine[j] = norms > 0 ? product(rows + j * width, mean, width) / norms : 0;
    }
    free(mean);
}

void plain_expected_logits(const float *mean, const float *squares, const float *k, size_t n, size_t d,
                           double *logit, double *size) {
    for (size_t j = 0; j < n; j++) {
        logit[j] = size[j] = 0;
        for (size_t i = 0; i < d; i++) {
            double x = (double)k[j * d + i], sum = (double)mean[i], total = fabs(sum);
            for (size_t l = 0; squares && l < d; l++) {
                sum += (double)squares[i * d + l] * (double)k[j * d + l];
                total += fabs((double)squares[i * d + l] * (double)k[j * d + l]);
            }
            logit[j] += x * sum;
            size[j] += fabs(x) * total;
        }
    }
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

double plain_kept_attention(const rkv_kept_attention *task) {
    size_t n = task->keys.n, d = task->head_dim;
    double *p = malloc((n + 1) * sizeof *p), sum = 0;
    for (size_t row = 0; row < task->each * task->m; row++) {
        const int32_t *query = &task->query_position[row % task->m];
        size_t visible = 0;
        while (visible < n && task->position[visible] <= *query)
            visible++;
        plain_attention_rows(task->q + row * d, query, 1, task->keys.rows, task->position, n, d, p);
        for (size_t j = 0; j < visible; j++)
            if (task->kept[j] || visible - j <= task->window) sum += p[j];
    }
    free(p);
    return sum;
}

/* to [D] = from [D] turned by a position; frequency NULL: not at all. */
static void turn_row(const double *frequency, rkv_rope_pairing pairing, size_t d, int64_t by,
                     const float *from, double *to) {
    bool adjacent = pairing == RKV_ROPE_ADJACENT;
    for (size_t i = 0; i < d; i++)
        to[i] = (double)from[i];
    for (size_t i = 0; frequency && i < d / 2; i++) {
        size_t a = adjacent ? 2 * i : i, b = adjacent ? a + 1 : a + d / 2;
        double c = cos((double)by * frequency[i]), s = sin((double)by * frequency[i]);
        to[a] = (double)from[a] * c - (double)from[b] * s;
        to[b] = (double)from[a] * s + (double)from[b] * c;
    }
}

void plain_turn_rows(const rkv_turning *task, const rkv_turned_rows *list, double *to) {
    size_t d = task->head_dim;
    for (size_t row = 0; row < list->each * list->n; row++) {
        int64_t i = (int64_t)(row % list->n), by = list->by ? list->by[i] : i;
        turn_row(task->frequency, task->pairing, d, task->back ? -by : by, list->from + row * d,
                 to + row * d);
    }
}

void plain_query_moments(const rkv_query_moments *task, size_t head, double *mean, double *squares) {
    size_t d = task->head_dim, n = task->m - task->skip;
    double *x = malloc(n * d * sizeof *x);
    for (size_t t = 0; t < n; t++)
        turn_row(task->frequency, task->pairing, d, -task->first - (int64_t)(task->skip + t),
                 task->q + (head * task->m + task->skip + t) * d, x + t * d);
    for (size_t i = 0; i < d; i++) {
        mean[i] = 0;
        for (size_t t = 0; t < n; t++)
            mean[i] += x[t * d + i] / (double)n;
    }
    for (size_t i = 0; i < d * d; i++) {
        squares[i] = 0;
        for (size_t t = 0; t < n; t++)
            squares[i] += (x[t * d + i / d] - mean[i / d]) * (x[t * d + i % d] - mean[i % d]);
    }
    free(x);
}
