/* test_cached_attention.c: attention over a cache in every form, against the plain loops of
 * support/plain_ops.h; and that a head's result depends on its own entries alone. */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "core/random.h"
#include "support/failing_allocator.h"
#include "support/plain_ops.h"

#define U 0x1p-24 /* float32's unit roundoff */

static rkv_random dice = {11};

static float *random_floats(size_t n, float size) {
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = size * (float)(2 * rkv_random_unit(&dice) - 1);
    return x;
}

/* ---- tasks ---- */

/* What a task is made of; the number of entries of head g is entries[g % 3]. */
typedef struct recipe {
    rkv_attention_shape shape;
    size_t entries[3];
    rkv_row_format keys, values;
    size_t key_rank, value_rank; /* 0: no basis */
    int turned;                  /* 0: rotation NULL; 1, 2: by halves, by neighbours */
    float query_size;            /* 30 makes some rows nearly one-hot */
} recipe;

typedef struct fixture {
    rkv_cached_attention task;
    rkv_cached_head *heads;
    float *q, *out, *rotation;
    double logit_most, value_most; /* bounds of their sizes */
    double terms;                  /* of the longest chain of sums behind a logit */
} fixture;

static rkv_rows *random_rows(const rkv_row_format *format, size_t n, size_t width) {
    rkv_rows *rows = NULL;
    float *x = random_floats(n * width, 1);
    assert_int_equal(rkv_rows_new(&rows, format, width), RKV_OK);
    assert_int_equal(rkv_rows_append(rows, x, n, width), RKV_OK);
    free(x);
    return rows;
}

/* Sums begin at 1, to see that they are added to; every third head has none. */
static void make_head(const recipe *r, size_t g, rkv_cached_head *head) {
    size_t n = r->entries[g % 3], d = r->shape.head_dim, each = r->shape.n_heads / r->shape.n_kv_heads;
    head->keys = random_rows(&r->keys, n, r->key_rank ? r->key_rank : d);
    head->values = random_rows(&r->values, n, r->value_rank ? r->value_rank : d);
    head->key_basis = r->key_rank ? random_floats(r->key_rank * d, 1.0f / sqrtf((float)r->key_rank)) : NULL;
    head->value_basis =
        r->value_rank ? random_floats(r->value_rank * d, 1.0f / sqrtf((float)r->value_rank)) : NULL;
    if (g % 3 == 2) return;
    head->sums = random_floats(each * n, 0);
    for (size_t i = 0; i < each * n; i++)
        head->sums[i] = 1;
}

static fixture make(const recipe *r) {
    const rkv_attention_shape *s = &r->shape;
    size_t d = s->head_dim, longest = 0;
    fixture f = {.heads = calloc(s->n_kv_heads, sizeof *f.heads)};
    f.q = random_floats(s->n_heads * s->n_tokens * d, r->query_size);
    f.out = random_floats(s->n_heads * s->n_tokens * d, 0);
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        make_head(r, g, &f.heads[g]);
        longest = longest > r->entries[g % 3] ? longest : r->entries[g % 3];
    }
    if (r->turned) f.rotation = random_floats(longest * (d / 2 * 2), 1);
    f.task = (rkv_cached_attention){*s, f.q, f.heads, f.rotation, (rkv_rope_pairing)(r->turned == 1), f.out};
    f.task.pairing = r->turned == 1 ? RKV_ROPE_HALVES : RKV_ROPE_ADJACENT;
    double turned = r->turned ? 4 : 1; /* a rotation by numbers up to 1 at most doubles either side */
    f.logit_most =
        turned * sqrt((double)d) * (double)r->query_size * (r->key_rank ? sqrt((double)r->key_rank) : 1);
    f.value_most = r->value_rank ? sqrt((double)r->value_rank) : 1;
    f.terms = (double)(d + r->key_rank + 8);
    return f;
}

static void unmake(fixture *f) {
    for (size_t g = 0; g < f->task.shape.n_kv_heads; g++) {
        rkv_rows_free((rkv_rows *)f->heads[g].keys);
        rkv_rows_free((rkv_rows *)f->heads[g].values);
        free((float *)f->heads[g].key_basis);
        free((float *)f->heads[g].value_basis);
        free(f->heads[g].sums);
    }
    free(f->heads), free(f->q), free(f->out), free(f->rotation);
}

