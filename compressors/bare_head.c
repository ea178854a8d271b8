/* bare_head.c: one head of bare keys and values on its way through a pipeline and back. */
#include <stdlib.h>
#include <string.h>

#include "compressors/bare.h"
#include "compressors/executor.h"
#include "compressors/select.h"
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

/* The largest state that a method of the pipeline keeps. */
static size_t state_size(const rkv_bare_job *job) {
    const rkv_attention_shape shape = {job->tokens, 1, 1, job->dim};
    size_t most = 0;
    for (size_t i = 0; i < job->pipeline.n_stages; i++) {
        const rkv_stage *stage = &job->pipeline.stages[i];
        size_t size =
            stage->method->ops->state_size ? stage->method->ops->state_size(&stage->values, &shape) : 0;
        if (size > most) most = size;
    }
    return most;
}

rkv_status rkv_bare_room_new(rkv_bare_room *room, const rkv_bare_job *job) {
    size_t n = job->tokens, size = n * job->dim;
    *room = (rkv_bare_room){.state_size = state_size(job)};
    rkv_status status = rkv_alloc_raw(&room->keys, size, sizeof *room->keys);
    if (!status) status = rkv_alloc_raw(&room->values, size, sizeof *room->values);
    if (!status) status = rkv_alloc_raw(&room->score, n, sizeof *room->score);
    if (!status) status = rkv_alloc_raw(&room->kept, n, sizeof *room->kept);
    if (!status) status = rkv_alloc_raw(&room->positions, n, sizeof *room->positions);
    if (!status) status = rkv_alloc(&room->state, room->state_size, sizeof *room->state);
    return status;
}

void rkv_bare_room_clear(rkv_bare_room *room) {
    free(room->keys);
    free(room->values);
    free(room->score);
    free(room->kept);
    free(room->positions);
    free(room->state);
    *room = (rkv_bare_room){0};
}

/* ---- representations ---- */

/* The stages from *i on that say how entries are stored, as one form; *i is then the next stage. */
static rkv_status represent(rkv_entries *out, const rkv_bare_job *job, size_t *i, rkv_bare_room *room) {
    size_t first = *i;
    rkv_entries_format format;
    rkv_status status =
        rkv_pipeline_format(&job->pipeline, first, room->keys, room->values, room->n, job->dim, &format, i);
    bool has_form = false;
    for (size_t k = first; k < *i; k++)
        has_form = has_form || job->pipeline.stages[k].method->ops->format;
    if (!has_form) format.keys = format.values = (rkv_row_format){.form = job->dtype->form};
    rkv_entries_clear(out);
    if (!status) status = rkv_entries_init(out, &format, job->dim, 1, false);
    if (!status) status = rkv_entries_append(out, room->keys, room->values, room->positions, NULL, room->n);
    rkv_entries_format_clear(&format);
    return status;
}

/* What comes after a representation sees what it made of the entries. */
static rkv_status refresh(const rkv_entries *stored, rkv_bare_room *room) {
    return stored->keys.rows ? rkv_entries_read(stored, room->keys, room->values) : RKV_OK;
}

/* ---- selections ---- */

static void keep_rows(float *rows, size_t width, const uint32_t *kept, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (kept[i] != i) memcpy(rows + i * width, rows + kept[i] * width, width * sizeof *rows);
}

static void keep(rkv_entries *out, const rkv_bare_job *job, size_t n, rkv_bare_room *room) {
    keep_rows(room->keys, job->dim, room->kept, n);
    keep_rows(room->values, job->dim, room->kept, n);
    for (size_t i = 0; i < n; i++)
        room->positions[i] = room->positions[room->kept[i]];
    if (out->keys.rows) rkv_entries_keep(out, room->kept, n);
    room->n = n;
}

/* No layer is left out; a text that is too short for the method is. */
static bool leaves_alone(const rkv_bare_job *job, const rkv_stage *stage) {
    const struct rkv_method_ops *ops = stage->method->ops;
    return ops->keeps_all || (ops->skips && ops->skips(&stage->values, SIZE_MAX, job->tokens));
}

static rkv_status select_entries(rkv_entries *out, const rkv_bare_job *job, size_t index,
                                 const rkv_stage *stage, rkv_bare_room *room) {
    const struct rkv_method_ops *ops = stage->method->ops;
    size_t budget = budget_of(job, stage), n = 0;
    const rkv_head_view head = {
        .n = room->n, .keys = room->keys, .values = room->values, .positions = room->positions};
    const rkv_layer_view view = {.index = index,
                                 .n_layers = job->n_heads,
                                 .n_heads = 1,
                                 .n_kv_heads = 1,
                                 .head_dim = job->dim,
                                 .n_seen = job->tokens,
                                 .heads = &head,
                                 .budgets = &(size_t){budget},
                                 .seed = job->seed,
                                 .state = room->state};
    float *const score = room->score;
    memset(room->state, 0, room->state_size * sizeof *room->state);
    rkv_status status = ops->score(&stage->values, &view, &score);
    if (!status && ops->share) status = ops->share(&stage->values, &view, &score, &budget);
    if (!status) status = rkv_select_best(room->score, room->n, budget, room->kept, &n);
    if (!status) keep(out, job, n, room);
    return status;
}

/* ---- there and back ---- */

static rkv_status run_pipeline(rkv_entries *out, const rkv_bare_job *job, size_t index, rkv_bare_room *room) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < job->pipeline.n_stages && !status;) {
        const rkv_stage *stage = &job->pipeline.stages[i];
        bool selects = stage->method->kind == RKV_SELECTION;
        if (selects && leaves_alone(job, stage)) {
            i++;
            continue;
        }
        status = refresh(out, room);
        if (!status)
            status = selects ? select_entries(out, job, index, stage, room) : represent(out, job, &i, room);
        i += selects;
    }
    size_t none = job->pipeline.n_stages;
    return status || out->keys.rows ? status : represent(out, job, &none, room);
}

rkv_status rkv_bare_compress(rkv_entries *out, const rkv_bare_job *job, size_t index, const void *keys,
                             const void *values, rkv_bare_room *room) {
    *out = (rkv_entries){0};
    room->n = job->tokens;
    job->dtype->to_floats(keys, room->keys, job->tokens * job->dim);
    job->dtype->to_floats(values, room->values, job->tokens * job->dim);
    for (size_t i = 0; i < job->tokens; i++)
        room->positions[i] = (int32_t)i;
    return run_pipeline(out, job, index, room);
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
