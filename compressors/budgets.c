/* budgets.c: how many entries each head of a session may keep. */
#include <string.h>

#include "compressors/executor.h"
#include "core/fail.h"
#include "core/memory.h"

/* ---- what a pipeline asks for ---- */

/* A selection whose length is not the caller's budget: it has its own, or needs none. */
static bool has_own_budget(const rkv_stage *stage) {
    return stage->budget > 0 || stage->ratio > 0 || stage->method->ops->keeps_all ||
           stage->method->ops->finds_length;
}

/* A plan is for the prompt's length; what a ratio gains as the text grows is every layer's. */
size_t rkv_stage_budget(const rkv_session *s, rkv_stage_ref ref, size_t layer, size_t g) {
    size_t own = rkv_stage_own_budget(ref.stage, s->n_seen > s->n_prompt ? s->n_seen : s->n_prompt);
    if (own == 0) return s->budgets[layer * s->shape.n_kv_heads + g];
    if (!s->plans[ref.index]) return own;
    return s->plans[ref.index][layer] + own - rkv_stage_own_budget(ref.stage, s->n_prompt);
}

size_t rkv_head_limit(const rkv_session *s, size_t layer, size_t g, bool *shared) {
    size_t first, limit = SIZE_MAX;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first);
    *shared = false;
    for (size_t i = 0; i < pipeline->n_stages; i++) {
        const rkv_stage *stage = &pipeline->stages[i];
        if (stage->method->kind != RKV_SELECTION || rkv_stage_leaves_alone(s, stage, layer)) continue;
        size_t budget = rkv_stage_budget(s, (rkv_stage_ref){stage, first + i}, layer, g);
        if (budget < limit) limit = budget;
        *shared |= stage->method->ops->share != NULL;
    }
    return limit;
}

/* Whether some selection of the session works to the caller's budget. */
static bool wants_budget(const rkv_session *s) {
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++) {
            const rkv_stage *stage = &s->schedule.phases[p].pipeline.stages[i];
            if (stage->method->kind == RKV_SELECTION && !has_own_budget(stage)) return true;
        }
    return false;
}

static rkv_status check_least(const rkv_stage *stage, size_t budget, size_t layer, size_t g) {
    const struct rkv_method_ops *ops = stage->method->ops;
    size_t least = ops->least ? ops->least(&stage->values) : 0;
    if (least == 0) least = 1;
    if (budget >= least) return RKV_OK;
    return rkv_fail(
        RKV_USAGE,
        "budget %zu of layer %zu, KV head %zu: %s always keeps %zu entries, so it needs at least that",
        budget, layer, g, stage->method->name, least);
}

static rkv_status check_head(const rkv_session *s, size_t layer, size_t g) {
    rkv_stage_ref ref = {0};
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++, ref.index++) {
            ref.stage = &s->schedule.phases[p].pipeline.stages[i];
            bool unknown = ref.stage->ratio > 0 && s->n_prompt == 0; /* a share of what is not there yet */
            if (ref.stage->method->kind != RKV_SELECTION || ref.stage->method->ops->keeps_all || unknown)
                continue;
            rkv_status status = check_least(ref.stage, rkv_stage_budget(s, ref, layer, g), layer, g);
            if (status) return status;
        }
    return RKV_OK;
}

static rkv_status check_heads(const rkv_session *s) {
    for (size_t l = 0; l < rkv_session_layers(s); l++)
        for (size_t g = 0; g < s->shape.n_kv_heads; g++) {
            rkv_status status = check_head(s, l, g);
            if (status) return status;
        }
    return RKV_OK;
}

/* ---- before the prompt ---- */

static void fill(rkv_session *s, size_t budget) {
    for (size_t i = 0; i < rkv_session_layers(s) * s->shape.n_kv_heads; i++)
        s->budgets[i] = budget;
}

static void fill_from_budget(rkv_session *s) {
    const rkv_budget *b = s->options.budgets;
    size_t g = s->shape.n_kv_heads;
    for (size_t i = 0; i < rkv_session_layers(s) * g; i++)
        s->budgets[i] = b->heads ? b->heads[i] : b->layers[i / g];
}

static rkv_status check_model(const rkv_session *s) {
    const rkv_budget *b = s->options.budgets;
    const rkv_model_info *m = rkv_model_get_info(s->model);
    if (b->model.n_layers != m->n_layers || b->model.n_kv_heads != m->n_kv_heads)
        return rkv_fail(RKV_DATA,
                        "the budgets are for %zu layers of %zu KV heads (%s), the model has %zu of %zu (%s)",
                        b->model.n_layers, b->model.n_kv_heads, b->model.name ? b->model.name : "unnamed",
                        m->n_layers, m->n_kv_heads, m->name);
    if (b->model.sha256[0] && m->sha256[0] && strcmp(b->model.sha256, m->sha256) != 0)
        return rkv_fail(RKV_DATA,
                        "the budgets were made for another model: its SHA-256 is %.12s..., not %.12s...",
                        b->model.sha256, m->sha256);
    return RKV_OK;
}

