/* plain_ops.c: the operations of a backend as plain loops. */
#include "support/plain_ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void plain_rms_norm(const float *x, const float *weight, size_t n_tokens, size_t width, float eps,
                    double *y) {
    for (size_t t = 0; t < n_tokens; t++) {
        double sum = 0;
        for (size_t i = 0; i < width; i++)
            sum += pow((double)x[t * width + i], 2);
        for (size_t i = 0; i < width; i++)
            y[t * width + i] =
                (double)x[t * width + i] / sqrt(sum / (double)width + (double)eps) * (double)weight[i];
    }
}

void plain_matmul(const float *x, const float *w, size_t m, size_t n, size_t k, const float *add, double *y) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = add ? (double)add[i * n + j] : 0;
            for (size_t l = 0; l < k; l++)
                sum += (double)x[i * k + l] * (double)w[j * k + l];
            y[i * n + j] = sum;
        }
}

void plain_basis(const rkv_basis_rows *list, size_t width, bool back, double *to) {
    size_t apart = back ? width : list->stride, columns = back ? width : list->rank;
    for (size_t i = 0; i < list->n * apart; i++)
        to[i] = (double)list->to[i];
    for (size_t row = 0; row < list->n; row++)
        for (size_t i = 0; i < columns; i++) {
            double sum = 0;
            for (size_t j = 0; j < (back ? list->rank : width); j++)
                sum += back ? (double)list->from[row * list->stride + j] * (double)list->basis[j * width + i]
                            : (double)list->from[row * width + j] * (double)list->basis[i * width + j];
            to[row * apart + i] = sum;
        }
}

void plain_split_rotate(const float *qkv, const float *bias, const float *rotation, rkv_rope_pairing pairing,
                        const rkv_attention_shape *s, double *q, double *k, double *v) {
    size_t n = s->n_tokens, d = s->head_dim, slots = s->n_heads + 2 * s->n_kv_heads;
    for (size_t t = 0; t < n; t++)
        for (size_t slot = 0; slot < slots; slot++)
            for (size_t i = 0; i < d; i++) {
                size_t half = d / 2, partner = pairing == RKV_ROPE_ADJACENT ? i ^ 1 : (i + half) % d;
                size_t pair = pairing == RKV_ROPE_ADJACENT ? i / 2 : i % half;
                size_t at = (t * slots + slot) * d, b = slot * d;
                double self = (double)qkv[at + i] + (bias ? (double)bias[b + i] : 0);
                double other = (double)qkv[at + partner] + (bias ? (double)bias[b + partner] : 0);
                double c = (double)rotation[(t * half + pair) * 2],
                       z = (double)rotation[(t * half + pair) * 2 + 1];
                double turned = partner > i ? self * c - other * z : self * c + other * z;
                if (slot < s->n_heads)
                    q[(slot * n + t) * d + i] = turned;
                else if (slot < s->n_heads + s->n_kv_heads)
                    k[((slot - s->n_heads) * n + t) * d + i] = turned;
                else
                    v[((slot - s->n_heads - s->n_kv_heads) * n + t) * d + i] = self;
            }
}

void plain_attention(const float *q, const float *k, const float *v, const rkv_attention_shape *s,
                     double *attention, double *out) {
    size_t n = s->n_tokens, d = s->head_dim;
    for (size_t h = 0; h < s->n_heads; h++)
        for (size_t i = 0; i < n; i++) {
            size_t g = h / (s->n_heads / s->n_kv_heads);
            double *row = attention + (h * n + i) * n, total = 0, largest = -INFINITY;
            for (size_t j = 0; j <= i; j++) {
                row[j] = 0;
                for (size_t l = 0; l < d; l++)
                    row[j] += (double)q[(h * n + i) * d + l] * (double)k[(g * n + j) * d + l];
                row[j] /= sqrt((double)d);
                largest = fmax(largest, row[j]);
            }
            for (size_t j = 0; j <= i; j++)
                total += row[j] = exp(row[j] - largest);
            for (size_t j = 0; j < n; j++)
                row[j] = j <= i ? row[j] / total : 0;
            for (size_t l = 0; l < d; l++) {
                double sum = 0;
                for (size_t j = 0; j <= i; j++)
                    sum += row[j] * (double)v[(g * n + j) * d + l];
                out[(i * s->n_heads + h) * d + l] = sum;
            }
        }
}

