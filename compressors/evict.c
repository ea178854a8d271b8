/* evict.c: the stages of a pipeline, working on a layer's cached entries. */
#include <string.h>

#include "compressors/executor.h"
#include "compressors/select.h"
#include "core/fail.h"
#include "core/memory.h"

/* ---- which stages ---- */

const rkv_pipeline *rkv_session_pipeline(const rkv_session *s, size_t *first_stage) {
    *first_stage = 0;
    for (size_t p = 0; p < s->phase; p++)
        *first_stage += s->schedule.phases[p].pipeline.n_stages;
    return &s->schedule.phases[s->phase].pipeline;
}

bool rkv_session_evicts(const rkv_session *s) {
    size_t interval = s->options.interval > 0 ? s->options.interval : 1;
    return s->step == 0 || (s->options.hold == RKV_HOLD_ALWAYS && s->step % interval == 0);
}

bool rkv_session_is_settled(const rkv_session *s) {
    return s->options.hold == RKV_HOLD_PROMPT && s->schedule.n_phases == 1;
}

rkv_layer_view rkv_layer_view_new(rkv_session *s, size_t layer, const rkv_observation *prompt) {
    return (rkv_layer_view){
        .index = layer,
        .n_layers = rkv_session_layers(s),
        .n_heads = s->shape.n_heads,
        .n_kv_heads = s->shape.n_kv_heads,
        .head_dim = s->shape.head_dim,
        .n_seen = s->n_seen,
        .prompt = prompt,
        .cache_positions = s->options.positions == RKV_POSITIONS_CACHE,
        .group_score = s->options.group_score,
        .tokens = s->tokens,
        .rope = &s->model->rope,
        .backend = s->model->backend,
        .seed = s->options.seed,
    };
}

rkv_status rkv_layer_observe(rkv_session *s, size_t layer, const rkv_observation *new_queries) {
    size_t index = 0;
    rkv_status status = RKV_OK;
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++, index++) {
            const rkv_stage *stage = &s->schedule.phases[p].pipeline.stages[i];
            if (status || !stage->method->ops->observe) continue;
            status = stage->method->ops->observe(&stage->values, new_queries, &s->shape, &s->model->rope,
                                                 s->layers[layer].states[index]);
        }
    return status;
}

/* ---- one selection ---- */

/* Nothing is evicted while every head is within its budget: so a budget that is large enough changes nothing.
 */
static bool all_within(const rkv_layer_view *view) {
    for (size_t g = 0; g < view->n_kv_heads; g++)
        if (view->heads[g].n > view->budgets[g] || view->budgets[g] == SIZE_MAX) return false;
    return true;
}

static rkv_status score_heads(const rkv_stage *stage, rkv_layer_view *view, size_t *budgets, uint32_t **kept,
                              size_t *n_kept) {
    size_t n_heads = view->n_kv_heads, total = 0;
    float *memory = NULL, **score = NULL;
    for (size_t g = 0; g < n_heads; g++)
        total += view->heads[g].n;
    rkv_status status = rkv_alloc_raw(&memory, total, sizeof *memory);
    if (!status) status = rkv_alloc(&score, n_heads, sizeof *score);
    for (size_t g = 0, at = 0; !status && g < n_heads; at += view->heads[g].n, g++)
        score[g] = memory + at;
    const struct rkv_method_ops *ops = stage->method->ops;
    if (!status) status = ops->score(&stage->values, view, score);
    if (!status && ops->share) status = ops->share(&stage->values, view, score, budgets);
    for (size_t g = 0; !status && g < n_heads; g++)
        status = rkv_select_best(score[g], view->heads[g].n, budgets[g], kept[g], &n_kept[g]);
    free(score);
    free(memory);
    return status;
}

bool rkv_stage_leaves_alone(const rkv_session *s, const rkv_stage *stage, size_t layer) {
    const struct rkv_method_ops *ops = stage->method->ops;
    return ops->keeps_all || (ops->skips && ops->skips(&stage->values, layer, s->n_seen));
}

