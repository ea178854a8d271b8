/* scored_heads.c: a layer's heads with what operations take and give, and the operations. */
#include "support/scored_heads.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/device_data.h"

/* ---- the heads ---- */

static void *room(size_t n, size_t size) {
    void *memory = calloc(n + !n, size);
    assert_non_null(memory);
    return memory;
}

static void add_head(scored_heads *s, size_t g, size_t n) {
    int32_t position = 3;
    s->rows[g] = random_floats(n * s->width);
    s->positions[g] = room(n, sizeof **s->positions);
    for (size_t j = 0; j < n; j++) {
        if (j % 11 == 7) memset(s->rows[g] + j * s->width, 0, s->width * sizeof **s->rows);
        s->positions[g][j] = position += 1 + (int32_t)rkv_random_below(&dice, 3);
    }
    s->heads[g] = (rkv_head_rows){on_device(s->backend, s->rows[g], n * s->width), n};
    s->norms[g] = room(n, sizeof **s->norms);
    s->cosines[g] = room(n, sizeof **s->cosines);
    s->gram[g] = room(s->width * s->width, sizeof **s->gram);
    for (size_t r = 0; r < s->each; r++)
        s->results[g * s->each + r] = room(n, sizeof **s->results);
}

/* What is asked of the queries: of those behind the first half, turned by far positions. */
static void ask_for_moments(scored_heads *s) {
    size_t heads = s->n_kv_heads * s->each, d = s->width;
    double *frequency = room(d / 2, sizeof *frequency);
    for (size_t i = 0; i < d / 2; i++)
        frequency[i] = pow(10, -4.0 * (double)i / (double)d);
    s->moments = (rkv_query_moments){.n_heads = heads,
                                     .head_dim = d,
                                     .q = s->device_q,
                                     .m = s->m,
                                     .skip = s->m / 2,
                                     .frequency = frequency,
                                     .first = 4000,
                                     .pairing = RKV_ROPE_HALVES,
                                     .mean = room(heads * d, sizeof(float)),
                                     .squares = room(heads * d * d, sizeof(float))};
}

/* The first query sees nothing, the last all keys of every head, those between a growing part. */
static void add_queries(scored_heads *s) {
    size_t n = s->n_kv_heads * s->each * s->m * s->width, last = 3;
    s->q = random_floats(n);
    for (size_t i = 0; i < n; i++)
        s->q[i] *= 30;
    s->device_q = on_device(s->backend, s->q, n);
    for (size_t g = 0; g < s->n_kv_heads; g++)
        if (s->heads[g].n && (size_t)s->positions[g][s->heads[g].n - 1] > last)
            last = (size_t)s->positions[g][s->heads[g].n - 1];
    s->query_position = room(s->m, sizeof *s->query_position);
    for (size_t i = 0; i < s->m; i++)
        s->query_position[i] = (int32_t)(s->m == 1 ? last : 2 + (last - 2) * i / (s->m - 1));
}

static void add_moments(scored_heads *s) {
    size_t heads = s->n_kv_heads * s->each, d = s->width;
    s->mean = random_floats(heads * d);
    s->squares = random_floats(heads * d * d);
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < i; j++)
                s->squares[(h * d + i) * d + j] = s->squares[(h * d + j) * d + i];
}

scored_heads scored_heads_new(rkv_backend *backend, const scored_shape *shape) {
    size_t g_n = shape->n_kv_heads;
    scored_heads s = {.backend = backend,
                      .n_kv_heads = g_n,
                      .each = shape->each,
                      .width = shape->width,
                      .m = shape->m,
                      .heads = room(g_n, sizeof *s.heads),
                      .rows = room(g_n, sizeof *s.rows),
                      .positions = room(g_n, sizeof *s.positions),
                      .norms = room(g_n, sizeof *s.norms),
                      .cosines = room(g_n, sizeof *s.cosines),
                      .gram = room(g_n, sizeof *s.gram),
                      .results = room(g_n * shape->each, sizeof *s.results)};
    for (size_t g = 0; g < g_n; g++)
        add_head(&s, g, shape->length[g % shape->n_lengths]);
    add_queries(&s);
    add_moments(&s);
    ask_for_moments(&s);
    size_t n = s.heads[0].n;
    s.gathered = empty_device(backend, n * s.width);
    s.index = room(n, sizeof *s.index);
    for (size_t j = 0; j < n; j++)
        if (rkv_random_below(&dice, 2)) s.index[s.n_index++] = (uint32_t)j;
    s.kept = room(n, sizeof *s.kept);
    for (size_t j = 0; j < n; j++)
        s.kept[j] = rkv_random_below(&dice, 3) == 0 ? (uint8_t)(1 + j) : 0;
    s.window = n / 5;
    return s;
}

