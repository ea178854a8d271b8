/* cached_task.c: attention over a random cache, once where a backend reads it and once for the plain loops.
 */
#include "support/cached_task.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/random.h"
#include "support/plain_ops.h"

#define U 0x1p-24 /* float32's unit roundoff */

float *random_numbers(size_t n, float size) {
    static rkv_random dice = {11};
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = size * (float)(2 * rkv_random_unit(&dice) - 1);
    return x;
}

rkv_rows *rows_there(rkv_backend *backend, const float *x, const rkv_row_format *format, size_t n,
                     size_t width) {
    rkv_rows *rows = NULL;
    assert_int_equal(backend->ops->rows_new(backend, format, width, &rows), RKV_OK);
    assert_int_equal(rkv_rows_append(rows, x, n, width), RKV_OK);
    return rows;
}

float *floats_there(rkv_backend *backend, const float *x, size_t n) {
    float *memory = NULL;
    assert_int_equal(backend->ops->alloc(backend, &memory, n), RKV_OK);
    assert_int_equal(backend->ops->upload(backend, memory, x, n), RKV_OK);
    return memory;
}

/* ---- making ---- */

/* Rows of both kinds, of the same numbers. */
static void make_rows(rkv_backend *backend, const rkv_row_format *format, size_t n, size_t width,
                      const rkv_rows **there, const rkv_rows **here) {
    rkv_rows *rows = NULL;
    float *x = random_numbers(n * width, 1);
    assert_int_equal(rkv_rows_new(&rows, format, width), RKV_OK);
    assert_int_equal(rkv_rows_append(rows, x, n, width), RKV_OK);
    *here = rows;
    *there = rows_there(backend, x, format, n, width);
    free(x);
}

/* [rank, d]; NULL for rank 0. */
static void make_basis(rkv_backend *backend, size_t rank, size_t d, const float **there, const float **here) {
    if (!rank) return;
    *here = random_numbers(rank * d, 1.0f / sqrtf((float)rank));
    *there = floats_there(backend, *here, rank * d);
}

static void make_head(rkv_backend *backend, const cached_recipe *r, size_t g, rkv_cached_head *there,
                      rkv_cached_head *here) {
    size_t n = r->entries[g % 3], d = r->shape.head_dim, each = r->shape.n_heads / r->shape.n_kv_heads;
    make_rows(backend, &r->keys, n, r->key_rank ? r->key_rank : d, &there->keys, &here->keys);
    make_rows(backend, &r->values, n, r->value_rank ? r->value_rank : d, &there->values, &here->values);
    make_basis(backend, r->key_rank, d, &there->key_basis, &here->key_basis);
    make_basis(backend, r->value_rank, d, &there->value_basis, &here->value_basis);
    if (g % 3 == 2) return;
    there->sums = random_numbers(each * n, 0);
    for (size_t i = 0; i < each * n; i++)
        there->sums[i] = 1;
}

static size_t longest_of(const cached_recipe *r) {
    size_t longest = 0;
    for (size_t g = 0; g < r->shape.n_kv_heads; g++)
        longest = longest > r->entries[g % 3] ? longest : r->entries[g % 3];
    return longest;
}

/* A rotation by numbers up to 1 at most doubles either side. */
static void set_bounds(cached_task *t, const cached_recipe *r) {
    double d = (double)r->shape.head_dim, turned = r->turned ? 4 : 1;
    t->logit_most = turned * sqrt(d) * (double)r->query_size * (r->key_rank ? sqrt((double)r->key_rank) : 1);
    t->value_most = r->value_rank ? sqrt((double)r->value_rank) : 1;
    t->terms = d + (double)r->key_rank + 8;
}

cached_task cached_task_new(rkv_backend *b, const cached_recipe *r) {
    const rkv_attention_shape *s = &r->shape;
    size_t size = s->n_heads * s->n_tokens * s->head_dim, turns = longest_of(r) * (s->head_dim / 2 * 2);
    cached_task t = {.backend = b, .heads = calloc(s->n_kv_heads, sizeof *t.heads)};
    rkv_cached_head *plain = calloc(s->n_kv_heads, sizeof *plain);
    rkv_rope_pairing pairing = r->turned == 1 ? RKV_ROPE_HALVES : RKV_ROPE_ADJACENT;
    float *q = random_numbers(size, r->query_size), *rotation = r->turned ? random_numbers(turns, 1) : NULL;
    t.out = random_numbers(size, 0);
    for (size_t g = 0; g < s->n_kv_heads; g++)
        make_head(b, r, g, &t.heads[g], &plain[g]);
    t.plain = (rkv_cached_attention){*s, q, plain, rotation, pairing, NULL};
    t.task = (rkv_cached_attention){*s, floats_there(b, q, size), t.heads, NULL, pairing, NULL};
    if (rotation) t.task.rotation = floats_there(b, rotation, turns);
    t.task.out = floats_there(b, t.out, size);
    set_bounds(&t, r);
    return t;
}

