/* view_attention.c: attention of remembered queries over the entries of a layer. */
#include <stdlib.h>

#include "compressors/select.h"
#include "core/memory.h"

/* What one call of the operation needs. */
typedef struct room {
    float *q;               /* [H, m, D] */
    int32_t *position;      /* [m] */
    rkv_head_rows *keys;    /* [G] */
    const int32_t **places; /* [G] positions of the heads' entries */
    float **means;          /* [H] */
} room;

static void room_free(room *r) {
    free(r->q);
    free(r->position);
    free(r->keys);
    free(r->places);
    free(r->means);
}

static rkv_status room_new(room *r, const rkv_layer_view *view, size_t m) {
    *r = (room){0};
    rkv_status status = rkv_alloc_raw(&r->q, view->n_heads * m, view->head_dim * sizeof *r->q);
    if (!status) status = rkv_alloc_raw(&r->position, m, sizeof *r->position);
    if (!status) status = rkv_alloc_raw(&r->keys, view->n_kv_heads, sizeof *r->keys);
    if (!status) status = rkv_alloc_raw(&r->places, view->n_kv_heads, sizeof *r->places);
    if (!status) status = rkv_alloc_raw(&r->means, view->n_heads, sizeof *r->means);
    return status;
}

/* Queries where keys are rotated by their places in a head: at the last of them. */
static void turn_to_places(const rkv_layer_view *view, float *q, size_t m) {
    size_t group = view->n_heads / view->n_kv_heads;
    for (size_t h = 0; h < view->n_heads; h++)
        for (size_t i = 0; i < m; i++) {
            int64_t place = (int64_t)view->heads[h / group].n - (int64_t)(m - i);
            rkv_rope_turn(view->rope, place, q + (h * m + i) * view->head_dim);
        }
}

static void fill(const room *r, const rkv_layer_view *view, size_t window, size_t m, float *const *means) {
    size_t group = view->n_heads / view->n_kv_heads;
    rkv_window_queries(view->state, window, view, r->q);
    if (view->cache_positions) turn_to_places(view, r->q, m);
    for (size_t i = 0; i < m; i++)
        r->position[i] = (int32_t)(view->n_seen - m + i);
    rkv_view_head_rows(view, RKV_NEEDS_KEYS, r->keys);
    for (size_t g = 0; g < view->n_kv_heads; g++)
        r->places[g] = view->heads[g].positions;
    for (size_t h = 0; h < view->n_heads; h++)
        r->means[h] = means[h / group] + h % group * view->heads[h / group].n;
}

rkv_status rkv_view_attention_means(const rkv_layer_view *view, size_t window, float *const *means) {
    size_t m = rkv_window_count(view->state);
    room r;
    rkv_status status = room_new(&r, view, m);
    if (!status) fill(&r, view, window, m, means);
    const rkv_attention_means task = {.n_heads = view->n_heads,
                                      .n_kv_heads = view->n_kv_heads,
                                      .head_dim = view->head_dim,
                                      .q = r.q,
                                      .query_position = r.position,
                                      .m = m,
                                      .keys = r.keys,
                                      .positions = r.places,
                                      .means = r.means};
    if (!status) status = view->backend->ops->attention_means(view->backend, &task);
    room_free(&r);
    return status;
}