static void assert_close(const recipe *r, const char *what, const float *x, const double *expected, size_t n,
                         double offset, double tolerance) {
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
 * One query's numbers may be rounded to two digits for codes of 4 bits (cpu_stream_vnni.c): of the two behind
 * a byte by halves of 17/16 max |q| / 32639, times 15 and 255/16 codes, times a scale of at most 2 / 15: 1.1
 * 2^-15 max |q| for each. */
static void check(rkv_backend *backend, const recipe *r) {
    fixture f = make(r);
    const rkv_attention_shape *s = &r->shape;
    size_t m = s->n_tokens, size = m * s->n_heads * s->head_dim, each = s->n_heads / s->n_kv_heads;
    double *out = malloc(size * sizeof *out), **sums = malloc(s->n_kv_heads * sizeof *sums), most = 0;
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        sums[g] = malloc(each * r->entries[g % 3] * sizeof **sums);
        most = fmax(most, (double)r->entries[g % 3]);
    }
    plain_attend_cached(&f.task, out, sums);
    assert_int_equal(backend->ops->attend_cached(backend, &f.task), RKV_OK);
    double of_keys = is_coded(&r->keys) ? 4 : 1, of_values = is_coded(&r->values) ? 4 : 1;
    double rounded = m == 1 && r->keys.form == RKV_ROWS_INT4 ? 1.1 * 0x1p-15 * f.logit_most : 0;
    double weight = 2 * (f.terms * U * f.logit_most * of_keys + rounded) + (most + 8) * U;
    double own = (f.terms + (double)r->value_rank) * U;
    assert_close(r, "output", f.out, out, size, 0, 2 * (weight + own) * f.value_most * of_values);
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        size_t n = r->entries[g % 3];
        if (f.heads[g].sums) /* 1 + m weights, rounded at that size */
            assert_close(r, "sums", f.heads[g].sums, sums[g], each * n, 1, (double)m * (weight + 2 * U) + U);
        free(sums[g]);
    }
    free(sums), free(out);
    unmake(&f);
}

static const rkv_row_format f32 = {.form = RKV_ROWS_F32};
static const rkv_row_format formats[] = {
    {RKV_ROWS_F32, RKV_AXIS_TOKEN, 0},    {RKV_ROWS_F16, RKV_AXIS_TOKEN, 0},
    {RKV_ROWS_BF16, RKV_AXIS_TOKEN, 0},   {RKV_ROWS_INT8, RKV_AXIS_TOKEN, 0},
    {RKV_ROWS_INT4, RKV_AXIS_TOKEN, 7},   {RKV_ROWS_INT8, RKV_AXIS_CHANNEL, 32},
    {RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 5}, {RKV_ROWS_INT4, RKV_AXIS_TOKEN, 0},
    {RKV_ROWS_INT8, RKV_AXIS_TOKEN, 16},  {RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 64}};
#define N_FORMATS (sizeof formats / sizeof *formats)

/* Ordinary and ugly: head sizes that fill no vector, one entry, primes, chunk ends, lengths that differ, many
 * query heads to a group, many new tokens. */
static const recipe ordinary[] = {
    {.shape = {1, 9, 3, 64}, .entries = {300, 256, 7}},  {.shape = {1, 1, 1, 64}, .entries = {1, 1, 1}},
    {.shape = {1, 4, 4, 16}, .entries = {1, 2, 257}},    {.shape = {1, 7, 1, 10}, .entries = {13, 0, 0}},
    {.shape = {1, 10, 2, 80}, .entries = {127, 511, 1}}, {.shape = {1, 6, 3, 2}, .entries = {64, 65, 63}},
    {.shape = {1, 5, 1, 50}, .entries = {1031, 0, 0}},   {.shape = {1, 32, 2, 24}, .entries = {40, 90, 0}},
    {.shape = {1, 2, 2, 128}, .entries = {600, 2, 0}},   {.shape = {2, 9, 3, 64}, .entries = {2, 100, 65}},
    {.shape = {5, 4, 2, 10}, .entries = {5, 131, 0}},    {.shape = {84, 2, 1, 16}, .entries = {84, 0, 0}},
    {.shape = {85, 3, 1, 32}, .entries = {200, 0, 0}},   {.shape = {190, 2, 2, 18}, .entries = {191, 350, 0}},
    {.shape = {3, 3, 3, 64}, .entries = {3, 64, 129}},
};
#define N_ORDINARY (sizeof ordinary / sizeof *ordinary)

