/* prompt.c: a layer of the prompt becomes cache: selections work on the keys and values as they are in
 * float32, where they were made, so that only the entries that stay are ever stored. */
#include <string.h>

#include "compressors/executor.h"
#include "core/memory.h"

/* The prompt's queries as methods see them, if any looks: unrotated with places for positions. *copy, when
 * made, is the caller's. */
static rkv_status observe(const rkv_session *s, const rkv_projection *p, bool looks, float **copy,
                          rkv_observation *out) {
    size_t n = p->shape.n_tokens, d = p->shape.head_dim, rows = p->shape.n_heads * n;
    *out = (rkv_observation){.backend = s->scorer, .q = p->q, .m = n, .first = 0, .rotated = true};
    if (!looks || s->options.positions != RKV_POSITIONS_CACHE) return RKV_OK;
    rkv_status status = rkv_alloc_raw(copy, rows * d, sizeof **copy);
    if (status) return status;
    memcpy(*copy, p->q, rows * d * sizeof **copy);
    for (size_t i = 0; i < rows; i++)
        rkv_rope_turn(&s->model->rope, -(int64_t)(i % n), *copy + i * d);
    out->q = *copy;
    out->rotated = false;
    return RKV_OK;
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

rkv_status rkv_layer_take_prompt(rkv_session *s, const rkv_prompt_layer *layer) {
    static const rkv_attention_sums none = {0};
    const rkv_attention_sums *sums = s->schedule.needs & RKV_NEEDS_SUMS ? layer->sums : &none;
    const rkv_projection *p = s->scorer == s->model->backend ? layer->made : layer->crossed;
    bool looks = rkv_layer_looks(s, p->layer, p->shape.n_tokens) & RKV_NEEDS_QUERIES;
    rkv_work w;
    rkv_observation prompt = {0};
    rkv_layer_view view = rkv_layer_view_new(s, p->layer, &prompt);
    float *copy = NULL;
    int32_t *positions = NULL;
    rkv_status status = rkv_layer_work_init(s, &w, &view);
    if (!status) status = observe(s, p, looks, &copy, &prompt);
    if (!status) status = rkv_layer_observe(s, p->layer, &prompt);
    if (!status) status = show(&w, p, sums, &positions);
    if (!status) status = rkv_layer_run(s, &w, true);
    rkv_work_clear(&w);
    free(positions);
    free(copy);
    return status;
}
