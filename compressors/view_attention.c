/* view_attention.c: attention of remembered queries over the entries of a head. */
#include "compressors/select.h"
#include "core/memory.h"

/* The queries of one query head as attention takes them: a copy in turned, rotated by their places, where
 * keys are rotated by theirs. */
static const float *placed(const rkv_layer_view *view, size_t n, const float *q, size_t m, float *turned) {
    if (!view->cache_positions) return q;
    size_t D = view->head_dim;
    for (size_t i = 0; i < m * D; i++)
        turned[i] = q[i];
    for (size_t i = 0; i < m; i++)
        rkv_rope_turn(view->rope, (int64_t)n - (int64_t)(m - i), turned + i * D);
    return turned;
}

rkv_status rkv_view_attention(const rkv_layer_view *view, size_t g, const float *q, size_t m, float *p) {
    const rkv_head_view *head = &view->heads[g];
    size_t D = view->head_dim, group = view->n_heads / view->n_kv_heads;
    int32_t *position = NULL;
    float *turned = NULL;
    rkv_status status = rkv_alloc_raw(&position, m, sizeof *position);
    if (!status && view->cache_positions) status = rkv_alloc_raw(&turned, m * D, sizeof *turned);
    for (size_t i = 0; i < m && !status; i++)
        position[i] = (int32_t)(view->n_seen - m + i);
    for (size_t h = 0; h < group && !status; h++)
        status = view->backend->ops->attention_rows(
            view->backend, placed(view, head->n, q + h * m * D, m, turned), position, m, head->keys,
            head->positions, head->n, D, p + h * m * head->n);
    free(turned);
    free(position);
    return status;
}
