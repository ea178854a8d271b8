/* prompt.c: a layer of the prompt becomes cache: selections work on the keys and values as they are in
 * float32, so that only the entries that stay are ever stored. */
#include <string.h>

#include "compressors/executor.h"
#include "core/memory.h"

/* The prompt's entries of one layer while selections thin them out. */
typedef struct work {
    size_t n_heads, head_dim, group; /* G, D, H/G */
    rkv_head_view *heads;            /* [G] what is left; borrowed at first, then the memory below */
    float **keys, **values, **sums;  /* [G] owned, or NULL */
    int32_t **positions;
    int32_t *all_positions; /* [T] */
    uint32_t **kept;        /* [G] each [T] */
    size_t *n_kept;
} work;

static void work_clear(work *w) {
    for (size_t g = 0; g < w->n_heads; g++) {
        if (w->keys) free(w->keys[g]);
        if (w->values) free(w->values[g]);
        if (w->sums) free(w->sums[g]);
        if (w->positions) free(w->positions[g]);
        if (w->kept) free(w->kept[g]);
    }
    free(w->heads);
    free(w->keys);
    free(w->values);
    free(w->sums);
    free(w->positions);
    free(w->all_positions);
    free(w->kept);
    free(w->n_kept);
}

static rkv_status work_allocate(work *w, size_t n) {
    rkv_status status = rkv_alloc(&w->heads, w->n_heads, sizeof *w->heads);
    if (!status) status = rkv_alloc(&w->keys, w->n_heads, sizeof *w->keys);
    if (!status) status = rkv_alloc(&w->values, w->n_heads, sizeof *w->values);
    if (!status) status = rkv_alloc(&w->sums, w->n_heads, sizeof *w->sums);
    if (!status) status = rkv_alloc(&w->positions, w->n_heads, sizeof *w->positions);
    if (!status) status = rkv_alloc(&w->kept, w->n_heads, sizeof *w->kept);
    if (!status) status = rkv_alloc(&w->n_kept, w->n_heads, sizeof *w->n_kept);
    if (!status) status = rkv_alloc_raw(&w->all_positions, n, sizeof *w->all_positions);
    for (size_t g = 0; !status && g < w->n_heads; g++)
        status = rkv_alloc_raw(&w->kept[g], n, sizeof **w->kept);
    return status;
}

static rkv_status work_init(work *w, const rkv_projection *p, const float *sums) {
    size_t n = p->shape.n_tokens, d = p->shape.head_dim;
    *w = (work){
        .n_heads = p->shape.n_kv_heads, .head_dim = d, .group = p->shape.n_heads / p->shape.n_kv_heads};
    rkv_status status = work_allocate(w, n);
    if (status) return status;
    for (size_t t = 0; t < n; t++)
        w->all_positions[t] = (int32_t)t;
    for (size_t g = 0; g < w->n_heads; g++)
        w->heads[g] = (rkv_head_view){.n = n,
                                      .keys = p->k + g * n * d,
                                      .values = p->v + g * n * d,
                                      .positions = w->all_positions,
                                      .sums = sums ? sums + g * w->group * n : NULL};
    return RKV_OK;
}

/* ---- thinning out ---- */

static void gather(const float *rows, size_t width, const uint32_t *index, size_t n, float *to) {
    for (size_t i = 0; i < n; i++)
        memcpy(to + i * width, rows + index[i] * width, width * sizeof *to);
}

/* With places for positions, keys [n, D] that stood at the places `from` are turned to 0, 1, ... */
static void turn_to_places(const rkv_session *s, const uint32_t *from, size_t n, float *keys) {
    if (s->options.positions != RKV_POSITIONS_CACHE) return;
    for (size_t i = 0; i < n; i++)
        rkv_rope_turn(&s->model->rope, (int64_t)i - (int64_t)from[i], keys + i * s->shape.head_dim);
}

/* Head g's kept entries, in memory of their own. */
static rkv_status thin_head(const rkv_session *s, work *w, size_t g) {
    rkv_head_view *h = &w->heads[g];
    size_t n = w->n_kept[g], d = w->head_dim;
    float *keys = NULL, *values = NULL, *sums = NULL;
    int32_t *positions = NULL;
    rkv_status status = rkv_alloc_raw(&keys, n * d, sizeof *keys);
    if (!status) status = rkv_alloc_raw(&values, n * d, sizeof *values);
    if (!status) status = rkv_alloc_raw(&positions, n, sizeof *positions);
    if (!status && h->sums) status = rkv_alloc_raw(&sums, w->group * n, sizeof *sums);
    if (!status) {
        gather(h->keys, d, w->kept[g], n, keys);
        turn_to_places(s, w->kept[g], n, keys);
        gather(h->values, d, w->kept[g], n, values);
        for (size_t i = 0; i < n; i++)
            positions[i] = h->positions[w->kept[g][i]];
        for (size_t q = 0; sums && q < w->group; q++)
            gather(h->sums + q * h->n, 1, w->kept[g], n, sums + q * n);
    }
    free(w->keys[g]);
    free(w->values[g]);
    free(w->positions[g]);
    free(w->sums[g]);
    w->keys[g] = keys;
    w->values[g] = values;
    w->positions[g] = positions;
    w->sums[g] = sums;
    *h = (rkv_head_view){.n = n, .keys = keys, .values = values, .positions = positions, .sums = sums};
    return status;
}

