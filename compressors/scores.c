/* scores.c: what the scores of several methods are made from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compressors/select.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/simd.h"

void rkv_score_keep_newest(float *score, size_t n, size_t count) {
    for (size_t i = count < n ? n - count : 0; i < n; i++)
        score[i] = INFINITY;
}

/* One word of SplitMix64 from the last one and the next fact. */
static uint64_t mix(uint64_t word, uint64_t fact) {
    rkv_random random = {word ^ fact};
    return rkv_random_next(&random);
}

float rkv_score_draw(const rkv_layer_view *view, size_t head, int32_t position) {
    uint64_t word = mix(mix(mix(mix(0, view->seed), view->index), head), (uint64_t)position);
    return (float)(word >> 40) * 0x1p-24f;
}

/* out [n] = the mean or the largest of each [group, n] down its columns; NaN where one is. Sums are float64,
 * a block of columns at a time. */
RKV_CLONES static void group_mean(const float *each, size_t group, size_t n, float *out) {
    enum { BLOCK = 256 };
    double sum[BLOCK];
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t count = n - first < BLOCK ? n - first : BLOCK;
        memset(sum, 0, sizeof sum);
        for (size_t h = 0; h < group; h++)
            for (size_t i = 0; i < count; i++)
                sum[i] += (double)each[h * n + first + i];
        for (size_t i = 0; i < count; i++)
            out[first + i] = (float)(sum[i] / (double)group);
    }
}

RKV_CLONES static void group_most(const float *each, size_t group, size_t n, float *out) {
    memcpy(out, each, n * sizeof *out);
    for (size_t h = 1; h < group; h++)
        for (size_t i = 0; i < n; i++) {
            float score = each[h * n + i];
            out[i] = score > out[i] || score != score ? score : out[i];
        }
}

void rkv_view_group_scores(const rkv_layer_view *view, const float *each, size_t n, float *out) {
    size_t group = view->n_heads / view->n_kv_heads;
    (view->group_score == RKV_GROUP_MAX ? group_most : group_mean)(each, group, n, out);
}

/* One block, which begins where the first row does. */
rkv_status rkv_view_rows_new(const rkv_layer_view *view, size_t per_entry, float ***rows) {
    size_t n = 0;
    float *next = NULL;
    for (size_t g = 0; g < view->n_kv_heads; g++)
        n += per_entry * view->heads[g].n;
    rkv_status status = rkv_alloc(rows, view->n_kv_heads, sizeof **rows);
    if (!status) status = rkv_alloc(&next, n, sizeof *next);
    for (size_t g = 0; *rows && g < view->n_kv_heads; g++) {
        (*rows)[g] = next;
        if (next) next += per_entry * view->heads[g].n;
    }
    return status;
}

void rkv_view_rows_free(float **rows) {
    if (rows) free(rows[0]);
    free(rows);
}

void rkv_view_head_rows(const rkv_layer_view *view, unsigned which, rkv_head_rows *rows) {
    for (size_t g = 0; g < view->n_kv_heads; g++) {
        const rkv_head_view *head = &view->heads[g];
        rows[g] = (rkv_head_rows){which == RKV_NEEDS_KEYS ? head->keys : head->values, head->n};
    }
}

/* One block, too. */
rkv_status rkv_view_norms_alloc(const rkv_layer_view *view, double ***norms) {
    size_t n = 0;
    double *next = NULL;
    *norms = NULL;
    for (size_t g = 0; g < view->n_kv_heads; g++)
        n += view->heads[g].n;
    rkv_status status = rkv_alloc(norms, view->n_kv_heads, sizeof **norms);
    if (!status) status = rkv_alloc_raw(&next, n, sizeof *next);
    for (size_t g = 0; !status && g < view->n_kv_heads; next += view->heads[g++].n)
        (*norms)[g] = next;
    return status;
}

rkv_status rkv_view_norms_new(const rkv_layer_view *view, unsigned which, double ***norms) {
    rkv_head_rows *rows = NULL;
    rkv_status status = rkv_view_norms_alloc(view, norms);
    if (!status) status = rkv_alloc_raw(&rows, view->n_kv_heads, sizeof *rows);
    if (!status) {
        rkv_view_head_rows(view, which, rows);
        status = view->backend->ops->row_norms(view->backend, rows, view->n_kv_heads, view->head_dim, *norms);
    }
    free(rows);
    return status;
}

void rkv_view_norms_free(double **norms) {
    if (norms) free(norms[0]);
    free(norms);
}
