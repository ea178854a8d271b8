/* test_cached_attention.c: attention over a cache in every form, on every backend that is present, against
 * the plain loops of support/plain_ops.h; and that a head's result depends on its own entries alone. */
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
#include "backend/cpu.h"
#include "core/random.h"
#include "cuda/open.h"
#include "cuda_host/host_device.h"
#include "support/cached_task.h"
#include "support/failing_allocator.h"
#include "support/plain_ops.h"

#define U 0x1p-24 /* float32's unit roundoff */

/* ---- backends ---- */

/* What every machine has; others are named on the command line ("cuda"). Of the many combinations of forms
 * and shapes a backend takes every `share`-th: one that is played takes long. */
static rkv_status open_cpu(rkv_backend **out) {
    return rkv_backend_open(out, "cpu");
}
static rkv_status open_cuda_on_host(rkv_backend **out) {
    return rkv_cuda_open(out, 0);
}
static const char *named_device;
static rkv_status open_named(rkv_backend **out) {
    return rkv_backend_open(out, named_device);
}
static struct {
    rkv_status (*open)(rkv_backend **out);
    size_t share;
} backends[] = {{open_cpu, 1}, {open_cuda_on_host, 11}};
static size_t n_backends = sizeof backends / sizeof *backends;

static void on_every_backend(void (*check)(rkv_backend *backend, size_t share)) {
    for (size_t i = 0; i < n_backends; i++) {
        rkv_backend *backend = NULL;
        assert_int_equal(backends[i].open(&backend), RKV_OK);
        check(backend, backends[i].share);
        rkv_backend_close(backend);
        assert_int_equal(host_device_live(), 0);
    }
}

static rkv_backend *open_backend(void) {
    rkv_backend *backend = NULL;
    assert_int_equal(open_cpu(&backend), RKV_OK);
    return backend;
}

/* ---- against the plain loops ---- */

static const rkv_row_format f32 = {.form = RKV_ROWS_F32};
static const rkv_row_format formats[] = {
    {RKV_ROWS_F32, RKV_AXIS_TOKEN, 0},    {RKV_ROWS_F16, RKV_AXIS_TOKEN, 0},
    {RKV_ROWS_BF16, RKV_AXIS_TOKEN, 0},   {RKV_ROWS_INT8, RKV_AXIS_TOKEN, 0},
    {RKV_ROWS_INT4, RKV_AXIS_TOKEN, 7},   {RKV_ROWS_INT8, RKV_AXIS_CHANNEL, 32},
    {RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 5}, {RKV_ROWS_INT4, RKV_AXIS_TOKEN, 0},
    {RKV_ROWS_INT8, RKV_AXIS_TOKEN, 16},  {RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 64},
    {RKV_ROWS_INT4, RKV_AXIS_TOKEN, 32},  {RKV_ROWS_INT8, RKV_AXIS_TOKEN, 64}};
#define N_FORMATS (sizeof formats / sizeof *formats)

/* Ordinary and ugly: head sizes that fill no vector, one entry, primes, chunk ends, lengths that differ, many
 * query heads to a group, many new tokens. */