/* Turns x [D] by cosines and sines [D/2, 2]. */
static void plain_turn(double *x, const float *rotation, rkv_rope_pairing pairing, size_t d) {
    for (size_t i = 0; i < d / 2; i++) {
        double *a = x + (pairing == RKV_ROPE_ADJACENT ? 2 * i : i),
               *b = pairing == RKV_ROPE_ADJACENT ? a + 1 : a + d / 2;
        double c = (double)rotation[2 * i], s = (double)rotation[2 * i + 1], x0 = *a, x1 = *b;
        *a = x0 * c - x1 * s;
        *b = x0 * s + x1 * c;
    }
}

/* Row `index` through its basis: x [D]. */
static void plain_entry(const rkv_rows *rows, const float *basis, size_t index, size_t d, double *x) {
    size_t width = rkv_rows_width(rows);
    float *row = malloc(width * sizeof *row);
    rkv_rows_read(rows, index, 1, row);
    for (size_t j = 0; j < d; j++) {
        x[j] = basis ? 0 : (double)row[j];
        for (size_t i = 0; basis && i < width; i++)
            x[j] += (double)row[i] * (double)basis[i * d + j];
    }
    free(row);
}

static void softmax(double *p, size_t n) {
    double largest = -INFINITY, total = 0;
    for (size_t j = 0; j < n; j++)
        largest = fmax(largest, p[j]);
    for (size_t j = 0; j < n; j++)
        total += p[j] = exp(p[j] - largest);
    for (size_t j = 0; j < n; j++)
        p[j] /= total;
}

/* One query q [D] over the first `visible` entries keys, values [n, D]. */
static void plain_query(const double *q, const double *keys, const double *values, size_t visible, size_t d,
                        double *p, double *out) {
    for (size_t j = 0; j < visible; j++) {
        p[j] = 0;
        for (size_t l = 0; l < d; l++)
            p[j] += q[l] * keys[j * d + l];
        p[j] /= sqrt((double)d);
    }
    softmax(p, visible);
    memset(out, 0, d * sizeof *out);
    for (size_t j = 0; j < visible; j++)
        for (size_t l = 0; l < d; l++)
            out[l] += p[j] * values[j * d + l];
}

void plain_attend_cached(const rkv_cached_attention *task, double *out, double *const *sums) {
    const rkv_attention_shape *s = &task->shape;
    size_t m = s->n_tokens, d = s->head_dim, each = s->n_heads / s->n_kv_heads;
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        const rkv_cached_head *head = &task->heads[g];
        size_t n = rkv_rows_count(head->keys);
        double *keys = malloc(n * d * sizeof *keys), *values = malloc(n * d * sizeof *values);
        double *p = malloc(n * sizeof *p), *q = malloc(d * sizeof *q);
        for (size_t j = 0; j < n; j++) {
            plain_entry(head->keys, head->key_basis, j, d, keys + j * d);
            plain_entry(head->values, head->value_basis, j, d, values + j * d);
            if (task->rotation) plain_turn(keys + j * d, task->rotation + j * (d / 2 * 2), task->pairing, d);
        }
        memset(sums[g], 0, each * n * sizeof **sums);
        for (size_t r = 0; r < each; r++)
            for (size_t i = 0; i < m; i++) {
                size_t h = g * each + r, place = n - m + i;
                for (size_t l = 0; l < d; l++)
                    q[l] = (double)task->q[(h * m + i) * d + l];
                if (task->rotation) plain_turn(q, task->rotation + place * (d / 2 * 2), task->pairing, d);
                plain_query(q, keys, values, place + 1, d, p, out + (i * s->n_heads + h) * d);
                for (size_t j = 0; j <= place; j++)
                    sums[g][r * n + j] += p[j];
            }
        free(keys), free(values), free(p), free(q);
    }
}

void plain_attention_rows(const float *q, const int32_t *query_position, size_t m, const float *k,
                          const int32_t *position, size_t n, size_t d, double *p) {
    for (size_t i = 0; i < m; i++) {
        double *row = p + i * n, total = 0, largest = -INFINITY;
        for (size_t j = 0; j < n; j++) {
            row[j] = position[j] <= query_position[i] ? 0 : -INFINITY;
            for (size_t l = 0; l < d; l++)
                row[j] += (double)q[i * d + l] * (double)k[j * d + l] / sqrt((double)d);
            largest = fmax(largest, row[j]);
        }
        for (size_t j = 0; j < n; j++)
            total += row[j] = isinf(row[j]) ? 0 : exp(row[j] - largest);
        for (size_t j = 0; j < n; j++)
            row[j] = total > 0 ? row[j] / total : 0;
    }
}

