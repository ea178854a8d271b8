/* losses.h: the negative log likelihood of every next token, by a log-sum-exp over the vocabulary that grows
 * chunk by chunk (backend.h, fold_logits), so that a prompt's logits [T, V] never exist at once. */
#ifndef RKV_MODEL_LOSSES_H
#define RKV_MODEL_LOSSES_H

#include <stdint.h>

#include <rankkv/status.h>

/* Host arrays [T]. */
typedef struct rkv_losses {
    int32_t *target;      /* the next token; -1 for the last */
    double *maximum;      /* largest logit so far */
    double *sum;          /* of exp(logit - maximum) so far */
    double *target_logit; /* of the target, once its chunk went by */
} rkv_losses;

rkv_status rkv_losses_new(rkv_losses *out, const int32_t *ids, size_t n);
void rkv_losses_clear(rkv_losses *losses);

/* After the last chunk, n > 1: *nll [n-1], which the caller frees, and exp of their mean. */
rkv_status rkv_losses_finish(const rkv_losses *losses, size_t n, double **nll, double *perplexity);

#endif
