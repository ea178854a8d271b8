/* attentive_oracles.c: the scores of methods that look at attention, as slow, obvious loops in float64. */
#include "support/attentive_oracles.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_DIM 24 /* D of any test */

/* r [D, D]: the matrix that turns a row by `positions`; zeros but in its pairs. */
static void rotation(const rkv_rope *rope, double positions, double *r) {
    size_t D = rope->head_dim, half = D / 2;
    bool halves = rope->pairing == RKV_ROPE_HALVES;
    for (size_t i = 0; i < D * D; i++)
        r[i] = 0;
    for (size_t i = 0; i < half; i++) {
        size_t a = halves ? i : 2 * i, b = halves ? i + half : 2 * i + 1;
        double angle = positions * rope->frequency[i];
        r[a * D + a] = r[b * D + b] = cos(angle);
        r[a * D + b] = -sin(angle);
        r[b * D + a] = sin(angle);
    }
}

/* y [D] = r [D, D] x. */
static void multiply(const double *r, const float *x, size_t D, double *y) {
    for (size_t a = 0; a < D; a++) {
        y[a] = 0;
        for (size_t b = 0; b < D; b++)
            y[a] += r[a * D + b] * x[b];
    }
}

/* Which of the text's queries query i of head h is, not rotated. */
static const float *query(const sample_view *s, size_t h, size_t i) {
    return s->q + (h * s->view.n_seen + i) * s->view.head_dim;
}

static size_t group_size(const sample_view *s) {
    return s->view.n_heads / s->view.n_kv_heads;
}

/* p [n]: softmax attention of query i of head h over its KV head's entries. With cache positions the newest
 * query stands at the last place. */
static void attention(const sample_view *s, size_t h, size_t i, double *p) {
    const rkv_head_view *head = &s->own[h / group_size(s)];
    double place = s->view.cache_positions ? (double)head->n - (double)(s->view.n_seen - i) : (double)i;
    double r[MAX_DIM * MAX_DIM], q[MAX_DIM], total = 0;
    rotation(&s->rope, place, r);
    multiply(r, query(s, h, i), s->view.head_dim, q);
    for (size_t j = 0; j < head->n; j++) {
        double dot = 0;
        for (size_t d = 0; d < s->view.head_dim; d++)
            dot += q[d] * head->keys[j * s->view.head_dim + d];
        p[j] = (size_t)head->positions[j] <= i ? exp(dot / sqrt((double)s->view.head_dim)) : 0;
        total += p[j];
    }
    for (size_t j = 0; j < head->n; j++)
        p[j] = total > 0 ? p[j] / total : 0;
}

/* The group's values of one entry as one. */
static double combine(const sample_view *s, const double *each) {
    double sum = 0, most = -INFINITY;
    for (size_t h = 0; h < group_size(s); h++) {
        sum += each[h];
        most = fmax(most, each[h]);
    }
    return s->view.group_score == RKV_GROUP_MAX ? most : sum / (double)group_size(s);
}

double **oracle_scores(const sample_view *s) {
    double **score = calloc(s->view.n_kv_heads, sizeof *score);
    assert_non_null(score);
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        score[g] = calloc(s->view.n_seen, sizeof **score);
        assert_non_null(score[g]);
    }
    return score;
}

void oracle_free(const sample_view *s, double **score) {
    for (size_t g = 0; g < s->view.n_kv_heads; g++)
        free(score[g]);
    free(score);
}

/* mean [n] of the window's queries' attention, for the entries of head h's KV head. */
static void window_mean(const sample_view *s, size_t h, size_t window, double *mean) {
    size_t n = s->own[h / group_size(s)].n, T = s->view.n_seen, m = window < T ? window : T;
    double *p = calloc(n, sizeof *p);
    for (size_t j = 0; j < n; j++)
        mean[j] = 0;
    for (size_t i = T - m; i < T; i++) {
        attention(s, h, i, p);
        for (size_t j = 0; j < n; j++)
            mean[j] += p[j] / (double)m;
    }
    free(p);
}

