/* cpu_metrics.c: the metrics of attention rows on the CPU. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/metric_limits.h"
#include "backend/simd_math.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/simd.h"

/* Rows whose sums are kept apart and added in order: results do not depend on the number of threads. */
#define BLOCK 64

/* ---- keys for 95 % of a row's mass ---- */

/* Values of [0, 1] in buckets by their leading bits: sign, exponent and 4 bits of the mantissa, ordered as
 * they are. */
#define BUCKET_SHIFT 19
#define BUCKETS      ((0x3F800000u >> BUCKET_SHIFT) + 1)

typedef struct histogram {
    double mass[BUCKETS];
    uint32_t count[BUCKETS];
} histogram;

static uint32_t bucket_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & 0x7FFFFFFFu) >> BUCKET_SHIFT; /* -0.0 is a zero like any other */
}

static int descending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* The smallest number of entries of row [n] whose sum reaches 0.95: whole buckets from the top, then the
 * values of the bucket in which the sum crosses, in order. The histogram is empty before and after; scratch
 * [n]. */
static size_t keys_95(const float *row, size_t n, histogram *h, float *scratch) {
    uint32_t lowest = BUCKETS, highest = 0;
    for (size_t j = 0; j < n; j++) {
        uint32_t b = bucket_of(row[j]);
        h->mass[b] += (double)row[j];
        h->count[b]++;
        lowest = b < lowest ? b : lowest;
        highest = b > highest ? b : highest;
    }
    double sum = 0;
    size_t keys = 0, m = 0;
    uint32_t b = highest;
    for (; b > lowest && sum + h->mass[b] < RKV_KEYS_MASS; b--) {
        sum += h->mass[b];
        keys += h->count[b];
    }
    for (size_t j = 0; j < n; j++)
        if (bucket_of(row[j]) == b) scratch[m++] = row[j];
    qsort(scratch, m, sizeof *scratch, descending);
    for (size_t i = 0; i < m && sum < RKV_KEYS_MASS; i++, keys++)
        sum += (double)scratch[i];
    memset(h->mass + lowest, 0, (highest - lowest + 1) * sizeof *h->mass);
    memset(h->count + lowest, 0, (highest - lowest + 1) * sizeof *h->count);
    return keys;
}

/* ---- sums over a row ---- */

RKV_CLONES static double sum_of(const float *x, size_t n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += (double)x[j];
    return sum;
}

RKV_CLONES static double sum_of_squares(const float *x, size_t n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += (double)x[j] * (double)x[j];
    return sum;
}

/* -sum a ln a; 0 ln 0 = 0, and what is below the smallest normal number counts as 0. */
RKV_CLONES static double entropy_of(const float *x, size_t n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) {
        float a = x[j] < 1.17549435e-38f ? 1.0f : x[j];
        sum -= (double)(a * rkv_log(a));
    }
    return sum;
}

RKV_CLONES static bool all_within_unit(const float *x, size_t n) {
    int outside = 0;
#pragma omp simd reduction(| : outside)
    for (size_t j = 0; j < n; j++)
        outside |= !(x[j] >= 0.0f) | !(x[j] <= 1.0f);
    return !outside;
}

/* Attention of query i on the followers of earlier occurrences of its token; earlier[i] is the nearest one or
 * -1. */
static double follower_mass(const float *row, size_t i, const int64_t *earlier) {
    double mass = 0;
    for (int64_t j = earlier[i]; j >= 0; j = earlier[j])
        mass += (double)row[j + 1];
    return mass;
}

typedef struct scratch {
    histogram *histogram;
    float *row; /* [T] */
} scratch;

/* Adds the rows [first, first + rows) of one head's a [T, T] to sums. */
static void add_rows(const float *a, size_t n, size_t first, size_t rows, const int64_t *earlier,
                     scratch *space, rkv_row_metrics *sums) {
    for (size_t i = first; i < first + rows && sums->finite; i++) {
        const float *row = a + i * n;
        size_t m = i + 1, local = m < RKV_LOCAL_KEYS ? m : RKV_LOCAL_KEYS,
               sink = m < RKV_SINK_KEYS ? m : RKV_SINK_KEYS;
        sums->finite = all_within_unit(row, m);
        if (!sums->finite) return;
        sums->row_perplexity += entropy_of(row, m);
        sums->keys_95 += (double)keys_95(row, m, space->histogram, space->row);
        sums->sink_4 += sum_of(row, sink);
        sums->local_32 += sum_of(row + m - local, local);
        if (m > RKV_LONG_DISTANCE + RKV_SINK_KEYS + 1)
            sums->long_256 += sum_of(row + RKV_SINK_KEYS, m - RKV_LONG_DISTANCE - RKV_SINK_KEYS - 1);
        if (earlier) sums->ind1 += follower_mass(row, i, earlier);
        sums->squared_norm += sum_of_squares(row, m);
    }
}

