/* session.c: opening and closing a session, and what it holds. */
#include <stdio.h>
#include <string.h>

#include "compressors/executor.h"
#include "compressors/token_kinds.h"
#include "core/fail.h"
#include "core/memory.h"

size_t rkv_session_layers(const rkv_session *s) {
    return s->model->config.n_layers;
}

/* ---- opening ---- */

static rkv_status parse_methods(rkv_session *s) {
    const rkv_session_options *o = &s->options;
    if (o->method && o->adaptive)
        return rkv_fail(RKV_USAGE, "give a method or an adaptive schedule of methods, not both");
    if (o->adaptive) return rkv_schedule_parse(&s->schedule, o->adaptive);
    rkv_status status = rkv_alloc(&s->schedule.phases, 1, sizeof *s->schedule.phases);
    if (status) return status;
    s->schedule.n_phases = 1;
    status = rkv_pipeline_parse(&s->schedule.phases[0].pipeline, o->method ? o->method : "full");
    s->schedule.needs = s->schedule.phases[0].pipeline.needs;
    return status;
}

static rkv_status allocate_state(const rkv_session *s, const rkv_stage *stage, float **state) {
    const struct rkv_method_ops *ops = stage->method->ops;
    size_t size = ops->state_size ? ops->state_size(&stage->values, &s->shape) : 0;
    return size > 0 ? rkv_alloc(state, size, sizeof **state) : RKV_OK;
}

static rkv_status allocate_layer(rkv_session *s, rkv_layer_cache *layer) {
    rkv_status status = rkv_alloc(&layer->heads, s->shape.n_kv_heads, sizeof *layer->heads);
    if (!status) status = rkv_alloc(&layer->states, s->n_stages, sizeof *layer->states);
    size_t index = 0;
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++, index++)
            if (!status)
                status = allocate_state(s, &s->schedule.phases[p].pipeline.stages[i], &layer->states[index]);
    return status;
}

static rkv_status allocate(rkv_session *s) {
    size_t n_layers = rkv_session_layers(s);
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        s->n_stages += s->schedule.phases[p].pipeline.n_stages;
    rkv_status status = rkv_alloc(&s->layers, n_layers, sizeof *s->layers);
    if (!status) status = rkv_alloc(&s->budgets, n_layers * s->shape.n_kv_heads, sizeof *s->budgets);
    if (!status) status = rkv_alloc(&s->plans, s->n_stages, sizeof *s->plans);
    for (size_t l = 0; !status && l < n_layers; l++)
        status = allocate_layer(s, &s->layers[l]);
    if (!status && s->schedule.needs & RKV_NEEDS_TOKENS) status = rkv_token_kinds_new(&s->kinds, s->model);
    return status;
}

static size_t states_bytes(const rkv_session *s) {
    size_t index = 0, floats = 0;
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++, index++) {
            const rkv_stage *stage = &s->schedule.phases[p].pipeline.stages[i];
            if (s->layers[0].states[index])
                floats += stage->method->ops->state_size(&stage->values, &s->shape);
        }
    return floats * sizeof(float) * rkv_session_layers(s);
}

static void drop_sums(rkv_session *s, size_t layer) {
    size_t before = rkv_layer_bytes(s, layer);
    for (size_t g = 0; g < s->shape.n_kv_heads; g++)
        rkv_entries_drop_sums(&s->layers[layer].heads[g]);
    rkv_session_account(s, before, rkv_layer_bytes(s, layer));
}

void rkv_session_drop_states(rkv_session *s) {
    size_t index = 0, before = states_bytes(s);
    for (size_t l = 0; l < rkv_session_layers(s); l++)
        drop_sums(s, l);
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++, index++)
            for (size_t l = 0; l < rkv_session_layers(s); l++) {
                if (s->schedule.phases[p].pipeline.stages[i].method->ops->note) continue;
                free(s->layers[l].states[index]);
                s->layers[l].states[index] = NULL;
            }
    rkv_session_account(s, before, states_bytes(s));
}

static rkv_status check(rkv_session *s) {
    const rkv_session_options *o = &s->options;
    if (!s->model->backend)
        return rkv_fail(RKV_USAGE, "%s: was opened for its vocabulary alone", s->model->info.path);
    if ((unsigned)o->hold > RKV_HOLD_PROMPT || (unsigned)o->group_score > RKV_GROUP_MAX ||
        (unsigned)o->positions > RKV_POSITIONS_CACHE)
        return rkv_fail(RKV_USAGE, "hold, group_score or positions is none of its values");
    return RKV_OK;
}

rkv_status rkv_session_new(rkv_session **out, rkv_model *model, const rkv_session_options *options) {
    static const rkv_session_options defaults = {0};
    rkv_session *s = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&s, 1, sizeof *s);
    if (status) return status;
    s->model = model;
    s->options = options ? *options : defaults;
    status = check(s);
    if (!status) {
        const rkv_config *c = &model->config;
        s->shape = (rkv_attention_shape){1, c->n_heads, c->n_kv_heads, c->head_dim};
        status = parse_methods(s);
    }
    if (!status) status = allocate(s);
    if (!status) status = rkv_session_check_budgets(s);
    if (!status) s->allocated_bytes = s->peak_bytes = states_bytes(s);
    if (status)
        rkv_session_free(s);
    else
        *out = s;
    return status;
}

