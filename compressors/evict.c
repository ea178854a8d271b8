/* evict.c: which stages of a session's methods work on a layer, when, and with what budgets. */
#include "compressors/executor.h"
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

/* ---- new queries ---- */

bool rkv_session_observes(const rkv_session *s) {
    for (size_t p = s->phase; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++)
            if (s->schedule.phases[p].pipeline.stages[i].method->ops->observe) return true;
    return false;
}

/* Phases that are over do not come back. */
rkv_status rkv_layer_observe(rkv_session *s, size_t layer, const rkv_observation *new_queries) {
    size_t index;
    rkv_status status = RKV_OK;
    rkv_session_pipeline(s, &index);
    for (size_t p = s->phase; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++, index++) {
            const rkv_stage *stage = &s->schedule.phases[p].pipeline.stages[i];
            if (status || !stage->method->ops->observe) continue;
            status = stage->method->ops->observe(&stage->values, new_queries, &s->shape, &s->model->rope,
                                                 s->layers[layer].states[index]);
        }
    return status;
}

/* ---- what stages do with a layer ---- */

bool rkv_stage_leaves_alone(const rkv_session *s, const rkv_stage *stage, size_t layer) {
    const struct rkv_method_ops *ops = stage->method->ops;
    return ops->keeps_all || (ops->skips && ops->skips(&stage->values, layer, s->n_seen));
}

/* Whether a stage looks at the keys and values of a layer's n entries per head: it thins them out, or fits a
 * basis to them. */
static bool stage_looks(const rkv_session *s, rkv_stage_ref ref, size_t layer, size_t n) {
    if (ref.stage->method->ops->fit) return true;
    if (ref.stage->method->kind != RKV_SELECTION || rkv_stage_leaves_alone(s, ref.stage, layer)) return false;
    for (size_t g = 0; g < s->shape.n_kv_heads; g++)
        if (!rkv_budget_holds(rkv_stage_budget(s, ref, layer, g), n)) return true;
    return false;
}

unsigned rkv_layer_looks(const rkv_session *s, size_t layer, size_t n) {
    size_t first;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first);
    unsigned looks = rkv_session_observes(s) ? RKV_NEEDS_QUERIES : 0;
    if (s->options.positions == RKV_POSITIONS_CACHE) looks |= RKV_NEEDS_KEYS; /* they are turned back */
    for (size_t i = 0; i < pipeline->n_stages; i++) {
        const rkv_stage *stage = &pipeline->stages[i];
        if (!stage_looks(s, (rkv_stage_ref){stage, first + i}, layer, n)) continue;
        looks |= RKV_NEEDS_KEYS | (stage->method->needs & RKV_NEEDS_QUERIES);
    }
    return looks;
}

/* ---- through them ---- */

/* Fills tasks [n_stages], their budgets in budgets [n_stages, G]. */
static void set_tasks(const rkv_session *s, size_t layer, rkv_stage_task *tasks, size_t *budgets) {
    size_t first, n_heads = s->shape.n_kv_heads;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first);
    for (size_t i = 0; i < pipeline->n_stages; i++, budgets += n_heads) {
        rkv_stage_ref ref = {&pipeline->stages[i], first + i};
        for (size_t g = 0; g < n_heads; g++)
            budgets[g] = rkv_stage_budget(s, ref, layer, g);
        tasks[i] = (rkv_stage_task){.idle = rkv_stage_leaves_alone(s, ref.stage, layer),
                                    .budgets = budgets,
                                    .state = s->layers[layer].states[ref.index]};
    }
}

rkv_status rkv_layer_run(rkv_session *s, rkv_work *w, bool reforms) {
    size_t first, *budgets = NULL;
    const rkv_pipeline *pipeline = rkv_session_pipeline(s, &first);
    rkv_stage_task tasks[RKV_PIPELINE_STAGES];
    rkv_status status = rkv_alloc(&budgets, pipeline->n_stages * s->shape.n_kv_heads, sizeof *budgets);
    if (status) return status;
    set_tasks(s, w->view.index, tasks, budgets);
    status = rkv_work_run(w, pipeline, tasks, reforms);
    free(budgets);
    return status;
}

static rkv_status run_cached(rkv_session *s, size_t layer, bool reforms) {
    rkv_work w;
    rkv_layer_view view = rkv_layer_view_new(s, layer, NULL);
    rkv_status status = rkv_work_init(&w, &view, s->layers[layer].heads);
    if (!status) status = rkv_layer_run(s, &w, reforms);
    rkv_work_clear(&w);
    return status;
}

rkv_status rkv_layer_evict(rkv_session *s, size_t layer) {
    return run_cached(s, layer, false);
}

rkv_status rkv_layer_change_phase(rkv_session *s, size_t layer) {
    return run_cached(s, layer, true);
}