static const cached_recipe ordinary[] = {
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

static void check_every_form(rkv_backend *backend, size_t share) {
    for (size_t i = 0; i < N_ORDINARY; i++)
        for (size_t f = 0; f < N_FORMATS; f++) {
            cached_recipe r = ordinary[i];
            r.keys = formats[f], r.values = formats[(f + i) % N_FORMATS];
            r.query_size = (f + i) % 3 ? 1 : 30;
            if ((i * N_FORMATS + f) % (share < 4 ? share : 4) == 0) cached_task_check(backend, &r);
        }
}

static void test_every_form(void **state) {
    (void)state;
    on_every_backend(check_every_form);
}

/* Every combination of bases and rotation, with ranks below, at and above what a vector holds. */
static void check_every_basis_and_rotation(rkv_backend *backend, size_t share) {
    static const size_t ranks[] = {0, 1, 5, 16, 24};
    for (size_t i = 0; i < N_ORDINARY; i++)
        for (size_t c = i % share; c < 5 * 5 * 3; c += share) {
            cached_recipe r = ordinary[i];
            r.key_rank = ranks[c % 5], r.value_rank = ranks[c / 5 % 5], r.turned = (int)(c / 25);
            r.keys = formats[c % N_FORMATS], r.values = formats[(c + i) % N_FORMATS];
            r.query_size = 2;
            if (r.shape.n_tokens < 50 || c % 7 == 0) cached_task_check(backend, &r);
        }
}

static void test_every_basis_and_rotation(void **state) {
    (void)state;
    on_every_backend(check_every_basis_and_rotation);
}

/* Where a device's blocks change their shape: heads and ranks up to its limit of 256, more heads than a
 * launch takes, more queries than it takes at a time, more query heads to a group than a block has rows. */
static void check_shapes_of_blocks(rkv_backend *backend, size_t share) {
    static const cached_recipe recipes[] = {
        {.shape = {1, 3, 1, 256}, .entries = {70, 0, 0}},
        {.shape = {5, 6, 2, 256}, .entries = {65, 5, 0}, .key_rank = 200, .value_rank = 130, .turned = 1},
        {.shape = {2, 2, 1, 256}, .entries = {67, 0, 0}, .key_rank = 256, .value_rank = 256, .turned = 2},
        {.shape = {1, 1, 1, 256}, .entries = {64, 0, 0}, .key_rank = 256, .value_rank = 1},
        {.shape = {1, 2, 2, 64}, .entries = {40, 66, 0}, .key_rank = 130, .value_rank = 200},
        {.shape = {2, 7, 1, 128}, .entries = {129, 0, 0}, .key_rank = 128, .value_rank = 64, .turned = 1},
        {.shape = {2, 7, 1, 130}, .entries = {64, 0, 0}, .turned = 2},
        {.shape = {33, 14, 2, 2}, .entries = {33, 190, 0}, .turned = 1},
        {.shape = {33, 3, 3, 64}, .entries = {97, 33, 64}},
        {.shape = {1, 70, 1, 8}, .entries = {200, 0, 0}},
        {.shape = {2, 35, 35, 4}, .entries = {2, 65, 130}, .value_rank = 3},
        {.shape = {400, 7, 1, 2}, .entries = {450, 0, 0}, .turned = 1},
    };
    (void)share;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        cached_recipe r = recipes[i];
        r.keys = formats[i % N_FORMATS], r.values = formats[(i + 3) % N_FORMATS], r.query_size = 2;
        cached_task_check(backend, &r);
    }
}

static void test_shapes_of_blocks(void **state) {
    (void)state;
    on_every_backend(check_shapes_of_blocks);
}

/* Long caches: the error stays where single precision's is, whatever the length. Weights are nearly equal,
 * so that every one counts. */
static void check_long_cache(rkv_backend *backend, size_t share) {
    (void)share;
    for (size_t m = 1; m <= 2; m++) {
        cached_recipe r = {
            .shape = {m, 2, 1, 64}, .entries = {10000, 0, 0}, .keys = f32, .values = f32, .query_size = 1};
        cached_task t = cached_task_new(backend, &r);
        double out[2 * 2 * 64], *sums = malloc(2 * 10000 * sizeof *sums);
        plain_attend_cached(&t.plain, out, &sums);
        assert_int_equal(cached_task_attend(&t), RKV_OK);
        for (size_t i = 0; i < m * 2 * 64; i++)
            assert_true(fabs((double)t.out[i] - out[i]) <= 1e-6 * t.value_most);
        free(sums);
        cached_task_free(&t);
    }
}

static void test_long_cache_is_accurate(void **state) {
    (void)state;
    on_every_backend(check_long_cache);
}

/* ---- what a result depends on ---- */

/* The same bits from any number of threads. */
static void test_threads_change_nothing(void **state) {
    (void)state;
    rkv_backend *backend = open_backend();
    int before = omp_get_max_threads();
    for (size_t c = 0; c < N_ORDINARY * N_FORMATS; c++) {
        const rkv_row_format *format = &formats[c % N_FORMATS];
        cached_recipe r = ordinary[c / N_FORMATS];
        r.keys = *format, r.values = *format, r.query_size = 3;
        cached_task t = cached_task_new(backend, &r);
        size_t size = r.shape.n_tokens * r.shape.n_heads * r.shape.head_dim;
        size_t n_sums = r.shape.n_heads / r.shape.n_kv_heads * r.entries[0];
        float *out = NULL, *sums = NULL;
        for (int threads = 1; threads <= 4; threads++) {
            for (size_t j = 0; j < n_sums; j++)
                t.heads[0].sums[j] = 0.5f;
            omp_set_num_threads(threads);
            assert_int_equal(cached_task_attend(&t), RKV_OK);
            if (out) assert_memory_equal(t.out, out, size * sizeof *out);
            if (sums) assert_memory_equal(t.heads[0].sums, sums, n_sums * sizeof *sums);
            if (out) continue;
            out = malloc(size * sizeof *out), sums = malloc(n_sums * sizeof *sums);
            memcpy(out, t.out, size * sizeof *out);
            memcpy(sums, t.heads[0].sums, n_sums * sizeof *sums);
        }
        free(out), free(sums);
        cached_task_free(&t);
    }
    omp_set_num_threads(before);
    rkv_backend_close(backend);
}