static rkv_backend *open_backend(void) {
    rkv_backend *backend = NULL;
    assert_int_equal(rkv_backend_open(&backend, "cpu"), RKV_OK);
    return backend;
}

static void test_every_form(void **state) {
    (void)state;
    rkv_backend *backend = open_backend();
    for (size_t i = 0; i < N_ORDINARY; i++)
        for (size_t f = 0; f < N_FORMATS; f++) {
            recipe r = ordinary[i];
            r.keys = formats[f], r.values = formats[(f + i) % N_FORMATS];
            r.query_size = (f + i) % 3 ? 1 : 30;
            check(backend, &r);
        }
    rkv_backend_close(backend);
}

/* Every combination of bases and rotation, with ranks below, at and above what a vector holds. */
static void test_every_basis_and_rotation(void **state) {
    (void)state;
    static const size_t ranks[] = {0, 1, 5, 16, 24};
    rkv_backend *backend = open_backend();
    for (size_t i = 0; i < N_ORDINARY; i++)
        for (size_t c = 0; c < 5 * 5 * 3; c++) {
            recipe r = ordinary[i];
            r.key_rank = ranks[c % 5], r.value_rank = ranks[c / 5 % 5], r.turned = (int)(c / 25);
            r.keys = formats[c % N_FORMATS], r.values = formats[(c + i) % N_FORMATS];
            r.query_size = 2;
            if (r.shape.n_tokens < 50 || c % 7 == 0) check(backend, &r);
        }
    rkv_backend_close(backend);
}

/* Long caches: the error stays where single precision's is, whatever the length. Weights are nearly equal,
 * so that every one counts. */
static void test_long_cache_is_accurate(void **state) {
    (void)state;
    rkv_backend *backend = open_backend();
    for (size_t m = 1; m <= 2; m++) {
        recipe r = {
            .shape = {m, 2, 1, 64}, .entries = {10000, 0, 0}, .keys = f32, .values = f32, .query_size = 1};
        fixture f = make(&r);
        double out[2 * 2 * 64], *sums = malloc(2 * 10000 * sizeof *sums);
        plain_attend_cached(&f.task, out, &sums);
        assert_int_equal(backend->ops->attend_cached(backend, &f.task), RKV_OK);
        for (size_t i = 0; i < m * 2 * 64; i++)
            assert_true(fabs((double)f.out[i] - out[i]) <= 1e-6 * f.value_most);
        free(sums);
        unmake(&f);
    }
    rkv_backend_close(backend);
}

/* ---- what a result depends on ---- */

/* The same bits from any number of threads. */
static void test_threads_change_nothing(void **state) {
    (void)state;
    rkv_backend *backend = open_backend();
    int before = omp_get_max_threads();
    for (size_t i = 0; i < N_ORDINARY; i++) {
        recipe r = ordinary[i];
        r.keys = formats[i % N_FORMATS], r.values = formats[i % N_FORMATS], r.query_size = 3;
        fixture f = make(&r);
        size_t size = r.shape.n_tokens * r.shape.n_heads * r.shape.head_dim;
        size_t n_sums = r.shape.n_heads / r.shape.n_kv_heads * r.entries[0];
        float *out = NULL, *sums = NULL;
        for (int threads = 1; threads <= 4; threads++) {
            for (size_t j = 0; j < n_sums; j++)
                f.heads[0].sums[j] = 0.5f;
            omp_set_num_threads(threads);
            assert_int_equal(backend->ops->attend_cached(backend, &f.task), RKV_OK);
            if (out) assert_memory_equal(f.out, out, size * sizeof *out);
            if (sums) assert_memory_equal(f.heads[0].sums, sums, n_sums * sizeof *sums);
            if (out) continue;
            out = malloc(size * sizeof *out), sums = malloc(n_sums * sizeof *sums);
            memcpy(out, f.out, size * sizeof *out);
            memcpy(sums, f.heads[0].sums, n_sums * sizeof *sums);
        }
        free(out), free(sums);
        unmake(&f);
    }
    omp_set_num_threads(before);
    rkv_backend_close(backend);
}

