/* cpu_expected_logits.c: what queries that are normal are expected to look at, before the softmax.
 *
 * Compiled without fused multiply-adds, as cpu_scores.c is. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/cpu_gemm.h"
#include "core/memory.h"
#include "core/simd.h"

/* Entries whose rows are multiplied together. */
#define BLOCK ((size_t)64)

/* One thread's memory; `whole` is D rounded up to whole panels. */
typedef struct room {
    float *panels; /* [whole, D] squares in panels */
    float *rows;   /* [BLOCK, whole] mean + squares k */
} room;

static size_t room_size(const rkv_expected_logits *task, size_t whole) {
    return whole * (task->head_dim + BLOCK);
}

/* out [m]: the dot products of rows a [m, lda] and b [m, D]. */
RKV_CLONES static void row_dots(const float *a, size_t lda, const float *b, size_t m, size_t d, float *out) {
    for (size_t i = 0; i < m; i++) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < d; j++)
            sum += a[i * lda + j] * b[i * d + j];
        out[i] = sum;
    }
}

static void logits_of_head(const rkv_expected_logits *task, size_t h, const rkv_tile *tile, const room *own) {
    const rkv_head_rows *keys = &task->keys[h * task->n_kv_heads / task->n_heads];
    size_t d = task->head_dim, whole = rkv_whole_panels(tile, d);
    rkv_panels squares = {own->panels, d * tile->panel, tile->panel};
    if (task->squares) rkv_pack_transposed(tile, task->squares + h * d * d, d, d, own->panels, 0);
    for (size_t i = 0, m; i < keys->n; i += m) {
        m = keys->n - i < BLOCK ? keys->n - i : BLOCK;
        for (size_t r = 0; r < m; r++)
            memcpy(own->rows + r * whole, task->mean + h * d, d * sizeof *own->rows);
        if (task->squares) rkv_gemm(tile, keys->rows + i * d, d, m, squares, d, d, own->rows, whole, true);
        row_dots(own->rows, whole, keys->rows + i * d, m, d, task->logits[h] + i);
    }
}

rkv_status rkv_cpu_expected_logits(rkv_backend *backend, const rkv_expected_logits *task) {
    (void)backend;
    const rkv_tile *tile = rkv_tile_best();
    size_t whole = rkv_whole_panels(tile, task->head_dim), threads = (size_t)omp_get_max_threads();
    float *memory = NULL;
    rkv_status status = rkv_alloc(&memory, threads * room_size(task, whole), sizeof *memory);
    if (status) return status;
#pragma omp parallel
    {
        float *mine = memory + (size_t)omp_get_thread_num() * room_size(task, whole);
        const room own = {mine, mine + whole * task->head_dim};
#pragma omp for schedule(dynamic)
        for (size_t h = 0; h < task->n_heads; h++)
            logits_of_head(task, h, tile, &own);
    }
    free(memory);
    return RKV_OK;
}