static double pool(const double *x, size_t n, size_t i, const oracle_options *o) {
    double sum = 0, most = -INFINITY;
    for (size_t k = 0; k < o->kernel; k++) {
        ptrdiff_t j = (ptrdiff_t)(i + k) - (ptrdiff_t)(o->kernel / 2);
        if (j < 0 || j >= (ptrdiff_t)n) continue;
        sum += x[j];
        most = fmax(most, x[j]);
    }
    return o->maximum ? most : sum / (double)o->kernel;
}

void oracle_snapkv(const sample_view *s, const oracle_options *o, size_t budget, double *const *score) {
    (void)budget;
    size_t group = group_size(s), T = s->view.n_seen;
    double *mean = calloc(group * T, sizeof *mean), *each = calloc(group, sizeof *each);
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        size_t n = s->own[g].n, old = 0;
        for (size_t j = 0; j < n; j++)
            old += (size_t)s->own[g].positions[j] + o->window < T;
        for (size_t h = 0; h < group; h++)
            window_mean(s, g * group + h, o->window, mean + h * T);
        for (size_t j = 0; j < n; j++) {
            for (size_t h = 0; h < group; h++)
                each[h] = pool(mean + h * T, old, j, o);
            score[g][j] = j < old ? combine(s, each) : INFINITY;
        }
    }
    free(each);
    free(mean);
}

/* Index of position in the entries of head g, or n. */
static size_t find(const rkv_head_view *head, int32_t position) {
    size_t i = 0;
    while (i < head->n && head->positions[i] != position)
        i++;
    return i;
}

void oracle_tova(const sample_view *s, const oracle_options *o, size_t budget, double *const *score) {
    (void)o, (void)budget;
    size_t T = s->view.n_seen;
    double *p = calloc(T, sizeof *p);
    for (size_t g = 0; g < s->view.n_kv_heads; g++)
        for (size_t j = 0; j < s->own[g].n; j++) {
            double sum = 0, count = 0;
            for (size_t h = 0; h < s->view.n_heads; h++) {
                const rkv_head_view *other = &s->own[h / group_size(s)];
                size_t at = find(other, s->own[g].positions[j]);
                if (at == other->n) continue;
                attention(s, h, T - 1, p);
                sum += p[at];
                count++;
            }
            score[g][j] = (size_t)s->own[g].positions[j] == T - 1 ? INFINITY : sum / count;
        }
    free(p);
}

/* Combined over the group; from what the cache has summed up. */
static double received(const sample_view *s, size_t g, size_t j, bool mean) {
    double each[16], queries = (double)s->view.n_seen - s->own[g].positions[j];
    for (size_t h = 0; h < group_size(s); h++)
        each[h] = s->own[g].sums[h * s->own[g].n + j] / (mean ? queries : 1);
    return combine(s, each);
}

void oracle_h2o(const sample_view *s, const oracle_options *o, size_t budget, double *const *score) {
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        size_t n = s->own[g].n, recent = (size_t)(o->recent_ratio * (double)(budget < n ? budget : n));
        for (size_t j = 0; j < n; j++)
            score[g][j] = j + recent >= n ? INFINITY : received(s, g, j, o->mean);
    }
}

void oracle_sparse_attention(const sample_view *s, const oracle_options *o, size_t budget,
                             double *const *score) {
    (void)budget;
    for (size_t g = 0; g < s->view.n_kv_heads; g++)
        for (size_t j = 0; j < s->own[g].n; j++)
            score[g][j] = j + o->recent >= s->own[g].n ? INFINITY : received(s, g, j, true);
}

/* ---- expected attention ---- */