/* The same entries with room to spare, and a gap where others were: appended one by one. */
static rkv_rows *grown(const rkv_rows *rows) {
    size_t n = rkv_rows_count(rows), width = rkv_rows_width(rows), gone = n > 1 ? n / 3 : 0, kept = 0;
    rkv_rows *out = NULL;
    float *x = malloc(n * width * sizeof *x);
    uint32_t *index = malloc(n * sizeof *index);
    rkv_rows_read(rows, 0, n, x);
    assert_int_equal(rkv_rows_new(&out, &f32, width), RKV_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rkv_rows_append(out, x + i * width, 1, width), RKV_OK);
        if (i == gone) assert_int_equal(rkv_rows_append(out, x, 1, width), RKV_OK);
    }
    for (uint32_t i = 0; i < n + 1; i++)
        if (i != gone + 1) index[kept++] = i;
    rkv_rows_keep(out, index, n);
    free(index), free(x);
    return out;
}

/* Each head by itself, in rows of another capacity and at other addresses, gives the bits that it gives among
 * the others. */
static void test_heads_do_not_see_each_other(void **state) {
    (void)state;
    rkv_backend *backend = open_backend();
    for (size_t i = 0; i < N_ORDINARY; i++) {
        recipe r = ordinary[i];
        r.keys = r.values = f32, r.query_size = 3;
        fixture f = make(&r);
        size_t m = r.shape.n_tokens, d = r.shape.head_dim, each = r.shape.n_heads / r.shape.n_kv_heads;
        assert_int_equal(backend->ops->attend_cached(backend, &f.task), RKV_OK);
        for (size_t g = 0; g < r.shape.n_kv_heads; g++) {
            rkv_rows *keys = grown(f.heads[g].keys), *values = grown(f.heads[g].values);
            rkv_cached_head head = {keys, values, NULL, NULL, NULL};
            float *out = random_floats(m * each * d, 1);
            rkv_cached_attention task = {{m, each, 1, d}, f.q + g * each * m * d, &head, NULL, 0, out};
            assert_int_equal(backend->ops->attend_cached(backend, &task), RKV_OK);
            for (size_t t = 0; t < m; t++)
                assert_memory_equal(out + t * each * d, f.out + (t * r.shape.n_heads + g * each) * d,
                                    each * d * sizeof *out);
            rkv_rows_free(keys), rkv_rows_free(values);
            free(out);
        }
        unmake(&f);
    }
    rkv_backend_close(backend);
}

/* Rows with a gap where some were, short enough that it stays, and a copy of them, which has none. */
static rkv_rows *with_gap(const rkv_row_format *format, size_t n, size_t width, rkv_rows **closed) {
    rkv_rows *rows = random_rows(format, n, width);
    uint32_t *index = malloc(n * sizeof *index);
    size_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i < n / 2 || i > n / 2 + n / 16 || i % 7 == 0) index[kept++] = i;
    rkv_rows_keep(rows, index, kept);
    assert_int_equal(rkv_rows_copy(closed, rows), RKV_OK);
    free(index);
    return rows;
}