rkv_status rkv_session_check_budgets(rkv_session *s) {
    const rkv_session_options *o = &s->options;
    int given = (o->budget > 0) + (o->ratio != 0) + (o->budgets != NULL);
    if (given > 1) return rkv_fail(RKV_USAGE, "give one of budget, ratio and budgets, not %d of them", given);
    if (o->ratio != 0 && !(o->ratio > 0 && o->ratio <= 1))
        return rkv_fail(RKV_USAGE, "ratio %g is not above 0 and at most 1", o->ratio);
    rkv_status status = o->budgets ? check_model(s) : RKV_OK;
    if (status || (!o->budgets && o->budget == 0)) return status;
    if (o->budgets)
        fill_from_budget(s);
    else
        fill(s, o->budget);
    return check_heads(s);
}

/* ---- with the prompt ---- */

/* *layers [L] = a uniform budget shared out over the layers; the caller frees it. */
static rkv_status plan(const rkv_session *s, const rkv_stage *stage, size_t n, size_t budget,
                       size_t **layers) {
    size_t n_layers = rkv_session_layers(s);
    rkv_status status = rkv_alloc_raw(layers, n_layers, sizeof **layers);
    for (size_t l = 0; !status && l < n_layers; l++)
        (*layers)[l] = budget;
    return status ? status : stage->method->ops->plan(&stage->values, n, n_layers, *layers);
}

/* The plans of selections that have a budget of their own. */
static rkv_status plan_stages(rkv_session *s, size_t n) {
    size_t index = 0;
    rkv_status status = RKV_OK;
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; !status && i < s->schedule.phases[p].pipeline.n_stages; i++, index++) {
            const rkv_stage *stage = &s->schedule.phases[p].pipeline.stages[i];
            free(s->plans[index]); /* of a prompt that was refused */
            s->plans[index] = NULL;
            if (stage->method->ops->plan && rkv_stage_own_budget(stage, n) > 0)
                status = plan(s, stage, n, rkv_stage_own_budget(stage, n), &s->plans[index]);
        }
    return status;
}

/* The first selection that plans, of any phase; NULL: none. */
static const rkv_stage *find_planner(const rkv_session *s) {
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++) {
            const rkv_stage *stage = &s->schedule.phases[p].pipeline.stages[i];
            if (stage->method->ops->plan && !has_own_budget(stage)) return stage;
        }
    return NULL;
}

/* It shares the session's uniform budget out over the layers, for all selections. */
static rkv_status plan_session(rkv_session *s, size_t n, size_t budget) {
    const rkv_stage *planner = find_planner(s);
    size_t *layers = NULL, g = s->shape.n_kv_heads;
    rkv_status status = planner ? plan(s, planner, n, budget, &layers) : RKV_OK;
    for (size_t i = 0; planner && !status && i < rkv_session_layers(s) * g; i++)
        s->budgets[i] = layers[i / g];
    free(layers);
    return status;
}

/* The most that any selection of the session always keeps. */
static size_t least_of_all(const rkv_session *s) {
    size_t least = 1;
    for (size_t p = 0; p < s->schedule.n_phases; p++) {
        size_t own = rkv_pipeline_least(&s->schedule.phases[p].pipeline);
        if (own > least) least = own;
    }
    return least;
}

/* What nobody has said: half of the prompt, or what the methods always keep where that is more. */
static size_t standard_budget(const rkv_session *s, size_t n) {
    size_t half = rkv_share_of(0.5, n), least = least_of_all(s);
    return half > least ? half : least;
}

rkv_status rkv_session_make_budgets(rkv_session *s, size_t n) {
    const rkv_session_options *o = &s->options;
    s->n_prompt = n;
    rkv_status status = plan_stages(s, n);
    if (status) return status;
    if (o->budgets) {
        fill_from_budget(s);
        return check_heads(s);
    }
    if (o->budget == 0 && o->ratio == 0 && !wants_budget(s)) {
        fill(s, SIZE_MAX);
        return check_heads(s);
    }
    size_t budget = o->budget > 0  ? o->budget
                    : o->ratio > 0 ? rkv_share_of(o->ratio, n)
                                   : standard_budget(s, n);
    fill(s, budget);
    if (budget < n) status = plan_session(s, n, budget);
    return status ? status : check_heads(s);
}
