/* cpu.c: the CPU backend: its table of operations, and its memory. */
#include "backend/cpu.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu_gemm.h"
#include "core/fail.h"
#include "core/memory.h"

static rkv_status alloc(rkv_backend *backend, float **out, size_t n) {
    (void)backend;
    return rkv_alloc_raw(out, n, sizeof **out);
}

static void release(rkv_backend *backend, float *memory) {
    (void)backend;
    free(memory);
}

static rkv_status copy(rkv_backend *backend, float *to, const float *from, size_t n) {
    (void)backend;
    memcpy(to, from, n * sizeof *to);
    return RKV_OK;
}

static size_t memory_available(rkv_backend *backend) {
    (void)backend;
    return rkv_memory_available();
}

static void memory_use(rkv_backend *backend, rkv_memory_use *out) {
    (void)backend;
    *out = (rkv_memory_use){0};
}

static rkv_status wait_for_nothing(rkv_backend *backend) {
    (void)backend;
    return RKV_OK;
}

static rkv_status set_precision(rkv_backend *backend, rkv_precision precision) {
    if (precision == RKV_PRECISION_FLOAT32) return RKV_OK;
    return rkv_fail(RKV_UNAVAILABLE, "precision %s: %s computes in float32 alone",
                    rkv_precision_name(precision), backend->device);
}

static void close_cpu(rkv_backend *backend) {
    free(backend);
}

static const rkv_backend_ops cpu_ops = {
    .name = "cpu",
    .close = close_cpu,
    .memory_available = memory_available,
    .memory_use = memory_use,
    .wait = wait_for_nothing,
    .set_precision = set_precision,
    .alloc = alloc,
    .release = release,
    .upload = copy,
    .download = copy,
    .rms_norm = rkv_cpu_rms_norm,
    .matrix_new = rkv_cpu_matrix_new,
    .matrix_put = rkv_cpu_matrix_put,
    .matrix_free = rkv_cpu_matrix_free,
    .matmul = rkv_cpu_matmul,
    .matvec = rkv_cpu_matvec,
    .split_rotate = rkv_cpu_split_rotate,
    .attention = rkv_cpu_attention,
    .rows_new = rkv_cpu_rows_new,
    .project = rkv_cpu_project,
    .expand = rkv_cpu_expand,
    .attend_cached = rkv_cpu_attend_cached,
    .row_norms = rkv_cpu_row_norms,
    .mean_cosines = rkv_cpu_mean_cosines,
    .attention_means = rkv_cpu_attention_means,
    .expected_logits = rkv_cpu_expected_logits,
    .query_moments = rkv_cpu_query_moments,
    .gram = rkv_cpu_gram,
    .gather = rkv_cpu_gather,
    .turn = rkv_cpu_turn,
    .kept_attention = rkv_cpu_kept_attention,
    .swiglu = rkv_cpu_swiglu,
    .fold_logits = rkv_cpu_fold_logits,
    .singular_values = rkv_cpu_singular_values,
    .row_metrics = rkv_cpu_row_metrics,
    .head_mean = rkv_cpu_head_mean,
};

rkv_status rkv_cpu_open(rkv_backend **out) {
    rkv_status status = rkv_alloc(out, 1, sizeof **out);
    if (status) return status;
    (*out)->ops = &cpu_ops;
    (*out)->host_memory = true;
    snprintf((*out)->device, sizeof(*out)->device, "cpu");
    snprintf((*out)->description, sizeof(*out)->description, "cpu: %d threads, %s, %s", omp_get_max_threads(),
             rkv_tile_best()->name, rkv_cpu_blas_name());
    return RKV_OK;
}
