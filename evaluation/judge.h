/* judge.h: what a model foresaw, held against what came and against what it would have foreseen with the full
 * cache. */
#ifndef RKV_EVALUATION_JUDGE_H
#define RKV_EVALUATION_JUDGE_H

#include <rankkv/eval.h>

/* Predictions of the full cache along one question: the measure of the others. */
typedef struct rkv_reference {
    size_t n, n_vocab;    /* scored tokens */
    float *logits;        /* [n, V] */
    float *probabilities; /* [n, V] their softmax */
    double *normaliser;   /* [n] ln sum exp of the logits */
    int32_t *likeliest;   /* [n] */
} rkv_reference;

/* From logits [n, V] of the scored tokens, which are copied. rkv_reference_clear frees. */
rkv_status rkv_reference_make(rkv_reference *out, const float *logits, size_t n, size_t n_vocab);
void rkv_reference_clear(rkv_reference *reference);
/* Bytes that one of n tokens takes. */
size_t rkv_reference_bytes(size_t n, size_t n_vocab);

/* Sums over tokens, to be divided by n_scored. */
typedef struct rkv_verdicts {
    size_t n, n_right, n_agreeing;
    double loss, kl;
} rkv_verdicts;

/* Adds the tokens [first, first + n) of the scored ones, which turned out to be ids [n]: logits [n, V].
 *     loss = ln sum exp(logits) - logits[id]       kl = sum_v p_v (r_v - l_v) + ln sum exp(l) - ln sum exp(r)
 * r the reference's logits, p their softmax: 0 exactly for the reference itself. Ties for the likeliest go to
 * the lowest id. */
void rkv_judge(const rkv_reference *reference, size_t first, const float *logits, const int32_t *ids,
               size_t n, rkv_verdicts *sums);

#endif
