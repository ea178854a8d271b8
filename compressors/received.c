/* received.c: scores from the attention that entries have received so far. */
#include "compressors/received.h"

#include "compressors/select.h"

/* Starting threads costs as much as adding up so many sums. */
#define FEW_SUMS ((size_t)1 << 16)

static size_t n_sums(const rkv_layer_view *view) {
    size_t n = 0;
    for (size_t g = 0; g < view->n_kv_heads; g++)
        n += view->heads[g].n;
    return n * (view->n_heads / view->n_kv_heads);
}

void rkv_received_score(const rkv_layer_view *view, rkv_received kind, float *const *score) {
#pragma omp parallel for schedule(dynamic) if (n_sums(view) > FEW_SUMS)
    for (size_t g = 0; g < view->n_kv_heads; g++) {
        const rkv_head_view *head = &view->heads[g];
        rkv_view_group_scores(view, head->sums, head->n, score[g]);
        for (size_t i = 0; kind == RKV_RECEIVED_MEAN && i < head->n; i++)
            score[g][i] /= (float)(view->n_seen - (size_t)head->positions[i]);
    }
}
