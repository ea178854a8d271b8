/* bare.c: keys and values without a model through a pipeline and back: checked, timed, measured. */
#include "compressors/bare.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"

/* ---- what is refused ---- */

static bool same_shape(const rkv_kv_tensor *a, const rkv_kv_tensor *b) {
    return a->dtype == b->dtype && a->batch == b->batch && a->heads == b->heads && a->tokens == b->tokens &&
           a->dim == b->dim;
}

/* *bytes = those of the tensor. */
static rkv_status check_tensor(const char *name, const rkv_kv_tensor *tensor, size_t *bytes) {
    const rkv_dtype_info *info = rkv_dtype_get(tensor->dtype);
    if (!info) return rkv_fail(RKV_USAGE, "%s: there is no dtype %d", name, (int)tensor->dtype);
    if (!tensor->data) return rkv_fail(RKV_USAGE, "%s: there is no data", name);
    return rkv_kv_tensor_bytes(tensor, bytes) ? rkv_fail_within(RKV_USAGE, "%s", name) : RKV_OK;
}

static rkv_status check_pair(const char *name, const rkv_kv_tensor *tensor, const rkv_kv_tensor *keys) {
    if (!tensor || same_shape(tensor, keys)) return RKV_OK;
    return rkv_fail(RKV_USAGE, "%s [%zu, %zu, %zu, %zu] %s differ from keys [%zu, %zu, %zu, %zu] %s", name,
                    tensor->batch, tensor->heads, tensor->tokens, tensor->dim,
                    rkv_dtype_get(tensor->dtype) ? rkv_dtype_name(tensor->dtype) : "of no dtype", keys->batch,
                    keys->heads, keys->tokens, keys->dim, rkv_dtype_name(keys->dtype));
}

static rkv_status check_finite(const char *name, const rkv_kv_tensor *tensor) {
    const rkv_dtype_info *info = rkv_dtype_get(tensor->dtype);
    size_t per_head = tensor->tokens * tensor->dim, n_heads = tensor->batch * tensor->heads, bad = SIZE_MAX;
#pragma omp parallel for reduction(min : bad)
    for (size_t i = 0; i < n_heads; i++) {
        const char *head = (const char *)tensor->data + i * per_head * info->bytes;
        size_t at = rkv_dtype_first_not_finite(info, head, per_head);
        if (at < per_head && i * per_head + at < bad) bad = i * per_head + at;
    }
    if (bad == SIZE_MAX) return RKV_OK;
    size_t head = bad / per_head, at = bad % per_head;
    return rkv_fail(RKV_DATA, "%s[%zu, %zu, %zu, %zu] is not finite", name, head / tensor->heads,
                    head % tensor->heads, at / tensor->dim, at % tensor->dim);
}

/* ---- one call ---- */

/* The tensors of a call and all that is stored of them. */
typedef struct call {
    rkv_bare_job job;
    const rkv_kv_tensor *keys, *values;
    rkv_kv_tensor *restored_keys, *restored_values; /* may be NULL */
    rkv_entries *heads;                             /* [n_heads] */
    const rkv_progress *progress;
    double *sums; /* [n_heads, 4] squared error and squared norm of keys, then of values */
} call;

/* What one thread does with head i. `elements` is room for one head in the dtype, twice. */
typedef rkv_status (*head_fn)(call *c, size_t i, rkv_bare_room *room, char *elements);

static size_t head_bytes(const call *c) {
    return c->job.tokens * c->job.dim * c->job.dtype->bytes;
}

static char *head_of(const rkv_kv_tensor *tensor, const call *c, size_t i) {
    return (char *)tensor->data + i * head_bytes(c);
}