rkv_status rkv_stage_select(rkv_session *s, rkv_stage_ref ref, rkv_layer_view *view, uint32_t **kept,
                            size_t *n_kept, bool *all) {
    *all = true;
    if (rkv_stage_leaves_alone(s, ref.stage, view->index)) return RKV_OK;
    size_t *budgets = NULL, n_heads = view->n_kv_heads;
    rkv_status status = rkv_alloc(&budgets, n_heads, sizeof *budgets);
    if (status) return status;
    for (size_t g = 0; g < n_heads; g++)
        budgets[g] = rkv_stage_budget(s, ref, view->index, g);
    size_t *shared = NULL;
    view->budgets = budgets;
    view->state = s->layers[view->index].states[ref.index];
    if (!all_within(view)) {
        *all = false;
        status = rkv_alloc(&shared, n_heads, sizeof *shared);
        if (!status) memcpy(shared, budgets, n_heads * sizeof *shared);
        if (!status) status = score_heads(ref.stage, view, shared, kept, n_kept);
    }
    view->budgets = NULL;
    free(shared);
    free(budgets);
    return status;
}

/* ---- on cached entries ---- */

/* The decoded entries of a layer, as a selection wants to see them. */
typedef struct decoded {
    rkv_head_view *heads; /* [G] */
    float **keys, **values;
    uint32_t **kept;
    size_t *n_kept;
} decoded;

static void decoded_clear(decoded *d, size_t n_heads) {
    for (size_t g = 0; g < n_heads; g++) {
        if (d->keys) free(d->keys[g]);
        if (d->values) free(d->values[g]);
        if (d->kept) free(d->kept[g]);
    }
    free(d->heads);
    free(d->keys);
    free(d->values);
    free(d->kept);
    free(d->n_kept);
}

/* Keys as attention sees them: with places in the cache for positions, turned by their place. */
static void turn_by_place(const rkv_session *s, float *keys, size_t n) {
    for (size_t i = 0; s->options.positions == RKV_POSITIONS_CACHE && i < n; i++)
        rkv_rope_turn(&s->model->rope, (int64_t)i, keys + i * s->shape.head_dim);
}

static rkv_status decode_head(const rkv_session *s, const rkv_entries *e, unsigned needs, size_t g,
                              decoded *d) {
    size_t cells = e->n * e->head_dim;
    rkv_status status = rkv_alloc_raw(&d->kept[g], e->n, sizeof **d->kept);
    if (!status && needs & RKV_NEEDS_KEYS) status = rkv_alloc_raw(&d->keys[g], cells, sizeof **d->keys);
    if (!status && needs & RKV_NEEDS_VALUES) status = rkv_alloc_raw(&d->values[g], cells, sizeof **d->values);
    if (!status) status = rkv_entries_read(e, d->keys[g], d->values[g]);
    if (!status && d->keys[g]) turn_by_place(s, d->keys[g], e->n);
    d->heads[g] = (rkv_head_view){
        .n = e->n, .keys = d->keys[g], .values = d->values[g], .positions = e->positions, .sums = e->sums};
    return status;
}

static rkv_status decode_layer(const rkv_session *s, const rkv_entries *heads, unsigned needs, decoded *d) {
    size_t n_heads = s->shape.n_kv_heads;
    rkv_status status = rkv_alloc(&d->heads, n_heads, sizeof *d->heads);
    if (!status) status = rkv_alloc(&d->keys, n_heads, sizeof *d->keys);
    if (!status) status = rkv_alloc(&d->values, n_heads, sizeof *d->values);
    if (!status) status = rkv_alloc(&d->kept, n_heads, sizeof *d->kept);
    if (!status) status = rkv_alloc(&d->n_kept, n_heads, sizeof *d->n_kept);
    for (size_t g = 0; !status && g < n_heads; g++)
        status = decode_head(s, &heads[g], needs, g, d);
    return status;
}

/* Whether a stage would evict at all: cheaper to know than to decode a layer for nothing. */
static bool has_work(const rkv_session *s, rkv_stage_ref ref, size_t layer) {
    if (rkv_stage_leaves_alone(s, ref.stage, layer)) return false;
    for (size_t g = 0; g < s->shape.n_kv_heads; g++) {
        size_t budget = rkv_stage_budget(s, ref, layer, g);
        if (s->layers[layer].heads[g].n > budget || budget == SIZE_MAX) return true;
    }
    return false;
}

static rkv_status select_entries(rkv_session *s, size_t layer, rkv_stage_ref ref,
                                 const rkv_observation *prompt) {
    if (!has_work(s, ref, layer)) return RKV_OK;
    rkv_entries *heads = s->layers[layer].heads;
    decoded d = {0};
    bool all = true;
    unsigned needs = ref.stage->method->needs | (prompt ? RKV_NEEDS_KEYS | RKV_NEEDS_VALUES : 0);
    rkv_status status = decode_layer(s, heads, needs, &d);
    rkv_layer_view view = rkv_layer_view_new(s, layer, prompt);
    view.heads = d.heads;
    if (!status) status = rkv_stage_select(s, ref, &view, d.kept, d.n_kept, &all);
    for (size_t g = 0; !status && !all && g < s->shape.n_kv_heads; g++)
        if (d.n_kept[g] < heads[g].n) rkv_entries_keep(&heads[g], d.kept[g], d.n_kept[g]);
    decoded_clear(&d, s->shape.n_kv_heads);
    return status;
}

