/* judge.c: losses, hits, divergence and agreement of predictions. */
#include "evaluation/judge.h"

#include <math.h>
#include <string.h>

#include "backend/simd_math.h"
#include "core/memory.h"

/* Index of the largest, the lowest of several. */
static size_t largest_at(const float *row, size_t n) {
    float largest = row[0];
    for (size_t v = 1; v < n; v++)
        largest = row[v] > largest ? row[v] : largest;
    for (size_t v = 0; v < n; v++)
        if (row[v] == largest) return v;
    return 0; /* NaN everywhere */
}

/* sum exp(row - largest). Lanes of float32 add up blocks short enough not to round, blocks go into a double.
 */
static double exp_sum(const float *row, size_t n, float largest) {
    enum { BLOCK = 512 };
    double sum = 0;
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t end = first + BLOCK < n ? first + BLOCK : n;
        float block = 0;
#pragma omp simd reduction(+ : block)
        for (size_t v = first; v < end; v++)
            block += rkv_exp(row[v] - largest);
        sum += (double)block;
    }
    return sum;
}

static double normaliser_of(const float *row, size_t n, size_t *likeliest) {
    *likeliest = largest_at(row, n);
    return (double)row[*likeliest] + log(exp_sum(row, n, row[*likeliest]));
}

/* sum_v p_v (r_v - l_v) */
static double weighted_difference(const float *p, const float *r, const float *l, size_t n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t v = 0; v < n; v++)
        sum += (double)p[v] * ((double)r[v] - (double)l[v]);
    return sum;
}

rkv_status rkv_reference_make(rkv_reference *out, const float *logits, size_t n, size_t n_vocab) {
    *out = (rkv_reference){.n = n, .n_vocab = n_vocab};
    rkv_status status = rkv_alloc_raw(&out->logits, n * n_vocab, sizeof *out->logits);
    if (!status) status = rkv_alloc_raw(&out->probabilities, n * n_vocab, sizeof *out->probabilities);
    if (!status) status = rkv_alloc(&out->normaliser, n, sizeof *out->normaliser);
    if (!status) status = rkv_alloc(&out->likeliest, n, sizeof *out->likeliest);
    if (status) return status;
    memcpy(out->logits, logits, n * n_vocab * sizeof *logits);
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < n; t++) {
        const float *row = logits + t * n_vocab;
        size_t likeliest;
        out->normaliser[t] = normaliser_of(row, n_vocab, &likeliest);
        out->likeliest[t] = (int32_t)likeliest;
        float shift = (float)out->normaliser[t];
        for (size_t v = 0; v < n_vocab; v++)
            out->probabilities[t * n_vocab + v] = rkv_exp(row[v] - shift);
    }
    return RKV_OK;
}

size_t rkv_reference_bytes(size_t n, size_t n_vocab) {
    const rkv_reference *r = NULL;
    return n * (n_vocab * (sizeof *r->logits + sizeof *r->probabilities) + sizeof *r->normaliser +
                sizeof *r->likeliest);
}

void rkv_reference_clear(rkv_reference *reference) {
    free(reference->logits);
    free(reference->probabilities);
    free(reference->normaliser);
    free(reference->likeliest);
    *reference = (rkv_reference){0};
}

static rkv_verdicts judge_token(const rkv_reference *r, size_t at, const float *row, int32_t id) {
    size_t likeliest, n = r->n_vocab;
    double normaliser = normaliser_of(row, n, &likeliest);
    double difference = weighted_difference(r->probabilities + at * n, r->logits + at * n, row, n);
    return (rkv_verdicts){.n = 1,
                          .n_right = likeliest == (size_t)id,
                          .n_agreeing = likeliest == (size_t)r->likeliest[at],
                          .loss = normaliser - (double)row[id],
                          .kl = difference + (normaliser - r->normaliser[at])};
}

/* Tokens are judged in parallel and added up in their order: the sums do not depend on threads. */
void rkv_judge(const rkv_reference *reference, size_t first, const float *logits, const int32_t *ids,
               size_t n, rkv_verdicts *sums) {
    enum { BATCH = 64 };
    rkv_verdicts batch[BATCH];
    for (size_t begin = 0; begin < n; begin += BATCH) {
        size_t m = n - begin < BATCH ? n - begin : BATCH;
#pragma omp parallel for schedule(static) if (m > 1)
        for (size_t i = 0; i < m; i++)
            batch[i] = judge_token(reference, first + begin + i, logits + (begin + i) * reference->n_vocab,
                                   ids[begin + i]);
        for (size_t i = 0; i < m; i++) {
            sums->n += batch[i].n;
            sums->n_right += batch[i].n_right;
            sums->n_agreeing += batch[i].n_agreeing;
            sums->loss += batch[i].loss;
            sums->kl += batch[i].kl;
        }
    }
}