/* A gap changes no bit, in any form. */
static void test_gaps_change_nothing(void **state) {
    (void)state;
    enum { H = 6, G = 2, D = 50 };
    rkv_backend *backend = open_backend();
    for (size_t f = 0; f < N_FORMATS; f++)
        for (size_t m = 1; m <= 2; m++) {
            rkv_cached_head gaps[G] = {{0}}, closed[G] = {{0}};
            rkv_rows *copies[2 * G];
            float *q = random_floats(H * m * D, 2), out[2 * H * D], expected[2 * H * D];
            for (size_t g = 0; g < G; g++) {
                gaps[g].keys = with_gap(&formats[f], 600 - 300 * g, D, &copies[2 * g]);
                gaps[g].values = with_gap(&formats[f], 600 - 300 * g, D, &copies[2 * g + 1]);
                closed[g] = (rkv_cached_head){.keys = copies[2 * g], .values = copies[2 * g + 1]};
            }
            rkv_cached_attention task = {{m, H, G, D}, q, gaps, NULL, 0, out};
            assert_int_equal(backend->ops->attend_cached(backend, &task), RKV_OK);
            task.heads = closed, task.out = expected;
            assert_int_equal(backend->ops->attend_cached(backend, &task), RKV_OK);
            assert_memory_equal(out, expected, m * H * D * sizeof *out);
            for (size_t g = 0; g < G; g++) {
                rkv_rows_free((rkv_rows *)gaps[g].keys), rkv_rows_free((rkv_rows *)gaps[g].values);
                rkv_rows_free(copies[2 * g]), rkv_rows_free(copies[2 * g + 1]);
            }
            free(q);
        }
    rkv_backend_close(backend);
}

/* Without the op's memory: an error, and nothing is lost. */
static void test_failing_allocations(void **state) {
    (void)state;
    rkv_backend *backend = open_backend();
    for (size_t m = 1; m <= 3; m += 2)
        for (long k = 0, failed = 1; failed; k++) {
            recipe r = {
                .shape = {m, 4, 2, 10}, .entries = {20, 30, 0}, .key_rank = 4, .turned = 1, .query_size = 1};
            fixture f = make(&r);
            allocation_failed = false, allocations_left = k;
            rkv_status status = backend->ops->attend_cached(backend, &f.task);
            allocations_left = -1;
            failed = allocation_failed;
            assert_int_equal(status, failed ? RKV_NO_MEMORY : RKV_OK);
            unmake(&f);
        }
    rkv_backend_close(backend);
}

/* ---- attention of some queries ---- */

static const size_t row_sizes[][3] = {/* m, n, D */
                                      {1, 1, 64},     {1, 300, 64},  {3, 17, 16},   {7, 1025, 64},
                                      {8, 33, 64},    {2, 40, 10},   {64, 500, 64}, {100, 1500, 20},
                                      {300, 300, 32}, {96, 200, 64}, {97, 130, 64}, {5, 0, 16}};

/* Ascending with gaps, or in any order; queries anywhere, the first before every key. */
static void make_positions(size_t m, size_t n, bool shuffled, int32_t *query, int32_t *key) {
    for (size_t j = 0; j < n; j++)
        key[j] = shuffled ? (int32_t)rkv_random_below(&dice, 3 * n + 1) + 1 : (int32_t)(3 * j + 1);
    for (size_t i = 0; i < m; i++)
        query[i] = shuffled ? (int32_t)rkv_random_below(&dice, 3 * n + 1) : (int32_t)(3 * n * i / m);
}

static void check_rows(rkv_backend *backend, size_t m, size_t n, size_t d, bool shuffled) {
    float *q = random_floats(m * d, 5), *k = random_floats(n * d, 1), *p = random_floats(m * n, 1);
    double *expected = malloc((m * n + 1) * sizeof *expected);
    int32_t *query = malloc(m * sizeof *query), *key = malloc((n + 1) * sizeof *key);
    make_positions(m, n, shuffled, query, key);
    for (size_t i = 0; i < m * n; i++)
        p[i] = NAN; /* what lay there is not looked at */
    plain_attention_rows(q, query, m, k, key, n, d, expected);
    assert_int_equal(backend->ops->attention_rows(backend, q, query, m, k, key, n, d, p), RKV_OK);
    double tolerance = 10 * sqrt((double)d) * (double)(d + 4) * U + (double)(n + 8) * U;
    for (size_t i = 0; i < m * n; i++) {
        if (key[i % n] > query[i / n]) assert_true(p[i] == 0);
        if (!(fabs((double)p[i] - expected[i]) <= tolerance))
            fail_msg("m %zu n %zu D %zu: element %zu is %.9g, not %.9g", m, n, d, i, (double)p[i],
                     expected[i]);
    }
    free(q), free(k), free(p), free(expected), free(query), free(key);
}