/* Every head, in threads. The calling thread reports; stage NULL: nobody does. */
static rkv_status for_all_heads(call *c, const char *stage, size_t n_heads, head_fn work) {
    rkv_first_failure failure = {0};
    size_t done = 0;
#pragma omp parallel
    {
        rkv_bare_room room = {0};
        char *elements = NULL;
        rkv_status status = rkv_bare_room_new(&room, &c->job);
        if (!status) status = rkv_alloc_raw(&elements, 2, head_bytes(c));
        rkv_first_failure_note(&failure, status);
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < n_heads; i++) {
            if (rkv_first_failure_seen(&failure)) continue;
            status = work(c, i, &room, elements);
            size_t count;
#pragma omp atomic capture
            count = done++;
            if (!status && stage && omp_get_thread_num() == 0)
                status = rkv_progress_report(c->progress, stage, count, n_heads);
            rkv_first_failure_note(&failure, status);
        }
        rkv_bare_room_clear(&room);
        free(elements);
    }
    return rkv_first_failure_raise(&failure);
}

static rkv_status compress_head(call *c, size_t i, rkv_bare_room *room, char *elements) {
    (void)elements;
    return rkv_bare_compress(&c->heads[i], &c->job, i, head_of(c->keys, c, i), head_of(c->values, c, i),
                             room);
}

static rkv_status restore_head(call *c, size_t i, rkv_bare_room *room, char *elements) {
    char *keys = c->restored_keys ? head_of(c->restored_keys, c, i) : elements;
    char *values = c->restored_values ? head_of(c->restored_values, c, i) : elements + head_bytes(c);
    return rkv_bare_restore(&c->heads[i], &c->job, keys, values, room);
}

/* Over the entries kept: sums[0] += ||restored - original||^2, sums[1] += ||original||^2. */
static void add_error(const call *c, size_t i, const void *original, const void *restored,
                      rkv_bare_room *room, double *sums) {
    const rkv_entries *head = &c->heads[i];
    size_t n = c->job.tokens * c->job.dim, dim = c->job.dim;
    c->job.dtype->to_floats(original, room->keys, n);
    c->job.dtype->to_floats(restored, room->values, n);
    for (size_t e = 0; e < head->n; e++)
        for (size_t k = (size_t)head->positions[e] * dim, end = k + dim; k < end; k++) {
            double was = room->keys[k], difference = room->values[k] - was;
            sums[0] += difference * difference;
            sums[1] += was * was;
        }
}

static rkv_status measure_head(call *c, size_t i, rkv_bare_room *room, char *elements) {
    char *keys = elements, *values = elements + head_bytes(c);
    rkv_status status = rkv_bare_restore(&c->heads[i], &c->job, keys, values, room);
    if (status) return status;
    add_error(c, i, head_of(c->keys, c, i), keys, room, &c->sums[i * 4]);
    add_error(c, i, head_of(c->values, c, i), values, room, &c->sums[i * 4 + 2]);
    return RKV_OK;
}

static void clear_heads(call *c) {
    for (size_t i = 0; i < c->job.n_heads; i++)
        rkv_entries_clear(&c->heads[i]);
}

/* What is stored of all heads is held at once: the first of them tells how much that will be. */
static rkv_status check_memory(call *c) {
    rkv_status status = for_all_heads(c, NULL, 1, compress_head);
    if (status) return status;
    size_t each = rkv_entries_kv_bytes(&c->heads[0]), need, available = rkv_memory_available();
    rkv_entries_clear(&c->heads[0]);
    if (rkv_multiply(each, c->job.n_heads, &need) && (!available || need <= available)) return RKV_OK;
    return rkv_fail(RKV_NO_MEMORY, "out of memory: %zu heads of %zu bytes, %zu bytes are free",
                    c->job.n_heads, each, available);
}

/* ---- the report ---- */

static double error_of(const call *c, size_t first) {
    double error = 0, norm = 0;
    for (size_t i = 0; i < c->job.n_heads; i++) { /* in order, whatever thread made them */
        error += c->sums[i * 4 + first];
        norm += c->sums[i * 4 + first + 1];
    }
    return error == 0 ? 0 : sqrt(error / norm);
}

static void keep_best(double *best, double start_s) {
    double seconds = rkv_now_s() - start_s;
    if (*best == 0 || seconds < *best) *best = seconds;
}

