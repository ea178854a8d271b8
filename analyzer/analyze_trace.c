/* analyze_trace.c: the analysis of attention that a trace holds, by whatever tool it was written. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rankkv/trace.h>

#include "analyzer/layer_ranks.h"
#include "backend/devices.h"
#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"

/* How far from 1 a row may sum. Whatever type it is stored in, attention is often computed in bfloat16, whose
 * 8 significant bits round each weight by up to 2^-9 of itself, before and after the division by the sum. */
#define ROW_SUM_TOLERANCE 0x1p-7

/* Rows of one head a [T, T]: nothing above the diagonal, sums of 1. */
static rkv_status check_head(const rkv_trace *trace, size_t layer, size_t head, const float *a) {
    size_t n = rkv_trace_n_tokens(trace);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j <= i; j++)
            sum += (double)a[i * n + j];
        for (size_t j = i + 1; j < n; j++)
            if (a[i * n + j] != 0)
                return rkv_fail(RKV_DATA,
                                "attention[%zu][%zu][%zu][%zu] is %g: above the diagonal all must be 0",
                                layer, head, i, j, (double)a[i * n + j]);
        if (!(fabs(sum - 1) <= ROW_SUM_TOLERANCE))
            return rkv_fail(RKV_DATA, "attention[%zu][%zu][%zu] sums to %g, not 1", layer, head, i, sum);
    }
    return RKV_OK;
}

static rkv_status read_layer(const rkv_trace *trace, size_t layer, float *attention) {
    size_t n = rkv_trace_n_tokens(trace), heads = rkv_trace_model(trace)->n_heads;
    rkv_status status = RKV_OK;
    for (size_t h = 0; !status && h < heads; h++) {
        status = rkv_trace_read_head(trace, layer, h, attention + h * n * n);
        if (!status) status = check_head(trace, layer, h, attention + h * n * n);
    }
    return status;
}

static rkv_status keep_tokens(rkv_analysis *a, const rkv_trace *trace) {
    const int32_t *ids = rkv_trace_tokens(trace);
    char *const *text = rkv_trace_token_text(trace);
    rkv_status status = ids ? rkv_alloc_raw(&a->token_ids, a->n_tokens, sizeof *ids) : RKV_OK;
    if (!status && ids) memcpy(a->token_ids, ids, a->n_tokens * sizeof *ids);
    if (!status && text) status = rkv_alloc(&a->token_text, a->n_tokens, sizeof *a->token_text);
    for (size_t t = 0; !status && text && t < a->n_tokens; t++)
        status = rkv_copy_string(&a->token_text[t], text[t]);
    return status;
}

/* A layer at a time, in the caller's memory. */
typedef struct layer_memory {
    float *host, *device; /* [H, T, T]; the same where the device's memory is ordinary */
    double *sigma;        /* [H, T] */
} layer_memory;

static rkv_status rank_all(rkv_analysis *a, rkv_backend *backend, const rkv_trace *trace,
                           const rkv_analyze_options *options, const layer_memory *memory) {
    const rkv_model_info *m = rkv_trace_model(trace);
    size_t n = a->n_tokens, size = m->n_heads * n * n;
    rkv_status status = RKV_OK;
    for (size_t l = 0; !status && l < m->n_layers; l++) {
        rkv_layer layer = {.index = l,
                           .n_layers = m->n_layers,
                           .n_heads = m->n_heads,
                           .n_kv_heads = m->n_kv_heads,
                           .n_tokens = n,
                           .attention = memory->device};
        double start = rkv_now_s();
        status = read_layer(trace, l, memory->host);
        if (!status && memory->device != memory->host)
            status = backend->ops->upload(backend, memory->device, memory->host, size);
        a->load_s += rkv_now_s() - start;
        start = rkv_now_s();
        if (!status) status = rkv_analysis_rank_layers(a, backend, &layer, 1, memory->sigma);
        a->rank_s += rkv_now_s() - start;
        layer.attention = memory->host;
        layer.sigma = memory->sigma;
        layer.erank = a->metric[RKV_ERANK] + l * m->n_heads;
        if (!status && options->on_layer) status = options->on_layer(options->user, &layer);
        if (!status) status = rkv_progress_report(&options->progress, "analyze", l + 1, m->n_layers);
    }
    return status;
}

static rkv_status run(rkv_analysis *a, rkv_backend *backend, const rkv_trace *trace,
                      const rkv_analyze_options *options) {
    size_t rows, size;
    layer_memory memory = {0};
    if (!rkv_multiply(a->model.n_heads, a->n_tokens, &rows) || !rkv_multiply(rows, a->n_tokens, &size))
        return rkv_fail(RKV_NO_MEMORY, "out of memory: attention of %zu heads and %zu tokens",
                        a->model.n_heads, a->n_tokens);
    rkv_status status = rkv_alloc_raw(&memory.host, size, sizeof *memory.host);
    if (!status) status = rkv_alloc_raw(&memory.sigma, rows, sizeof *memory.sigma);
    if (!status && backend->host_memory)
        memory.device = memory.host;
    else if (!status)
        status = backend->ops->alloc(backend, &memory.device, size);
    if (!status) status = rank_all(a, backend, trace, options, &memory);
    if (memory.device != memory.host) backend->ops->release(backend, memory.device);
    free(memory.host);
    free(memory.sigma);
    return status;
}

rkv_status rkv_analyze_trace(rkv_analysis **out, const rkv_trace *trace, const rkv_analyze_options *options) {
    static const rkv_analyze_options defaults = {0};
    if (!options) options = &defaults;
    double start = rkv_now_s();
    rkv_backend *backend = NULL;
    rkv_analysis *a = NULL;
    *out = NULL;
    rkv_status status = rkv_backend_open(&backend, options->device);
    if (!status) rkv_devices_dismiss(backend); /* reading takes longer than ranking */
    if (!status)
        status = rkv_analysis_new(&a, rkv_trace_model(trace), rkv_trace_n_tokens(trace), false, options);
    if (!status) status = keep_tokens(a, trace);
    if (!status) memcpy(a->device, backend->device, sizeof a->device);
    if (!status) status = run(a, backend, trace, options);
    rkv_backend_close(backend);
    if (status) {
        rkv_analysis_free(a);
        return status;
    }
    a->total_s = rkv_now_s() - start;
    *out = a;
    return RKV_OK;
}