static void free_head(rkv_backend *b, rkv_cached_head *there, const rkv_cached_head *here) {
    rkv_rows_free((rkv_rows *)there->keys), rkv_rows_free((rkv_rows *)there->values);
    rkv_rows_free((rkv_rows *)here->keys), rkv_rows_free((rkv_rows *)here->values);
    b->ops->release(b, (float *)there->key_basis), b->ops->release(b, (float *)there->value_basis);
    free((float *)here->key_basis), free((float *)here->value_basis);
    free(there->sums);
}

void cached_task_free(cached_task *t) {
    rkv_backend *b = t->backend;
    for (size_t g = 0; g < t->task.shape.n_kv_heads; g++)
        free_head(b, &t->heads[g], &t->plain.heads[g]);
    b->ops->release(b, (float *)t->task.q), b->ops->release(b, (float *)t->task.rotation);
    b->ops->release(b, t->task.out);
    free((float *)t->plain.q), free((float *)t->plain.rotation), free((rkv_cached_head *)t->plain.heads);
    free(t->heads), free(t->out);
}

/* ---- checking ---- */

rkv_status cached_task_attend(cached_task *t) {
    const rkv_attention_shape *s = &t->task.shape;
    rkv_status status = t->backend->ops->attend_cached(t->backend, &t->task);
    if (status) return status;
    return t->backend->ops->download(t->backend, t->out, t->task.out, s->n_tokens * s->n_heads * s->head_dim);
}

static void assert_close(const cached_recipe *r, const char *what, const float *x, const double *expected,
                         size_t n, double offset, double tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)x[i] - offset - expected[i]) <= tolerance))
            fail_msg("%s, m %zu H %zu G %zu D %zu, forms %d %d, ranks %zu %zu, turned %d: element %zu is "
                     "%.9g, not %.9g (%.2g)",
                     what, r->shape.n_tokens, r->shape.n_heads, r->shape.n_kv_heads, r->shape.head_dim,
                     (int)r->keys.form, (int)r->values.form, r->key_rank, r->value_rank, r->turned, i,
                     (double)x[i] - offset, expected[i], tolerance);
}

static bool is_coded(const rkv_row_format *format) {
    return format->form == RKV_ROWS_INT8 || format->form == RKV_ROWS_INT4;
}

/* Tolerances: a logit is a sum of `terms` products and carries terms u of its bound; exp turns that into a
 * relative error of its weight, and normalising doubles it. Sums of n weights, in whatever order, carry n u
 * at worst (chunks make it far less). Whole numbers are multiplied as zero + scale code: of a number of at
 * most 1 here, zero is up to 1 and scale code up to 2, which a sixteenth of the other half's may come to.
 * One query's numbers may be rounded to two digits for codes of 4 bits (cpu_vnni_digits.h): by half of max
 * |q| / 32639, and a little for step and inverse, times 15, times a scale of at most 2 / 15: less than 1.1
 * 2^-15 max |q| for each. */
static double weight_error(const cached_task *t, const cached_recipe *r, double most) {
    bool digits = t->backend->host_memory && r->shape.n_tokens == 1 && r->keys.form == RKV_ROWS_INT4;
    double rounded = digits ? 1.1 * 0x1p-15 * t->logit_most : 0, of_keys = is_coded(&r->keys) ? 4 : 1;
    return 2 * (t->terms * U * t->logit_most * of_keys + rounded) + (most + 8) * U;
}

/* Weights that meet values of 4 bits may have two digits (cpu_vnni_digits.h): each of n is off by 0.51 /
 * 65535 of the largest scale, 15 of which come to at most 2; their sum is at least 1, by which all is
 * divided. */
static double digits_error(const cached_task *t, const cached_recipe *r) {
    bool digits = t->backend->host_memory && r->shape.n_tokens == 1 && r->values.form == RKV_ROWS_INT4;
    return digits ? (double)longest_of(r) * 2 * 0.51 / 0xFFFF : 0;
}

void cached_task_check(rkv_backend *backend, const cached_recipe *r) {
    cached_task t = cached_task_new(backend, r);
    const rkv_attention_shape *s = &r->shape;
    size_t m = s->n_tokens, size = m * s->n_heads * s->head_dim, each = s->n_heads / s->n_kv_heads;
    double *out = malloc(size * sizeof *out), **sums = malloc(s->n_kv_heads * sizeof *sums);
    for (size_t g = 0; g < s->n_kv_heads; g++)
        sums[g] = malloc(each * r->entries[g % 3] * sizeof **sums);
    plain_attend_cached(&t.plain, out, sums);
    if (cached_task_attend(&t)) fail_msg("%s", rkv_message());
    double of_values = is_coded(&r->values) ? 4 : 1, own = (t.terms + (double)r->value_rank) * U;
    double weight = weight_error(&t, r, (double)longest_of(r));
    assert_close(r, "output", t.out, out, size, 0,
                 2 * (weight + own) * t.value_most * of_values + digits_error(&t, r));
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        if (t.heads[g].sums) /* 1 + m weights, rounded at that size */
            assert_close(r, "sums", t.heads[g].sums, sums[g], each * r->entries[g % 3], 1,
                         (double)m * (weight + 2 * U) + U);
        free(sums[g]);
    }
    free(sums), free(out);
    cached_task_free(&t);
}