void plain_swiglu(const float *x, size_t n_tokens, size_t width, double *y) {
    for (size_t t = 0; t < n_tokens; t++)
        for (size_t i = 0; i < width; i++) {
            double gate = (double)x[t * 2 * width + i], up = (double)x[t * 2 * width + width + i];
            y[t * width + i] = gate / (1 + exp(-gate)) * up;
        }
}

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static double row_keys_95(const float *row, size_t n) {
    double *sorted = malloc(n * sizeof *sorted), sum = 0;
    for (size_t j = 0; j < n; j++)
        sorted[j] = (double)row[j];
    qsort(sorted, n, sizeof *sorted, descending);
    size_t keys = 0;
    while (keys < n && sum < 0.95)
        sum += sorted[keys++];
    free(sorted);
    return (double)keys;
}

void plain_row_metrics(const float *a, size_t n, const int32_t *ids, rkv_row_metrics *out) {
    double entropy = 0, keys = 0, sink = 0, local = 0, far = 0, follow = 0, squares = 0;
    size_t repeats = 0;
    for (size_t i = 0; i < n; i++) {
        const float *row = a + i * n;
        bool repeated = false;
        for (size_t j = 0; j <= i; j++) {
            double x = (double)row[j];
            entropy -= x > 0 ? x * log(x) : 0;
            squares += x * x;
            if (j < 4) sink += x;
            if (i - j < 32) local += x;
            if (i - j > 256 && j >= 4) far += x;
            if (j > 0 && ids[j - 1] == ids[i]) follow += x;
            if (j < i && ids[j] == ids[i]) repeated = true;
        }
        keys += row_keys_95(row, i + 1);
        repeats += repeated;
    }
    *out = (rkv_row_metrics){exp(entropy / (double)n),
                             keys / (double)n,
                             sink / (double)n,
                             local / (double)n,
                             far / (double)n,
                             repeats ? follow / (double)repeats : 0,
                             squares,
                             true};
}

/* Turns columns p and q of u [rows, cols] until they are orthogonal; true when they already were. */
static bool orthogonalise(double *u, size_t rows, size_t cols, size_t p, size_t q) {
    double a = 0, b = 0, c = 0;
    for (size_t i = 0; i < rows; i++) {
        double x = u[i * cols + p], y = u[i * cols + q];
        a += x * x;
        b += y * y;
        c += x * y;
    }
    if (fabs(c) <= 1e-15 * sqrt(a * b)) return true;
    double zeta = (b - a) / (2 * c), t = (zeta >= 0 ? 1 : -1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
    double cosine = 1 / sqrt(1 + t * t), sine = cosine * t;
    for (size_t i = 0; i < rows; i++) {
        double x = u[i * cols + p], y = u[i * cols + q];
        u[i * cols + p] = cosine * x - sine * y;
        u[i * cols + q] = sine * x + cosine * y;
    }
    return false;
}

void plain_singular_values(const float *a, size_t rows, size_t cols, double *sigma) {
    bool wide = cols > rows;
    size_t m = wide ? cols : rows, n = wide ? rows : cols;
    double *u = malloc(m * n * sizeof *u);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            u[i * n + j] = (double)(wide ? a[j * cols + i] : a[i * cols + j]);
    for (int sweep = 0; sweep < 60; sweep++) {
        bool done = true;
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++)
                done &= orthogonalise(u, m, n, p, q);
        if (done) break;
    }
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += u[i * n + j] * u[i * n + j];
        sigma[j] = sqrt(sum);
    }
    qsort(sigma, n, sizeof *sigma, descending);
    free(u);
}

double plain_effective_rank(const double *sigma, size_t n) {
    long double total = 0, entropy = 0;
    for (size_t i = 0; i < n; i++)
        total += sigma[i];
    for (size_t i = 0; i < n; i++)
        if (sigma[i] > 0) entropy -= sigma[i] / total * logl(sigma[i] / total);
    return total > 0 ? (double)expl(entropy) : NAN;
}

double plain_effective_rank_tolerance(size_t n) {
    return 2 * (double)(n + 8) * (1 + log((double)n)) * 0x1p-53;
}