static void test_attention_rows(void **state) {
    (void)state;
    rkv_backend *backend = open_backend();
    for (size_t i = 0; i < sizeof row_sizes / sizeof *row_sizes; i++)
        for (int shuffled = 0; shuffled < 2; shuffled++)
            check_rows(backend, row_sizes[i][0], row_sizes[i][1], row_sizes[i][2], shuffled);
    rkv_backend_close(backend);
}

/* From several threads at once the same as from one. */
static void test_attention_rows_in_threads(void **state) {
    (void)state;
    enum { M = 20, N = 200, D = 64, CALLS = 16 };
    rkv_backend *backend = open_backend();
    float *q = random_floats(CALLS * M * D, 2), *k = random_floats(N * D, 1);
    float *one = random_floats(CALLS * M * N, 0), *many = random_floats(CALLS * M * N, 0);
    int32_t query[M], key[N];
    make_positions(M, N, false, query, key);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(
            backend->ops->attention_rows(backend, q + i * M * D, query, M, k, key, N, D, one + i * M * N),
            RKV_OK);
#pragma omp parallel for num_threads(4)
    for (size_t i = 0; i < CALLS; i++)
        (void)backend->ops->attention_rows(backend, q + i * M * D, query, M, k, key, N, D, many + i * M * N);
    assert_memory_equal(one, many, CALLS * M * N * sizeof *one);
    free(q), free(k), free(one), free(many);
    rkv_backend_close(backend);
}

/* ---- attention's column sums ---- */

static void test_attention_sums(void **state) {
    (void)state;
    static const rkv_attention_shape shapes[] = {
        {1, 1, 1, 2}, {83, 4, 2, 16}, {85, 9, 3, 64}, {400, 2, 1, 10}};
    static const size_t distances[] = {0, 1, 7, 70, 1000};
    rkv_backend *backend = open_backend();
    int before = omp_get_max_threads();
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        const rkv_attention_shape *s = &shapes[i / 2];
        size_t n = s->n_tokens, d = s->head_dim, h = s->n_heads, g = s->n_kv_heads;
        float *q = random_floats(h * n * d, 5), *k = random_floats(g * n * d, 1),
              *v = random_floats(g * n * d, 1);
        float *p = i % 2 ? random_floats(h * n * n, 1) : NULL, *out = random_floats(h * n * d, 1);
        /* all keys' sums, then those from afar; set, not increased */
        float *sums = random_floats(2 * h * n, 1), *first = NULL;
        rkv_attention_sums wanted = {sums, sums + h * n, distances[i % 5]};
        double *ep = malloc(h * n * n * sizeof *ep), *eo = malloc(h * n * d * sizeof *eo);
        plain_attention(q, k, v, s, ep, eo);
        for (int threads = 1; threads <= 4; threads++) {
            omp_set_num_threads(threads);
            assert_int_equal(backend->ops->attention(backend, q, k, v, s, p, &wanted, out), RKV_OK);
            if (first) assert_memory_equal(first, sums, 2 * h * n * sizeof *sums);
            if (!first) first = memcpy(malloc(2 * h * n * sizeof *sums), sums, 2 * h * n * sizeof *sums);
        }
        double tolerance = 10 * sqrt((double)d) * (double)(d + 2) * U + (double)(n + 4) * U;
        for (size_t j = 0; j < 2 * h * n; j++) {
            double sum = 0;
            for (size_t t = j < h * n ? 0 : j % n + wanted.distance; t < n; t++)
                sum += ep[(j / n % h * n + t) * n + j % n];
            if (!(fabs((double)sums[j] - sum) <= tolerance * (1 + sum)))
                fail_msg("T %zu: sum %zu is %.9g, not %.9g", n, j, (double)sums[j], sum);
        }
        free(q), free(k), free(v), free(p), free(out), free(sums), free(first), free(ep), free(eo);
    }
    omp_set_num_threads(before);
    rkv_backend_close(backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_every_basis_and_rotation),
        cmocka_unit_test(test_long_cache_is_accurate),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_heads_do_not_see_each_other),
        cmocka_unit_test(test_gaps_change_nothing),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_attention_rows),
        cmocka_unit_test(test_attention_rows_in_threads),
        cmocka_unit_test(test_attention_sums),
    };
    return cmocka_run_group_tests_name("cached_attention", tests, NULL, NULL);
}