/* The selections that come before any representation; *end is the first stage that does not. */
static rkv_status thin(rkv_session *s, size_t layer, work *w, const rkv_observation *prompt, size_t *end) {
    size_t first_stage, i = 0;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first_stage);
    rkv_status status = RKV_OK;
    for (; !status && i < pipeline->n_stages && pipeline->stages[i].method->kind == RKV_SELECTION; i++) {
        rkv_layer_view view = rkv_layer_view_new(s, layer, prompt);
        bool all;
        view.heads = w->heads;
        status = rkv_stage_select(s, (rkv_stage_ref){&pipeline->stages[i], first_stage + i}, &view, w->kept,
                                  w->n_kept, &all);
        for (size_t g = 0; !status && !all && g < w->n_heads; g++)
            if (w->n_kept[g] < w->heads[g].n) status = thin_head(s, w, g);
    }
    *end = i;
    return status;
}

/* ---- storing ---- */

/* With places for positions, keys are stored as they are before their rotation. */
static rkv_status turn_back(const rkv_session *s, work *w, size_t g) {
    rkv_head_view *h = &w->heads[g];
    if (s->options.positions != RKV_POSITIONS_CACHE) return RKV_OK;
    if (!w->keys[g]) {
        rkv_status status = rkv_alloc_raw(&w->keys[g], h->n * w->head_dim, sizeof **w->keys);
        if (status) return status;
        memcpy(w->keys[g], h->keys, h->n * w->head_dim * sizeof *h->keys);
        h->keys = w->keys[g];
    }
    for (size_t i = 0; i < h->n; i++)
        rkv_rope_turn(&s->model->rope, -(int64_t)i, w->keys[g] + i * w->head_dim);
    return RKV_OK;
}

static rkv_status store_head(rkv_session *s, size_t layer, work *w, size_t g, size_t first, size_t *end) {
    size_t first_stage;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first_stage);
    rkv_entries *e = &s->layers[layer].heads[g];
    rkv_entries_format format = {0};
    rkv_status status = turn_back(s, w, g);
    const rkv_head_view *h = &w->heads[g];
    if (!status)
        status = rkv_pipeline_format(pipeline, first, h->keys, h->values, h->n, w->head_dim, &format, end);
    if (!status)
        status = rkv_entries_init(e, &format, w->head_dim, w->group, s->schedule.needs & RKV_NEEDS_SUMS);
    if (!status && h->n > 0) status = rkv_entries_append(e, h->keys, h->values, h->positions, h->sums, h->n);
    rkv_entries_format_clear(&format);
    return status;
}

/* The prompt's queries as methods see them: unrotated with places for positions. *copy, when made, is the
 * caller's. */
static rkv_status observe(const rkv_session *s, const rkv_projection *p, float **copy, rkv_observation *out) {
    size_t n = p->shape.n_tokens, d = p->shape.head_dim, rows = p->shape.n_heads * n;
    *out = (rkv_observation){.q = p->q, .m = n, .first = 0, .rotated = true};
    if (s->options.positions != RKV_POSITIONS_CACHE) return RKV_OK;
    rkv_status status = rkv_alloc_raw(copy, rows * d, sizeof **copy);
    if (status) return status;
    memcpy(*copy, p->q, rows * d * sizeof **copy);
    for (size_t i = 0; i < rows; i++)
        rkv_rope_turn(&s->model->rope, -(int64_t)(i % n), *copy + i * d);
    out->q = *copy;
    out->rotated = false;
    return RKV_OK;
}

rkv_status rkv_layer_take_prompt(rkv_session *s, const rkv_projection *p, const float *sums) {
    work w;
    float *copy = NULL;
    rkv_observation prompt;
    size_t end = 0, after = 0;
    rkv_status status = work_init(&w, p, s->schedule.needs & RKV_NEEDS_SUMS ? sums : NULL);
    if (!status) status = observe(s, p, &copy, &prompt);
    if (!status) status = rkv_layer_observe(s, p->layer, &prompt);
    if (!status) status = thin(s, p->layer, &w, &prompt, &end);
    for (size_t g = 0; !status && g < w.n_heads; g++)
        status = store_head(s, p->layer, &w, g, end, &after);
    if (!status) status = rkv_layer_run_stages(s, p->layer, after, &prompt, true);
    free(copy);
    work_clear(&w);
    return status;
}
