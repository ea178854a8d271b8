/* bare_head.c: one head of bare keys and values on its way through a pipeline and back. */
#include <stdlib.h>
#include <string.h>

#include "compressors/bare.h"
#include "compressors/select.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/simd.h"

/* ---- what can work on bare tensors ---- */

static size_t budget_of(const rkv_bare_job *job, const rkv_stage *stage) {
    if (stage->budget) return stage->budget;
    if (stage->ratio > 0) return (size_t)(stage->ratio * (double)job->tokens);
    return job->budget ? job->budget : SIZE_MAX;
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
    if (!status) status = rkv_alloc_raw(&room->coefficients, size, sizeof *room->coefficients);
    if (!status) status = rkv_alloc_raw(&room->score, n, sizeof *room->score);
    if (!status) status = rkv_alloc_raw(&room->kept, n, sizeof *room->kept);
    if (!status) status = rkv_alloc_raw(&room->positions, n, sizeof *room->positions);
    if (!status) status = rkv_alloc(&room->state, room->state_size, sizeof *room->state);
    return status;
}

void rkv_bare_room_clear(rkv_bare_room *room) {
    free(room->keys);
    free(room->values);
    free(room->coefficients);
    free(room->score);
    free(room->kept);
    free(room->positions);
    free(room->state);
    *room = (rkv_bare_room){0};
}

/* ---- projections ---- */

/* coefficients [n, rank] = rows [n, dim] basis^T [dim, rank]. */
RKV_CLONES
static void project(const float *rows, size_t n, size_t dim, const float *basis, size_t rank,
                    float *coefficients) {
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rank; r++) {
            float sum = 0;
            for (size_t d = 0; d < dim; d++)
                sum += rows[i * dim + d] * basis[r * dim + d];
            coefficients[i * rank + r] = sum;
        }
}

/* rows [n, dim] = coefficients [n, rank] basis [rank, dim]. */
RKV_CLONES
static void expand(const float *coefficients, size_t n, size_t rank, const float *basis, size_t dim,
                   float *rows) {
    memset(rows, 0, n * dim * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rank; r++)
            for (size_t d = 0; d < dim; d++)
                rows[i * dim + d] += coefficients[i * rank + r] * basis[r * dim + d];
}

/* ---- representations ---- */

static rkv_status encode(rkv_bare_rows *stored, const rkv_row_format *format, const float *rows, size_t n,
                         size_t dim, rkv_bare_room *room) {
    size_t width = stored->basis ? stored->rank : dim;
    rkv_status status = rkv_rows_new(&stored->rows, format, width);
    if (status) return status;
    if (stored->basis) {
        project(rows, n, dim, stored->basis, stored->rank, room->coefficients);
        rows = room->coefficients;
    }
    return rkv_rows_append(stored->rows, rows, n, width);
}

/* values [n, dim] = what is stored, or would be: the projection of what is there. */
static void decode(const rkv_bare_rows *stored, size_t n, size_t dim, float *values, rkv_bare_room *room) {
    if (stored->rows && !stored->basis) {
        rkv_rows_read(stored->rows, 0, n, values);
    } else if (stored->basis) {
        if (stored->rows)
            rkv_rows_read(stored->rows, 0, n, room->coefficients);
        else
            project(values, n, dim, stored->basis, stored->rank, room->coefficients);
        expand(room->coefficients, n, stored->rank, stored->basis, dim, values);
    }
}

static rkv_status encode_both(rkv_bare_head *out, const rkv_bare_job *job, const rkv_row_format *keys,
                              const rkv_row_format *values, rkv_bare_room *room) {
    rkv_status status = encode(&out->keys, keys, room->keys, room->n, job->dim, room);
    if (!status) status = encode(&out->values, values, room->values, room->n, job->dim, room);
    return status;
}

static rkv_status represent(rkv_bare_head *out, const rkv_bare_job *job, const rkv_stage *stage,
                            rkv_bare_room *room) {
    const struct rkv_method_ops *ops = stage->method->ops;
    rkv_status status = RKV_OK;
    if (ops->fit) {
        status =
            ops->fit(&stage->values, true, room->keys, room->n, job->dim, &out->keys.basis, &out->keys.rank);
        if (!status)
            status = ops->fit(&stage->values, false, room->values, room->n, job->dim, &out->values.basis,
                              &out->values.rank);
    }
    if (!status && ops->format) {
        rkv_row_format keys, values;
        ops->format(&stage->values, &keys, &values);
        status = encode_both(out, job, &keys, &values, room);
    }
    return status;
}