/* The same entries with room to spare, and a gap where others were: appended one by one. */
static rkv_rows *grown(rkv_backend *backend, const rkv_rows *rows) {
    size_t n = rkv_rows_count(rows), width = rkv_rows_width(rows), gone = n > 1 ? n / 3 : 0, kept = 0;
    rkv_rows *out = NULL;
    float *x = malloc(n * width * sizeof *x);
    uint32_t *index = malloc(n * sizeof *index);
    assert_int_equal(rkv_rows_read(rows, 0, n, x), RKV_OK);
    assert_int_equal(backend->ops->rows_new(backend, &f32, width, &out), RKV_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rkv_rows_append(out, x + i * width, 1, width), RKV_OK);
        if (i == gone) assert_int_equal(rkv_rows_append(out, x, 1, width), RKV_OK);
    }
    for (uint32_t i = 0; i < n + 1; i++)
        if (i != gone + 1) index[kept++] = i;
    assert_int_equal(rkv_rows_keep(out, index, n), RKV_OK);
    free(index), free(x);
    return out;
}

/* Head g of the task, to which out [m, H D] belongs, by itself. */
static void check_alone(const cached_task *t, size_t g) {
    rkv_backend *b = t->backend;
    rkv_attention_shape s = t->task.shape;
    size_t m = s.n_tokens, d = s.head_dim, each = s.n_heads / s.n_kv_heads, size = m * each * d;
    rkv_cached_head head = t->heads[g];
    head.keys = grown(b, head.keys), head.values = grown(b, head.values), head.sums = NULL;
    float *out = random_numbers(size, 1), *there = floats_there(b, out, size);
    float *q = floats_there(b, t->plain.q + g * size, size);
    rkv_cached_attention task = {{m, each, 1, d}, q, &head, NULL, 0, there};
    assert_int_equal(b->ops->attend_cached(b, &task), RKV_OK);
    assert_int_equal(b->ops->download(b, out, there, size), RKV_OK);
    for (size_t i = 0; i < m; i++)
        assert_memory_equal(out + i * each * d, t->out + (i * s.n_heads + g * each) * d,
                            each * d * sizeof *out);
    rkv_rows_free((rkv_rows *)head.keys), rkv_rows_free((rkv_rows *)head.values);
    b->ops->release(b, q), b->ops->release(b, there);
    free(out);
}

/* Each head by itself, in rows of another capacity and at other addresses, gives the bits that it gives among
 * the others. */
static void check_heads_apart(rkv_backend *backend, size_t share) {
    for (size_t i = 0; i < N_ORDINARY; i++) {
        cached_recipe r = ordinary[i];
        r.keys = r.values = f32, r.query_size = 3;
        if (share > 1 && (r.shape.n_kv_heads == 1 || r.entries[0] > 500 || r.entries[1] > 500)) continue;
        cached_task t = cached_task_new(backend, &r);
        assert_int_equal(cached_task_attend(&t), RKV_OK);
        for (size_t g = 0; g < r.shape.n_kv_heads; g++)
            check_alone(&t, g);
        cached_task_free(&t);
    }
}

static void test_heads_do_not_see_each_other(void **state) {
    (void)state;
    on_every_backend(check_heads_apart);
}

/* Rows with a gap where some were, short enough that it stays, and a copy of them, which has none. */
static rkv_rows *with_gap(rkv_backend *backend, const rkv_row_format *format, size_t n, size_t width,
                          rkv_rows **closed) {
    float *x = random_numbers(n * width, 1);
    rkv_rows *rows = rows_there(backend, x, format, n, width);
    uint32_t *index = malloc(n * sizeof *index);
    size_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i < n / 2 || i > n / 2 + n / 16 || i % 7 == 0) index[kept++] = i;
    assert_int_equal(rkv_rows_keep(rows, index, kept), RKV_OK);
    assert_int_equal(rkv_rows_copy(closed, rows), RKV_OK);
    free(index), free(x);
    return rows;
}