static void free_layer(const rkv_session *s, rkv_layer_cache *layer) {
    for (size_t g = 0; layer->heads && g < s->shape.n_kv_heads; g++)
        rkv_entries_clear(&layer->heads[g]);
    for (size_t i = 0; layer->states && i < s->n_stages; i++)
        free(layer->states[i]);
    free(layer->heads);
    free(layer->states);
}

void rkv_session_free(rkv_session *s) {
    if (!s) return;
    for (size_t l = 0; s->layers && l < rkv_session_layers(s); l++)
        free_layer(s, &s->layers[l]);
    rkv_forward_free(s->forward);
    rkv_schedule_clear(&s->schedule);
    free(s->layers);
    for (size_t i = 0; s->plans && i < s->n_stages; i++)
        free(s->plans[i]);
    free(s->plans);
    free(s->budgets);
    free(s->kinds);
    free(s->tokens);
    if (s->rotation) s->model->backend->ops->release(s->model->backend, s->rotation);
    free(s->logits);
    free(s);
}

/* ---- what it holds ---- */

size_t rkv_layer_bytes(const rkv_session *s, size_t layer) {
    size_t bytes = 0;
    for (size_t g = 0; g < s->shape.n_kv_heads; g++)
        bytes += rkv_entries_bytes(&s->layers[layer].heads[g]);
    return bytes;
}

void rkv_session_account(rkv_session *s, size_t before, size_t after) {
    s->allocated_bytes = s->allocated_bytes - before + after;
    if (s->allocated_bytes > s->peak_bytes) s->peak_bytes = s->allocated_bytes;
}

const float *rkv_session_logits(const rkv_session *s) {
    return s->n_seen > 0 && !s->failed ? s->logits : NULL;
}

rkv_status rkv_session_get_stats(const rkv_session *s, rkv_cache_stats *out) {
    const rkv_attention_shape *shape = &s->shape;
    *out = (rkv_cache_stats){
        .n_tokens = s->n_seen,
        .allocated_bytes = s->allocated_bytes,
        .state_bytes = states_bytes(s),
        .peak_bytes = s->peak_bytes,
        .full_bytes_16 = s->n_seen * rkv_session_layers(s) * shape->n_kv_heads * shape->head_dim * 2 * 2,
        .prefill_s = s->prefill_s,
        .compress_s = s->compress_s,
    };
    for (size_t l = 0; l < rkv_session_layers(s); l++)
        for (size_t g = 0; g < shape->n_kv_heads; g++) {
            const rkv_entries *e = &s->layers[l].heads[g];
            out->n_entries += e->n;
            if (e->n > out->longest) out->longest = e->n;
            out->kv_bytes += rkv_entries_kv_bytes(e);
            out->state_bytes += rkv_entries_state_bytes(e);
        }
    return RKV_OK;
}

static rkv_status check_head(const rkv_session *s, size_t layer, size_t head) {
    if (layer < rkv_session_layers(s) && head < s->shape.n_kv_heads) return RKV_OK;
    return rkv_fail(RKV_USAGE, "layer %zu, KV head %zu: the model has %zu layers of %zu KV heads", layer,
                    head, rkv_session_layers(s), s->shape.n_kv_heads);
}

/* What the methods in force say of a head, joined by spaces. */
static void collect_notes(const rkv_session *s, size_t layer, size_t head, char *text, size_t size) {
    size_t first, length = 0;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first);
    text[0] = '\0';
    for (size_t i = 0; i < pipeline->n_stages && length + 1 < size; i++) {
        const rkv_stage *stage = &pipeline->stages[i];
        if (!stage->method->ops->note) continue;
        if (length > 0) text[length++] = ' ';
        stage->method->ops->note(&stage->values, s->layers[layer].states[first + i], head, text + length,
                                 size - length);
        length += strlen(text + length);
    }
}

rkv_status rkv_session_get_head(const rkv_session *s, size_t layer, size_t head, rkv_head_cache *out) {
    rkv_status status = check_head(s, layer, head);
    if (status) return status;
    const rkv_entries *e = &s->layers[layer].heads[head];
    bool shared;
    *out = (rkv_head_cache){.n = e->n,
                            .bytes = rkv_entries_bytes(e),
                            .kv_bytes = rkv_entries_kv_bytes(e),
                            .budget = rkv_head_limit(s, layer, head, &shared),
                            .positions = e->positions};
    collect_notes(s, layer, head, out->note, sizeof out->note);
    return RKV_OK;
}

rkv_status rkv_session_read_head(const rkv_session *s, size_t layer, size_t head, float *keys,
                                 float *values) {
    rkv_status status = check_head(s, layer, head);
    const rkv_entries *e = status ? NULL : &s->layers[layer].heads[head];
    if (!status) status = rkv_entries_read(e, keys, values);
    for (size_t i = 0; !status && keys && s->options.positions == RKV_POSITIONS_CACHE && i < e->n; i++)
        rkv_rope_turn(&s->model->rope, (int64_t)i, keys + i * e->head_dim);
    return status;
}
