/* stand_in.c: the operations that selections score entries with, by the plain loops. */
#include "support/stand_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/memory.h"
#include "support/plain_ops.h"

static double *zeros(size_t n) {
    double *memory = calloc(n ? n : 1, sizeof *memory);
    assert_non_null(memory);
    return memory;
}

/* to [n] = from, which is freed. */
static void give(double *from, size_t n, float *to) {
    for (size_t i = 0; i < n; i++)
        to[i] = (float)from[i];
    free(from);
}

/* ---- queries ---- */

static rkv_status kept_attention(rkv_backend *backend, const rkv_kept_attention *task, double *sum) {
    (void)backend;
    *sum = plain_kept_attention(task);
    return RKV_OK;
}

static rkv_status attention_means(rkv_backend *backend, const rkv_attention_means *task) {
    (void)backend;
    for (size_t h = 0; h < task->n_heads; h++) {
        size_t g = h * task->n_kv_heads / task->n_heads, n = task->keys[g].n, d = task->head_dim;
        double *mean = zeros(n);
        plain_attention_mean(task->q + h * task->m * d, task->query_position, task->m, task->keys[g].rows,
                             task->positions[g], n, d, mean);
        give(mean, n, task->means[h]);
    }
    return RKV_OK;
}

static rkv_status expected_logits(rkv_backend *backend, const rkv_expected_logits *task) {
    (void)backend;
    size_t d = task->head_dim;
    for (size_t h = 0; h < task->n_heads; h++) {
        const rkv_head_rows *keys = &task->keys[h * task->n_kv_heads / task->n_heads];
        double *logit = zeros(keys->n), *size = zeros(keys->n);
        plain_expected_logits(task->mean + h * d, task->squares ? task->squares + h * d * d : NULL,
                              keys->rows, keys->n, d, logit, size);
        give(logit, keys->n, task->logits[h]);
        free(size);
    }
    return RKV_OK;
}

static rkv_status query_moments(rkv_backend *backend, const rkv_query_moments *task) {
    (void)backend;
    size_t d = task->head_dim;
    for (size_t h = 0; h < task->n_heads; h++) {
        double *mean = zeros(d), *squares = zeros(d * d);
        plain_query_moments(task, h, mean, squares);
        give(mean, d, task->mean + h * d);
        if (task->squares)
            give(squares, d * d, task->squares + h * d * d);
        else
            free(squares);
    }
    return RKV_OK;
}

static rkv_status turn(rkv_backend *backend, const rkv_turning *task) {
    (void)backend;
    for (const rkv_turned_rows *list = task->lists; list < task->lists + task->n_lists; list++) {
        size_t n = list->each * list->n * task->head_dim;
        double *turned = zeros(n);
        plain_turn_rows(task, list, turned);
        give(turned, n, list->to);
    }
    return RKV_OK;
}

/* ---- rows alone ---- */

static rkv_status row_norms(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                            double *const *norms) {
    (void)backend;
    for (size_t g = 0; g < n_heads; g++)
        for (size_t i = 0; i < heads[g].n; i++)
            norms[g][i] = plain_row_norm(heads[g].rows + i * width, width);
    return RKV_OK;
}

static rkv_status mean_cosines(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                               float *const *cosines) {
    (void)backend;
    for (size_t g = 0; g < n_heads; g++) {
        double *exact = zeros(heads[g].n);
        plain_mean_cosines(heads[g].rows, heads[g].n, width, exact);
        give(exact, heads[g].n, cosines[g]);
    }
    return RKV_OK;
}

static rkv_status gram(rkv_backend *backend, const rkv_head_rows *lists, size_t n_lists, size_t width,
                       double *const *out) {
    double *size = zeros(width * width);
    (void)backend;
    for (size_t i = 0; i < n_lists; i++)
        plain_gram(lists[i].rows, lists[i].n, width, out[i], size);
    free(size);
    return RKV_OK;
}

/* ---- the backend ---- */

static rkv_status alloc(rkv_backend *backend, float **out, size_t n) {
    (void)backend;
    return rkv_alloc_raw(out, n, sizeof **out);
}

static void release(rkv_backend *backend, float *memory) {
    (void)backend;
    free(memory);
}

static void close_nothing(rkv_backend *backend) {
    (void)backend;
}

rkv_backend stand_in_backend(void) {
    static const rkv_backend_ops ops = {.name = "stand-in",
                                        .close = close_nothing,
                                        .alloc = alloc,
                                        .release = release,
                                        .row_norms = row_norms,
                                        .mean_cosines = mean_cosines,
                                        .attention_means = attention_means,
                                        .expected_logits = expected_logits,
                                        .query_moments = query_moments,
                                        .turn = turn,
                                        .gram = gram,
                                        .kept_attention = kept_attention};
    return (rkv_backend){.ops = &ops, .host_memory = true};
}