void scored_heads_free(scored_heads *s) {
    rkv_backend *b = s->backend;
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        b->ops->release(b, (float *)s->heads[g].rows);
        free(s->rows[g]), free(s->positions[g]), free(s->norms[g]), free(s->cosines[g]), free(s->gram[g]);
    }
    for (size_t h = 0; h < s->n_kv_heads * s->each; h++)
        free(s->results[h]);
    b->ops->release(b, s->device_q), b->ops->release(b, s->gathered);
    free(s->heads), free(s->rows), free(s->positions), free(s->norms), free(s->cosines), free(s->gram),
        free(s->results);
    free(s->q), free(s->query_position), free(s->index), free(s->kept);
    free(s->mean), free(s->squares);
    free((void *)s->moments.frequency), free(s->moments.mean), free(s->moments.squares);
}

void scored_heads_set(scored_heads *s, size_t g, size_t j, size_t i, float x) {
    s->rows[g][j * s->width + i] = x;
    assert_int_equal(
        s->backend->ops->upload(s->backend, (float *)s->heads[g].rows, s->rows[g], s->heads[g].n * s->width),
        RKV_OK);
}

/* ---- the operations ---- */

static rkv_status row_norms(rkv_backend *b, scored_heads *s) {
    return b->ops->row_norms(b, s->heads, s->n_kv_heads, s->width, s->norms);
}

static rkv_status mean_cosines(rkv_backend *b, scored_heads *s) {
    return b->ops->mean_cosines(b, s->heads, s->n_kv_heads, s->width, s->cosines);
}

static rkv_status expected_logits(rkv_backend *b, scored_heads *s) {
    rkv_expected_logits task = {.n_heads = s->n_kv_heads * s->each,
                                .n_kv_heads = s->n_kv_heads,
                                .head_dim = s->width,
                                .mean = s->mean,
                                .squares = s->squares,
                                .keys = s->heads,
                                .logits = s->results};
    return b->ops->expected_logits(b, &task);
}

/* Of numbers of an odd width no pairs are turned. */
static rkv_status query_moments(rkv_backend *b, scored_heads *s) {
    rkv_query_moments task = s->moments;
    if (task.head_dim % 2) task.frequency = NULL;
    return b->ops->query_moments(b, &task);
}

static rkv_status attention_means(rkv_backend *b, scored_heads *s) {
    rkv_attention_means task = {.n_heads = s->n_kv_heads * s->each,
                                .n_kv_heads = s->n_kv_heads,
                                .head_dim = s->width,
                                .q = s->q,
                                .query_position = s->query_position,
                                .m = s->m,
                                .keys = s->heads,
                                .positions = (const int32_t *const *)s->positions,
                                .means = s->results};
    return b->ops->attention_means(b, &task);
}

static rkv_status gather(rkv_backend *b, scored_heads *s) {
    return b->ops->gather(b, s->heads[0].rows, s->width, s->index, s->n_index, s->gathered);
}

/* Nothing below the diagonal is looked at. */
static rkv_status gram(rkv_backend *b, scored_heads *s) {
    return b->ops->gram(b, s->heads, s->n_kv_heads, s->width, s->gram);
}

/* All heads' rows, where they are, by their positions; of an odd width the last number is left alone. */
static rkv_status turn(rkv_backend *b, scored_heads *s) {
    rkv_turned_rows *lists = room(s->n_kv_heads, sizeof *lists);
    for (size_t g = 0; g < s->n_kv_heads; g++)
        lists[g] =
            (rkv_turned_rows){s->heads[g].rows, (float *)s->heads[g].rows, 1, s->heads[g].n, s->positions[g]};
    rkv_status status = b->ops->turn(b, &(rkv_turning){.lists = lists,
                                                       .n_lists = s->n_kv_heads,
                                                       .head_dim = s->width,
                                                       .frequency = s->moments.frequency});
    free(lists);
    return status;
}

rkv_kept_attention scored_heads_kept(const scored_heads *s) {
    return (rkv_kept_attention){.each = s->each,
                                .m = s->m,
                                .head_dim = s->width,
                                .q = s->device_q,
                                .query_position = s->query_position,
                                .keys = s->heads[0],
                                .position = s->positions[0],
                                .kept = s->kept,
                                .window = s->window};
}

static rkv_status kept_attention(rkv_backend *b, scored_heads *s) {
    rkv_kept_attention task = scored_heads_kept(s);
    return b->ops->kept_attention(b, &task, &s->sum);
}

const scored_operation scored_operations[] = {
    {"row_norms", row_norms},
    {"mean_cosines", mean_cosines},
    {"attention_means", attention_means},
    {"expected_logits", expected_logits},
    {"query_moments", query_moments},
    {"gram", gram},
    {"gather", gather},
    {"turn", turn},
    {"kept_attention", kept_attention},
};
const size_t n_scored_operations = sizeof scored_operations / sizeof *scored_operations;

void scored_heads_run(scored_heads *s, const char *name) {
    size_t i = 0;
    while (i < n_scored_operations && strcmp(scored_operations[i].name, name) != 0)
        i++;
    assert_true(i < n_scored_operations);
    assert_int_equal(scored_operations[i].run(s->backend, s), RKV_OK);
}
