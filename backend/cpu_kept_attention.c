/* cpu_kept_attention.c: how much of the attention of a KV head's queries goes to some of its keys. */
#include <stdlib.h>

#include "backend/cpu.h"
#include "core/fail.h"
#include "core/memory.h"

/* Queries whose attention is computed at a time. */
#define QUERY_BLOCK ((size_t)64)

/* Keys at or before a position. */
static size_t count_visible(const rkv_kept_attention *task, int32_t position) {
    size_t low = 0, high = task->keys.n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (task->position[middle] <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of the queries [first, first + m) of a query head; p [m, n] is room. No query of the block sees more keys
 * than the last. */
static rkv_status sum_block(rkv_backend *backend, const rkv_kept_attention *task, size_t head, size_t first,
                            size_t m, float *p, double *sum) {
    const int32_t *query_position = task->query_position + first;
    const float *q = task->q + (head * task->m + first) * task->head_dim;
    size_t n = count_visible(task, query_position[m - 1]);
    if (n == 0) return RKV_OK;
    rkv_status status = rkv_cpu_attention_rows(backend, q, query_position, m, task->keys.rows, task->position,
                                               n, task->head_dim, p);
    for (size_t i = 0; i < m && !status; i++) {
        size_t visible = count_visible(task, query_position[i]);
        for (size_t j = 0; j < visible; j++)
            if (task->kept[j] || j + task->window >= visible) *sum += (double)p[i * n + j];
    }
    return status;
}

/* The blocks' sums are added in their order, whatever thread made them. */
rkv_status rkv_cpu_kept_attention(rkv_backend *backend, const rkv_kept_attention *task, double *sum) {
    size_t m = task->m, per_head = (m + QUERY_BLOCK - 1) / QUERY_BLOCK, n_blocks = task->each * per_head;
    double *sums = NULL;
    rkv_first_failure failure = {0};
    rkv_status status = rkv_alloc(&sums, n_blocks, sizeof *sums);
    *sum = 0;
    if (status) return status;
#pragma omp parallel
    {
        float *p = NULL;
        rkv_first_failure_note(&failure, rkv_alloc_raw(&p, QUERY_BLOCK * task->keys.n, sizeof *p));
#pragma omp for schedule(dynamic)
        for (size_t b = 0; b < n_blocks; b++) {
            size_t first = b % per_head * QUERY_BLOCK,
                   count = m - first < QUERY_BLOCK ? m - first : QUERY_BLOCK;
            if (!rkv_first_failure_seen(&failure))
                rkv_first_failure_note(&failure,
                                       sum_block(backend, task, b / per_head, first, count, p, &sums[b]));
        }
        free(p);
    }
    for (size_t b = 0; b < n_blocks; b++)
        *sum += sums[b];
    free(sums);
    return rkv_first_failure_raise(&failure);
}
