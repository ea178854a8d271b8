/* losses.c: the negative log likelihood of every next token. */
#include "model/losses.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

rkv_status rkv_losses_new(rkv_losses *out, const int32_t *ids, size_t n) {
    rkv_status status = rkv_alloc(&out->target, n, sizeof *out->target);
    if (!status) status = rkv_alloc(&out->maximum, n, sizeof *out->maximum);
    if (!status) status = rkv_alloc(&out->sum, n, sizeof *out->sum);
    if (!status) status = rkv_alloc(&out->target_logit, n, sizeof *out->target_logit);
    for (size_t t = 0; !status && t < n; t++) {
        out->target[t] = t + 1 < n ? ids[t + 1] : -1;
        out->maximum[t] = -INFINITY;
    }
    return status;
}

void rkv_losses_clear(rkv_losses *losses) {
    free(losses->target);
    free(losses->maximum);
    free(losses->sum);
    free(losses->target_logit);
    *losses = (rkv_losses){0};
}

rkv_status rkv_losses_finish(const rkv_losses *losses, size_t n, double **nll, double *perplexity) {
    double total = 0;
    rkv_status status = rkv_alloc(nll, n - 1, sizeof **nll);
    if (status) return status;
    for (size_t t = 0; t + 1 < n; t++)
        total += (*nll)[t] = losses->maximum[t] + log(losses->sum[t]) - losses->target_logit[t];
    *perplexity = exp(total / (double)(n - 1));
    return RKV_OK;
}