/* mean [D] and covariance [D, D] of head h's queries behind the sinks. */
static void statistics(const sample_view *s, size_t h, size_t n_sink, double *mean, double *covariance) {
    size_t D = s->view.head_dim, T = s->view.n_seen;
    double count = (double)(T - n_sink);
    for (size_t a = 0; a < D; a++) {
        mean[a] = 0;
        for (size_t i = n_sink; i < T; i++)
            mean[a] += query(s, h, i)[a] / count;
    }
    for (size_t a = 0; a < D; a++)
        for (size_t b = 0; b < D; b++) {
            covariance[a * D + b] = 0;
            for (size_t i = n_sink; i < T; i++)
                covariance[a * D + b] +=
                    (query(s, h, i)[a] - mean[a]) * (query(s, h, i)[b] - mean[b]) / count;
        }
}

/* r [D, D]: the mean of the rotations to positions first .. first + n - 1. */
static void mean_rotation(const rkv_rope *rope, size_t first, size_t n, double *r) {
    size_t D = rope->head_dim;
    double one[MAX_DIM * MAX_DIM];
    for (size_t i = 0; i < D * D; i++)
        r[i] = 0;
    for (size_t t = 0; t < n; t++) {
        rotation(rope, (double)(first + t), one);
        for (size_t i = 0; i < D * D; i++)
            r[i] += one[i] / (double)n;
    }
}

/* The logit of one key [D] under mean and covariance, turned by r: with u = R^T k it is
 * u mu / sqrt(D) + u C u / 2 D. */
static double expected_logit(const float *key, const double *r, const double *mean, const double *covariance,
                             size_t D, bool with_covariance) {
    double u[MAX_DIM], first = 0, second = 0;
    for (size_t b = 0; b < D; b++) {
        u[b] = 0;
        for (size_t a = 0; a < D; a++)
            u[b] += r[a * D + b] * key[a];
    }
    for (size_t a = 0; a < D; a++) {
        first += u[a] * mean[a];
        for (size_t b = 0; b < D; b++)
            second += u[a] * covariance[a * D + b] * u[b];
    }
    return first / sqrt((double)D) + (with_covariance ? second / 2 / (double)D : 0);
}

/* p [n]: expected attention of head h behind the sinks. */
static void expected(const sample_view *s, size_t h, const oracle_options *o, double *p) {
    const rkv_head_view *head = &s->own[h / group_size(s)];
    size_t D = s->view.head_dim;
    double *r = calloc(2 * D * D, sizeof *r), *covariance = r + D * D, mean[MAX_DIM], total = 0;
    statistics(s, h, o->n_sink, mean, covariance);
    mean_rotation(&s->rope, s->view.cache_positions ? head->n : s->view.n_seen, o->n_future, r);
    for (size_t j = 0; j < head->n; j++) {
        bool sink = (size_t)head->positions[j] < o->n_sink;
        p[j] = sink ? 0 : exp(expected_logit(head->keys + j * D, r, mean, covariance, D, !o->no_covariance));
        total += p[j];
    }
    for (size_t j = 0; j < head->n; j++)
        p[j] /= total;
    free(r);
}

void oracle_expected(const sample_view *s, const oracle_options *o, size_t budget, double *const *score) {
    (void)budget;
    size_t group = group_size(s), T = s->view.n_seen, D = s->view.head_dim;
    double *p = calloc(group * T, sizeof *p), *each = calloc(group, sizeof *each);
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        for (size_t h = 0; h < group; h++)
            expected(s, g * group + h, o, p + h * T);
        for (size_t j = 0; j < s->own[g].n; j++) {
            double norm = 0;
            for (size_t d = 0; d < D; d++)
                norm += pow(s->own[g].values[j * D + d], 2);
            for (size_t h = 0; h < group; h++)
                each[h] = p[h * T + j];
            double plain = combine(s, each);
            score[g][j] = o->no_vnorm ? plain : (plain + o->epsilon) * sqrt(norm);
            if ((size_t)s->own[g].positions[j] < o->n_sink) score[g][j] = INFINITY;
        }
    }
    free(each);
    free(p);
}
