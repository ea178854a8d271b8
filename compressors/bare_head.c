/* bare_head.c: one head of bare keys and values on its way through a pipeline and back. */
#include <stdlib.h>
#include <string.h>

#include "compressors/bare.h"
#include "core/fail.h"
#include "core/memory.h"

/* ---- what can work on bare tensors ---- */

static size_t budget_of(const rkv_bare_job *job, const rkv_stage *stage) {
    size_t own = rkv_stage_own_budget(stage, job->tokens);
    return own ? own : job->budget ? job->budget : SIZE_MAX;
}

static rkv_status check_stage(const rkv_bare_job *job, const rkv_stage *stage) {
    const rkv_method *method = stage->method;
    const struct rkv_method_ops *ops = method->ops;
    if (method->needs & (RKV_NEEDS_QUERIES | RKV_NEEDS_SUMS))
        return rkv_fail(RKV_USAGE, "%s looks at queries, which bare keys and values do not have",
                        method->name);
    if (method->needs & RKV_NEEDS_TOKENS)
        return rkv_fail(RKV_USAGE, "%s looks at tokens, which bare keys and values do not have",
                        method->name);
    if (method->kind != RKV_SELECTION || ops->keeps_all) return RKV_OK;
    size_t budget = budget_of(job, stage), least = ops->least ? ops->least(&stage->values) : 1;
    if (budget == SIZE_MAX && !ops->share)
        return rkv_fail(RKV_USAGE, "%s has no budget: write %s:budget=N, or give one for all", method->name,
                        method->name);
    if (budget < (least ? least : 1))
        return rkv_fail(RKV_USAGE, "%s: budget %zu is below the %zu entries that it always keeps",
                        method->name, budget, least ? least : 1);
    return RKV_OK;
}

rkv_status rkv_bare_job_check(const rkv_bare_job *job) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < job->pipeline.n_stages && !status; i++)
        status = check_stage(job, &job->pipeline.stages[i]);
    return status;
}

/* ---- working memory ---- */

/* A head is the only one of a layer of its own. */
static rkv_status make_work(rkv_work *w, const rkv_bare_job *job) {
    const rkv_layer_view view = {.n_layers = job->n_heads,
                                 .n_heads = 1,
                                 .n_kv_heads = 1,
                                 .head_dim = job->dim,
                                 .n_seen = job->tokens,
                                 .backend = job->backend,
                                 .seed = job->seed};
    rkv_status status = rkv_work_init(w, &view, NULL);
    w->form = job->dtype->form;
    return status;
}

rkv_status rkv_bare_room_new(rkv_bare_room *room, const rkv_bare_job *job) {
    size_t n = job->tokens, size = n * job->dim;
    *room = (rkv_bare_room){0};
    rkv_status status = make_work(&room->work, job);
    if (!status) status = rkv_alloc_raw(&room->keys, size, sizeof *room->keys);
    if (!status) status = rkv_alloc_raw(&room->values, size, sizeof *room->values);
    if (!status) status = rkv_alloc_raw(&room->positions, n, sizeof *room->positions);
    for (size_t i = 0; !status && i < n; i++)
        room->positions[i] = (int32_t)i;
    return status;
}

void rkv_bare_room_clear(rkv_bare_room *room) {
    rkv_work_clear(&room->work);
    free(room->keys);
    free(room->values);
    free(room->positions);
    *room = (rkv_bare_room){0};
}

/* ---- there and back ---- */

/* No layer is left out; a text that is too short for the method is. */
static bool leaves_alone(const rkv_bare_job *job, const rkv_stage *stage) {
    const struct rkv_method_ops *ops = stage->method->ops;
    return ops->keeps_all || (ops->skips && ops->skips(&stage->values, SIZE_MAX, job->tokens));
}

rkv_status rkv_bare_compress(rkv_entries *out, const rkv_bare_job *job, size_t index, const void *keys,
                             const void *values, rkv_bare_room *room) {
    size_t budgets[RKV_PIPELINE_STAGES];
    rkv_stage_task tasks[RKV_PIPELINE_STAGES];
    for (size_t i = 0; i < job->pipeline.n_stages; i++) {
        const rkv_stage *stage = &job->pipeline.stages[i];
        budgets[i] = budget_of(job, stage);
        tasks[i] = (rkv_stage_task){.idle = leaves_alone(job, stage), .budgets = &budgets[i]};
    }
    job->dtype->to_floats(keys, room->keys, job->tokens * job->dim);
    job->dtype->to_floats(values, room->values, job->tokens * job->dim);
    *out = (rkv_entries){0};
    room->work.stored = out;
    room->work.loose = true;
    room->work.view.index = index; /* what is drawn differs from head to head */
    room->work.heads[0] = (rkv_head_view){
        .n = job->tokens, .keys = room->keys, .values = room->values, .positions = room->positions};
    return rkv_work_run(&room->work, &job->pipeline, tasks, true);
}

/* Rows [n, dim] to their positions, zeros between them. */
static void scatter(const float *rows, const int32_t *positions, size_t n, const rkv_bare_job *job,
                    void *elements) {
    size_t row_bytes = job->dim * job->dtype->bytes, next = 0;
    char *out = elements;
    for (size_t i = 0; i < n;) { /* runs of successive positions at once */
        size_t position = (size_t)positions[i], run = 1;
        while (i + run < n && (size_t)positions[i + run] == position + run)
            run++;
        memset(out + next * row_bytes, 0, (position - next) * row_bytes);
        job->dtype->from_floats(rows + i * job->dim, out + position * row_bytes, run * job->dim);
        i += run;
        next = position + run;
    }
    memset(out + next * row_bytes, 0, (job->tokens - next) * row_bytes);
}

rkv_status rkv_bare_restore(const rkv_entries *stored, const rkv_bare_job *job, void *keys, void *values,
                            rkv_bare_room *room) {
    rkv_status status = rkv_entries_read(stored, room->keys, room->values);
    if (status) return status;
    scatter(room->keys, stored->positions, stored->n, job, keys);
    scatter(room->values, stored->positions, stored->n, job, values);
    return RKV_OK;
}