/* ---- selections ---- */

static void keep(float *rows, size_t width, const uint32_t *kept, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (kept[i] != i) memcpy(rows + i * width, rows + kept[i] * width, width * sizeof *rows);
}

static void keep_all(rkv_bare_head *out, const rkv_bare_job *job, size_t n, rkv_bare_room *room) {
    keep(room->keys, job->dim, room->kept, n);
    keep(room->values, job->dim, room->kept, n);
    for (size_t i = 0; i < n; i++)
        room->positions[i] = room->positions[room->kept[i]];
    if (out->keys.rows) rkv_rows_keep(out->keys.rows, room->kept, n);
    if (out->values.rows) rkv_rows_keep(out->values.rows, room->kept, n);
    room->n = n;
}

static rkv_status select_entries(rkv_bare_head *out, const rkv_bare_job *job, size_t index,
                                 const rkv_stage *stage, rkv_bare_room *room) {
    const struct rkv_method_ops *ops = stage->method->ops;
    if (ops->keeps_all || (ops->skips && ops->skips(&stage->values, SIZE_MAX, job->tokens))) return RKV_OK;
    decode(&out->keys, room->n, job->dim, room->keys, room);
    decode(&out->values, room->n, job->dim, room->values, room);
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
    if (!status) keep_all(out, job, n, room);
    return status;
}

/* ---- there and back ---- */

static rkv_status run_pipeline(rkv_bare_head *out, const rkv_bare_job *job, size_t index,
                               rkv_bare_room *room) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < job->pipeline.n_stages && !status; i++) {
        const rkv_stage *stage = &job->pipeline.stages[i];
        status = stage->method->kind == RKV_SELECTION ? select_entries(out, job, index, stage, room)
                                                      : represent(out, job, stage, room);
    }
    if (status || out->keys.rows) return status;
    const rkv_row_format as_it_came = {.form = job->dtype->form};
    return encode_both(out, job, &as_it_came, &as_it_came, room);
}

rkv_status rkv_bare_compress(rkv_bare_head *out, const rkv_bare_job *job, size_t index, const void *keys,
                             const void *values, rkv_bare_room *room) {
    *out = (rkv_bare_head){0};
    room->n = job->tokens;
    job->dtype->to_floats(keys, room->keys, job->tokens * job->dim);
    job->dtype->to_floats(values, room->values, job->tokens * job->dim);
    for (size_t i = 0; i < job->tokens; i++)
        room->positions[i] = (int32_t)i;
    rkv_status status = run_pipeline(out, job, index, room);
    if (!status) status = rkv_alloc_raw(&out->positions, room->n, sizeof *out->positions);
    if (status) {
        rkv_bare_head_clear(out);
        return status;
    }
    memcpy(out->positions, room->positions, room->n * sizeof *out->positions);
    out->n = room->n;
    return RKV_OK;
}

void rkv_bare_head_clear(rkv_bare_head *head) {
    rkv_rows_free(head->keys.rows);
    rkv_rows_free(head->values.rows);
    free(head->keys.basis);
    free(head->values.basis);
    free(head->positions);
    *head = (rkv_bare_head){0};
}

void rkv_bare_restore(const rkv_bare_head *head, const rkv_bare_rows *stored, const rkv_bare_job *job,
                      void *elements, rkv_bare_room *room) {
    size_t row_bytes = job->dim * job->dtype->bytes, next = 0;
    char *rows = elements;
    decode(stored, head->n, job->dim, room->keys, room);
    for (size_t i = 0; i < head->n;) { /* runs of successive positions at once, zeros before each */
        size_t position = (size_t)head->positions[i], run = 1;
        while (i + run < head->n && (size_t)head->positions[i + run] == position + run)
            run++;
        memset(rows + next * row_bytes, 0, (position - next) * row_bytes);
        job->dtype->from_floats(room->keys + i * job->dim, rows + position * row_bytes, run * job->dim);
        i += run;
        next = position + run;
    }
    memset(rows + next * row_bytes, 0, (job->tokens - next) * row_bytes);
}

static size_t stored_bytes(const rkv_bare_rows *stored, size_t dim) {
    size_t basis = stored->basis ? stored->rank * dim * sizeof *stored->basis : 0;
    return rkv_rows_allocated_bytes(stored->rows) + basis;
}

size_t rkv_bare_bytes(const rkv_bare_head *head, const rkv_bare_job *job) {
    return stored_bytes(&head->keys, job->dim) + stored_bytes(&head->values, job->dim);
}