/* m queries over heads of n and n / 2 rows of d numbers, before some went. */
static void check_gap(rkv_backend *b, const rkv_row_format *format, size_t m, size_t n, size_t d) {
    enum { H = 6, G = 2 };
    rkv_cached_head gaps[G] = {{0}}, closed[G] = {{0}};
    rkv_rows *copies[2 * G];
    size_t size = m * H * d;
    float *q = random_numbers(size, 2), *there = floats_there(b, q, size), *out = floats_there(b, q, size);
    float *got = random_numbers(size, 1), *expected = random_numbers(size, 1);
    for (size_t g = 0; g < G; g++) {
        gaps[g].keys = with_gap(b, format, n / (g + 1), d, &copies[2 * g]);
        gaps[g].values = with_gap(b, format, n / (g + 1), d, &copies[2 * g + 1]);
        closed[g] = (rkv_cached_head){.keys = copies[2 * g], .values = copies[2 * g + 1]};
    }
    rkv_cached_attention task = {{m, H, G, d}, there, gaps, NULL, 0, out};
    assert_int_equal(b->ops->attend_cached(b, &task), RKV_OK);
    assert_int_equal(b->ops->download(b, got, out, size), RKV_OK);
    task.heads = closed;
    assert_int_equal(b->ops->attend_cached(b, &task), RKV_OK);
    assert_int_equal(b->ops->download(b, expected, out, size), RKV_OK);
    assert_memory_equal(got, expected, size * sizeof *got);
    for (size_t g = 0; g < G; g++) {
        rkv_rows_free((rkv_rows *)gaps[g].keys), rkv_rows_free((rkv_rows *)gaps[g].values);
        rkv_rows_free(copies[2 * g]), rkv_rows_free(copies[2 * g + 1]);
    }
    b->ops->release(b, there), b->ops->release(b, out);
    free(q), free(got), free(expected);
}

/* A gap changes no bit, in any form; rows of 64 and 128 numbers have kernels of their own. */
static void check_gaps(rkv_backend *b, size_t share) {
    static const size_t widths[] = {50, 64, 128};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (size_t f = w % share; f < N_FORMATS; f += w ? share : 1)
            for (size_t m = 1; m <= 2; m++)
                check_gap(b, &formats[f], m, share > 1 ? 200 : 600, widths[w]);
}

static void test_gaps_change_nothing(void **state) {
    (void)state;
    on_every_backend(check_gaps);
}

/* ---- what can go wrong ---- */

/* The k-th allocation from now on fails, of the host's or of the device that is played. */
static void fail_allocation(bool of_device, size_t k) {
    allocation_failed = false;
    if (of_device)
        host_device_fail_at(k + 1);
    else
        allocations_left = (long)k;
}

/* No longer; whether one has. */
static bool allocation_has_failed(bool of_device) {
    allocations_left = -1;
    return of_device ? host_device_fail_at(0) == 0 : allocation_failed;
}

/* Without the op's memory: an error, and nothing is lost or added. */
static void check_failing_allocations(rkv_backend *backend, size_t share) {
    (void)share;
    for (size_t c = 0; c < 4; c++)
        for (size_t k = 0, failed = 1; failed; k++) {
            cached_recipe r = {.shape = {c / 2 ? 3 : 1, 4, 2, 10},
                               .entries = {20, 30, 0},
                               .key_rank = 4,
                               .turned = 1,
                               .query_size = 1};
            cached_task t = cached_task_new(backend, &r);
            size_t live = host_device_live();
            fail_allocation(c % 2, k);
            rkv_status status = backend->ops->attend_cached(backend, &t.task);
            failed = allocation_has_failed(c % 2);
            assert_int_equal(status, failed ? RKV_NO_MEMORY : RKV_OK);
            assert_int_equal(host_device_live(), live);
            if (failed) assert_true(t.heads[0].sums[0] == 1 && t.heads[1].sums[29] == 1);
            cached_task_free(&t);
        }
}

static void test_failing_allocations(void **state) {
    (void)state;
    on_every_backend(check_failing_allocations);
}

/* A device has a limit, and names it; the CPU has none. */
static void check_too_wide(rkv_backend *backend, size_t share) {
    static const cached_recipe recipes[] = {
        {.shape = {1, 1, 1, 258}, .entries = {3, 0, 0}},
        {.shape = {1, 1, 1, 8}, .entries = {3, 0, 0}, .key_rank = 257},
        {.shape = {1, 2, 2, 8}, .entries = {3, 3, 0}, .value_rank = 257},
    };
    (void)share;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        cached_task t = cached_task_new(backend, &recipes[i]);
        rkv_status status = backend->ops->attend_cached(backend, &t.task);
        assert_int_equal(status, backend->host_memory ? RKV_OK : RKV_UNAVAILABLE);
        if (status) assert_non_null(strstr(rkv_message(), "256"));
        cached_task_free(&t);
    }
}