static rkv_status run_timed(call *c, size_t repeats, rkv_kv_report *report) {
    rkv_status status = RKV_OK;
    for (size_t r = 0; r < repeats && !status; r++) {
        clear_heads(c);
        double start = rkv_now_s();
        status = for_all_heads(c, "compress", c->job.n_heads, compress_head);
        keep_best(&report->compress_s, start);
        start = rkv_now_s();
        if (!status) status = for_all_heads(c, "restore", c->job.n_heads, restore_head);
        keep_best(&report->restore_s, start);
    }
    return status;
}

static rkv_status measure(call *c, rkv_kv_report *report) {
    rkv_status status = for_all_heads(c, "measure", c->job.n_heads, measure_head);
    if (status) return status;
    for (size_t i = 0; i < c->job.n_heads; i++) {
        report->compressed_bytes += rkv_entries_kv_bytes(&c->heads[i]);
        report->n_kept += c->heads[i].n;
    }
    report->key_error = error_of(c, 0);
    report->value_error = error_of(c, 2);
    report->compress_gb_s = (double)report->original_bytes / report->compress_s * 1e-9;
    report->restore_gb_s = (double)report->original_bytes / report->restore_s * 1e-9;
    return RKV_OK;
}

static rkv_status run(call *c, size_t repeats, rkv_kv_report *report) {
    rkv_status status = rkv_alloc(&c->heads, c->job.n_heads, sizeof *c->heads);
    if (!status) status = rkv_alloc(&c->sums, c->job.n_heads, 4 * sizeof *c->sums);
    if (!status) status = check_memory(c);
    if (!status) status = run_timed(c, repeats, report);
    if (!status) status = measure(c, report);
    if (c->heads) clear_heads(c);
    free(c->heads);
    free(c->sums);
    return status;
}

/* Tensors first: what a specification makes of them depends on their shape. */
static rkv_status check_tensors(const call *c, size_t *bytes) {
    rkv_status status = check_tensor("keys", c->keys, bytes);
    if (!status) status = check_pair("values", c->values, c->keys);
    if (!status) status = check_tensor("values", c->values, bytes);
    if (!status) status = check_pair("restored keys", c->restored_keys, c->keys);
    if (!status && c->restored_keys) status = check_tensor("restored keys", c->restored_keys, bytes);
    if (!status) status = check_pair("restored values", c->restored_values, c->keys);
    if (!status && c->restored_values) status = check_tensor("restored values", c->restored_values, bytes);
    return status;
}

static rkv_status make_job(rkv_bare_job *job, const rkv_kv_tensor *keys, const rkv_kv_options *options) {
    *job = (rkv_bare_job){.dtype = rkv_dtype_get(keys->dtype),
                          .n_heads = keys->batch * keys->heads,
                          .tokens = keys->tokens,
                          .dim = keys->dim,
                          .budget = options->budget,
                          .seed = options->seed};
    rkv_status status = rkv_pipeline_parse(&job->pipeline, options->method ? options->method : "full");
    if (!status) status = rkv_bare_job_check(job);
    return status ? status : rkv_cpu_open(&job->backend);
}

rkv_status rkv_kv_compress(const rkv_kv_tensor *keys, const rkv_kv_tensor *values,
                           const rkv_kv_options *options, rkv_kv_tensor *restored_keys,
                           rkv_kv_tensor *restored_values, rkv_kv_report *report) {
    static const rkv_kv_options defaults = {0};
    if (!options) options = &defaults;
    call c = {.keys = keys,
              .values = values,
              .restored_keys = restored_keys,
              .restored_values = restored_values,
              .progress = &options->progress};
    rkv_kv_report result = {0};
    size_t bytes;
    rkv_status status = check_tensors(&c, &bytes);
    if (!status) status = make_job(&c.job, keys, options);
    if (!status) status = check_finite("keys", keys);
    if (!status) status = check_finite("values", values);
    result.original_bytes = status ? 0 : 2 * bytes;
    if (!status) status = run(&c, options->repeats ? options->repeats : 1, &result);
    if (!status) *report = result;
    rkv_backend_close(c.job.backend);
    return status;
}
