/* prompt.c: a layer of the prompt becomes cache: selections work on the keys and values as they are in
 * float32, where they were made, so that only the entries that stay are ever stored. */
#include "compressors/executor.h"
#include "core/memory.h"

/* The prompt's queries as methods see them, if any looks: unrotated with places for positions. *copy, when
 * made, is device memory of the caller's. */
static rkv_status observe(const rkv_session *s, const rkv_projection *p, bool looks, float **copy,
                          rkv_observation *out) {
    size_t n = p->shape.n_tokens, heads = p->shape.n_heads;
    rkv_backend *backend = s->model->backend;
    *out = (rkv_observation){.backend = backend, .q = p->q, .m = n, .first = 0, .rotated = true};
    if (!looks || s->options.positions != RKV_POSITIONS_CACHE) return RKV_OK;
    rkv_status status = backend->ops->alloc(backend, copy, heads * n * p->shape.head_dim);
    const rkv_turned_rows queries = {p->q, *copy, heads, n, NULL};
    if (!status) status = rkv_rope_turn_rows(&s->model->rope, backend, &queries, 1, true);
    out->q = *copy;
    out->rotated = false;
    return status;
}

/* The prompt's entries in w, borrowed; *positions [T] are the caller's. */
static rkv_status show(rkv_work *w, const rkv_projection *p, const rkv_attention_sums *sums,
                       int32_t **positions) {
    size_t n = p->shape.n_tokens, d = p->shape.head_dim, group = p->shape.n_heads / p->shape.n_kv_heads;
    rkv_status status = rkv_alloc_raw(positions, n, sizeof **positions);
    if (status) return status;
    for (size_t t = 0; t < n; t++)
        (*positions)[t] = (int32_t)t;
    for (size_t g = 0; g < p->shape.n_kv_heads; g++)
        w->heads[g] = (rkv_head_view){.n = n,
                                      .keys = p->k + g * n * d,
                                      .values = p->v + g * n * d,
                                      .positions = *positions,
                                      .sums = sums->all ? sums->all + g * group * n : NULL,
                                      .far_sums = sums->far ? sums->far + g * group * n : NULL};
    w->view.far_distance = sums->distance;
    w->loose = true;
    return RKV_OK;
}

rkv_status rkv_layer_take_prompt(rkv_session *s, const rkv_projection *p, const rkv_attention_sums *sums) {
    static const rkv_attention_sums none = {0};
    bool looks = rkv_layer_looks(s, p->layer, p->shape.n_tokens) & RKV_NEEDS_QUERIES;
    rkv_work w;
    rkv_observation prompt = {0};
    rkv_layer_view view = rkv_layer_view_new(s, p->layer, &prompt);
    float *copy = NULL;
    int32_t *positions = NULL;
    rkv_status status = rkv_work_init(&w, &view, s->layers[p->layer].heads);
    if (!status) status = observe(s, p, looks, &copy, &prompt);
    if (!status) status = rkv_layer_observe(s, p->layer, &prompt);
    if (!status) status = show(&w, p, s->schedule.needs & RKV_NEEDS_SUMS ? sums : &none, &positions);
    if (!status) status = rkv_layer_run(s, &w, true);
    rkv_work_clear(&w);
    free(positions);
    s->model->backend->ops->release(s->model->backend, copy);
    return status;
}