static void test_too_wide(void **state) {
    (void)state;
    on_every_backend(check_too_wide);
}

/* Nobody waits for the device but for sums, and then once. */
static void test_device_is_not_waited_for(void **state) {
    (void)state;
    rkv_backend *backend;
    cached_recipe r = {.shape = {2, 40, 20, 4}, .entries = {70, 30, 40}, .query_size = 1};
    assert_int_equal(open_cuda_on_host(&backend), RKV_OK);
    cached_task t = cached_task_new(backend, &r);
    for (size_t sums = 2; sums--;) {
        size_t before = host_device_waits();
        assert_int_equal(backend->ops->attend_cached(backend, &t.task), RKV_OK);
        assert_int_equal(host_device_waits() - before, sums);
        for (size_t g = 0; g < 20; g++) {
            free(t.heads[g].sums);
            t.heads[g].sums = NULL;
        }
    }
    cached_task_free(&t);
    rkv_backend_close(backend);
}

/* ---- attention of some queries ---- */

static rkv_random dice = {11};

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
    float *q = random_numbers(m * d, 5), *k = random_numbers(n * d, 1), *p = random_numbers(m * n, 1);
    double *expected = malloc((m * n + 1) * sizeof *expected);
    int32_t *query = malloc(m * sizeof *query), *key = malloc((n + 1) * sizeof *key);
    make_positions(m, n, shuffled, query, key);
    for (size_t i = 0; i < m * n; i++)
        p[i] = NAN; /* what lay there is not looked at */
    plain_attention_rows(q, query, m, k, key, n, d, expected);
    assert_int_equal(rkv_cpu_attention_rows(backend, q, query, m, k, key, n, d, p), RKV_OK);
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
    float *q = random_numbers(CALLS * M * D, 2), *k = random_numbers(N * D, 1);
    float *one = random_numbers(CALLS * M * N, 0), *many = random_numbers(CALLS * M * N, 0);
    int32_t query[M], key[N];
    make_positions(M, N, false, query, key);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(
            rkv_cpu_attention_rows(backend, q + i * M * D, query, M, k, key, N, D, one + i * M * N), RKV_OK);
#pragma omp parallel for num_threads(4)
    for (size_t i = 0; i < CALLS; i++)
        (void)rkv_cpu_attention_rows(backend, q + i * M * D, query, M, k, key, N, D, many + i * M * N);
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
        float *q = random_numbers(h * n * d, 5), *k = random_numbers(g * n * d, 1),
              *v = random_numbers(g * n * d, 1);
        float *p = i % 2 ? random_numbers(h * n * n, 1) : NULL, *out = random_numbers(h * n * d, 1);
        /* all keys' sums, then those from afar; set, not increased */
        float *sums = random_numbers(2 * h * n, 1), *first = NULL;
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

/* 77: skipped, for there is no such device. */
static int test_named_device(const char *device) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_every_basis_and_rotation),
        cmocka_unit_test(test_shapes_of_blocks),
        cmocka_unit_test(test_long_cache_is_accurate),
        cmocka_unit_test(test_heads_do_not_see_each_other),
        cmocka_unit_test(test_gaps_change_nothing),
        cmocka_unit_test(test_too_wide),
    };
    rkv_backend *backend;
    rkv_status status = rkv_backend_open(&backend, device);
    rkv_backend_close(backend);
    if (status == RKV_UNAVAILABLE) {
        printf("skipped: %s\n", rkv_message());
        return 77;
    }
    named_device = device;
    backends[0].open = open_named;
    n_backends = 1;
    return cmocka_run_group_tests_name("cached_attention", tests, NULL, NULL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_every_basis_and_rotation),
        cmocka_unit_test(test_shapes_of_blocks),
        cmocka_unit_test(test_long_cache_is_accurate),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_heads_do_not_see_each_other),
        cmocka_unit_test(test_gaps_change_nothing),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_too_wide),
        cmocka_unit_test(test_device_is_not_waited_for),
        cmocka_unit_test(test_attention_rows),
        cmocka_unit_test(test_attention_rows_in_threads),
        cmocka_unit_test(test_attention_sums),
    };
    if (argc > 1) return test_named_device(argv[1]);
    return cmocka_run_group_tests_name("cached_attention", tests, NULL, NULL);
}
