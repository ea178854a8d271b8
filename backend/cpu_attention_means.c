/* cpu_attention_means.c: what some queries look at, on average: the mean of their attention, head by head. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/simd.h"

/* mean [n] over the m rows of p [m, n]; of no rows: zeros. */
RKV_CLONES static void mean_of_rows(const float *p, size_t m, size_t n, float *mean) {
    memset(mean, 0, n * sizeof *mean);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            mean[j] += p[i * n + j];
    for (size_t j = 0; m > 0 && j < n; j++)
        mean[j] /= (float)m;
}

/* p [m, n] is room. */
static rkv_status mean_of_head(rkv_backend *backend, const rkv_attention_means *task, size_t h, float *p) {
    size_t g = h * task->n_kv_heads / task->n_heads, n = task->keys[g].n, d = task->head_dim;
    rkv_status status = rkv_cpu_attention_rows(backend, task->q + h * task->m * d, task->query_position,
                                               task->m, task->keys[g].rows, task->positions[g], n, d, p);
    if (!status) mean_of_rows(p, task->m, n, task->means[h]);
    return status;
}

rkv_status rkv_cpu_attention_means(rkv_backend *backend, const rkv_attention_means *task) {
    size_t longest = 0, threads = (size_t)omp_get_max_threads();
    float *p = NULL;
    rkv_first_failure failure = {0};
    for (size_t g = 0; g < task->n_kv_heads; g++)
        longest = task->keys[g].n > longest ? task->keys[g].n : longest;
    rkv_status status = rkv_alloc_raw(&p, threads * task->m, longest * sizeof *p);
    if (status) return status;
#pragma omp parallel for schedule(dynamic)
    for (size_t h = 0; h < task->n_heads; h++) {
        float *own = p + (size_t)omp_get_thread_num() * task->m * longest;
        if (!rkv_first_failure_seen(&failure))
            rkv_first_failure_note(&failure, mean_of_head(backend, task, h, own));
    }
    free(p);
    return rkv_first_failure_raise(&failure);
}