/* ---- representations ---- */

void rkv_entries_format_clear(rkv_entries_format *format) {
    free((void *)format->key_basis);
    free((void *)format->value_basis);
    *format = (rkv_entries_format){0};
}

rkv_status rkv_pipeline_format(const rkv_pipeline *pipeline, size_t first, const float *keys,
                               const float *values, size_t n, size_t head_dim, rkv_entries_format *out,
                               size_t *end) {
    *out = (rkv_entries_format){0};
    rkv_status status = RKV_OK;
    size_t i = 0;
    for (; !status && i < pipeline->n_stages; i++) {
        const rkv_stage *stage = &pipeline->stages[i];
        const struct rkv_method_ops *ops = stage->method->ops;
        if (stage->method->kind != RKV_REPRESENTATION && i >= first) break;
        if (stage->method->kind != RKV_REPRESENTATION) continue;
        if (ops->format) ops->format(&stage->values, &out->keys, &out->values);
        float *basis = NULL;
        if (ops->fit) status = ops->fit(&stage->values, true, keys, n, head_dim, &basis, &out->key_rank);
        if (ops->fit && !status) out->key_basis = basis;
        if (ops->fit && !status)
            status = ops->fit(&stage->values, false, values, n, head_dim, &basis, &out->value_rank);
        if (ops->fit && !status) out->value_basis = basis;
    }
    if (status) rkv_entries_format_clear(out);
    *end = i;
    return status;
}

/* Stores a head's entries anew. */
static rkv_status reform_head(rkv_entries *e, const rkv_pipeline *pipeline, size_t first, size_t *end) {
    size_t cells = e->n * e->head_dim;
    float *keys = NULL, *values = NULL;
    rkv_entries_format format = {0};
    rkv_entries fresh = {0};
    rkv_status status = rkv_alloc_raw(&keys, cells, sizeof *keys);
    if (!status) status = rkv_alloc_raw(&values, cells, sizeof *values);
    if (!status) status = rkv_entries_read(e, keys, values);
    if (!status) status = rkv_pipeline_format(pipeline, first, keys, values, e->n, e->head_dim, &format, end);
    if (!status) status = rkv_entries_init(&fresh, &format, e->head_dim, e->group, e->sums != NULL);
    if (!status && e->n > 0) status = rkv_entries_append(&fresh, keys, values, e->positions, e->sums, e->n);
    if (!status) {
        rkv_entries_clear(e);
        *e = fresh;
    } else {
        rkv_entries_clear(&fresh);
    }
    rkv_entries_format_clear(&format);
    free(values);
    free(keys);
    return status;
}

static rkv_status reform(rkv_session *s, size_t layer, const rkv_pipeline *pipeline, size_t first,
                         size_t *end) {
    rkv_status status = RKV_OK;
    for (size_t g = 0; !status && g < s->shape.n_kv_heads; g++)
        status = reform_head(&s->layers[layer].heads[g], pipeline, first, end);
    return status;
}

rkv_status rkv_layer_run_stages(rkv_session *s, size_t layer, size_t first, const rkv_observation *prompt,
                                bool reforms) {
    size_t first_stage;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first_stage);
    rkv_status status = RKV_OK;
    for (size_t i = first; !status && i < pipeline->n_stages;) {
        const rkv_stage *stage = &pipeline->stages[i];
        if (stage->method->kind == RKV_REPRESENTATION && reforms) {
            status = reform(s, layer, pipeline, i, &i);
            continue;
        }
        if (stage->method->kind == RKV_SELECTION)
            status = select_entries(s, layer, (rkv_stage_ref){stage, first_stage + i}, prompt);
        i++;
    }
    return status;
}

rkv_status rkv_layer_change_phase(rkv_session *s, size_t layer) {
    size_t first_stage, end;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first_stage);
    for (size_t i = 0; i < pipeline->n_stages; i++)
        if (pipeline->stages[i].method->kind == RKV_REPRESENTATION)
            return rkv_layer_run_stages(s, layer, 0, NULL, true);
    rkv_status status = reform(s, layer, pipeline, pipeline->n_stages, &end); /* to float32 */
    return status ? status : rkv_layer_run_stages(s, layer, 0, NULL, false);
}