/* ---- earlier occurrences ---- */

typedef struct occurrence {
    int32_t id;
    uint32_t position;
} occurrence;

static int by_id_and_position(const void *a, const void *b) {
    const occurrence *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return x->position < y->position ? -1 : 1;
}

/* earlier [T]: for each position the nearest earlier one with the same id, or -1; *n_repeats: how many have
 * one. */
static rkv_status find_earlier(const int32_t *ids, size_t n, int64_t **earlier, size_t *n_repeats) {
    occurrence *sorted = NULL;
    rkv_status status = rkv_alloc_raw(&sorted, n, sizeof *sorted);
    if (!status) status = rkv_alloc_raw(earlier, n, sizeof **earlier);
    for (size_t i = 0; !status && i < n; i++)
        sorted[i] = (occurrence){ids[i], (uint32_t)i};
    if (!status) qsort(sorted, n, sizeof *sorted, by_id_and_position);
    *n_repeats = 0;
    for (size_t i = 0; !status && i < n; i++) {
        bool repeats = i > 0 && sorted[i - 1].id == sorted[i].id;
        (*earlier)[sorted[i].position] = repeats ? (int64_t)sorted[i - 1].position : -1;
        *n_repeats += repeats;
    }
    free(sorted);
    return status;
}

/* ---- all heads ---- */

static void add(rkv_row_metrics *to, const rkv_row_metrics *from) {
    to->row_perplexity += from->row_perplexity;
    to->keys_95 += from->keys_95;
    to->sink_4 += from->sink_4;
    to->local_32 += from->local_32;
    to->long_256 += from->long_256;
    to->ind1 += from->ind1;
    to->squared_norm += from->squared_norm;
    to->finite = to->finite && from->finite;
}

/* Sums over rows become means; ind1's are over the n_repeats queries whose token occurred before. */
static void finish(rkv_row_metrics *m, size_t n, bool has_ids, size_t n_repeats) {
    double rows = (double)n;
    m->row_perplexity = exp(m->row_perplexity / rows);
    m->keys_95 /= rows;
    m->sink_4 /= rows;
    m->local_32 /= rows;
    m->long_256 /= rows;
    m->ind1 = !has_ids ? NAN : n_repeats ? m->ind1 / (double)n_repeats : 0;
}

/* The sums of every block of rows: partial [H, blocks]. */
static rkv_status sum_blocks(const float *attention, size_t n_heads, size_t n, const int64_t *earlier,
                             size_t blocks, rkv_row_metrics *partial) {
    rkv_first_failure failure = {0};
#pragma omp parallel
    {
        scratch space = {0};
        rkv_first_failure_note(&failure, rkv_alloc(&space.histogram, 1, sizeof *space.histogram));
        rkv_first_failure_note(&failure, rkv_alloc_raw(&space.row, n, sizeof *space.row));
#pragma omp for schedule(dynamic) collapse(2)
        for (size_t h = 0; h < n_heads; h++)
            for (size_t b = 0; b < blocks; b++) {
                if (rkv_first_failure_seen(&failure)) continue;
                rkv_row_metrics sums = {.finite = true};
                size_t first = b * BLOCK, rows = n - first < BLOCK ? n - first : BLOCK;
                add_rows(attention + h * n * n, n, first, rows, earlier, &space, &sums);
                partial[h * blocks + b] = sums;
            }
        free(space.histogram);
        free(space.row);
    }
    return rkv_first_failure_raise(&failure);
}

rkv_status rkv_cpu_row_metrics(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                               const int32_t *ids, rkv_row_metrics *metrics) {
    (void)backend;
    size_t blocks = (n_tokens + BLOCK - 1) / BLOCK, n_repeats = 0;
    int64_t *earlier = NULL;
    rkv_row_metrics *partial = NULL;
    rkv_status status = ids ? find_earlier(ids, n_tokens, &earlier, &n_repeats) : RKV_OK;
    if (!status) status = rkv_alloc(&partial, n_heads * blocks, sizeof *partial);
    if (!status) status = sum_blocks(attention, n_heads, n_tokens, earlier, blocks, partial);
    for (size_t h = 0; !status && h < n_heads; h++) {
        metrics[h] = (rkv_row_metrics){.finite = true};
        for (size_t b = 0; b < blocks; b++)
            add(&metrics[h], &partial[h * blocks + b]);
        finish(&metrics[h], n_tokens, ids != NULL, n_repeats);
    }
    free(partial);
    free(earlier);
    return status;
}

rkv_status rkv_cpu_head_mean(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                             float *mean) {
    (void)backend;
    size_t n = n_tokens * n_tokens;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t h = 0; h < n_heads; h++)
            sum += (double)attention[h * n + i];
        mean[i] = (float)(sum / (double)n_heads);
    }
    return RKV_OK;
}
