/* test_backend.c: every operation of every backend that is present, over ordinary and ugly shapes, against
 * the plain loops of support/plain_ops.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "backend/cpu_gemm.h"
#include "backend/simd_math.h"
#include "cuda/open.h"
#include "cuda_host/host_device.h"
#include "support/device_data.h"
#include "support/plain_ops.h"
#include "support/score_checks.h"
#include "support/singular_checks.h"
#include "support/turn_checks.h"
#include "support/weight_checks.h"

/* Backends that every machine has; others are named on the command line ("cuda"). */
static rkv_status open_cpu(rkv_backend **out) {
    return rkv_backend_open(out, "cpu");
}
static rkv_status open_cuda_on_host(rkv_backend **out) {
    return rkv_cuda_open(out, 0);
}
static const struct {
    const char *name;
    rkv_status (*open)(rkv_backend **out);
} backends[] = {{"cpu", open_cpu}, {"cuda's sources on the host", open_cuda_on_host}};

/* Device memory against expected values: absolute difference within tolerance. */
static void assert_device_close(rkv_backend *b, const char *what, const float *device, const double *expected,
                                size_t n, double tolerance) {
    float *host = malloc((n + 1) * sizeof *host);
    assert_int_equal(b->ops->download(b, host, device, n), RKV_OK);
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)host[i] - expected[i]) <= tolerance))
            fail_msg("%s on %s: element %zu is %.9g, not %.9g (tolerance %.2g)", what, b->ops->name, i,
                     (double)host[i], expected[i], tolerance);
    free(host);
}

/* ---- the operations ----
 * Tolerances: u = 2^-24 is float32's unit roundoff; a sum of n products of values below 1 carries at most
 * about sqrt(n) u n^(1/2) in any order of summation that is used here, so n u is safe without hiding a wrong
 * term. */
#define U 0x1p-24

static const size_t sizes[][3] = {{1, 1, 1},    {1, 576, 192}, {7, 13, 5},
                                  {64, 64, 64}, {65, 67, 129}, {200, 96, 31}};
#define N_SIZES (sizeof sizes / sizeof *sizes)

static void check_rms_norm(rkv_backend *b) {
    for (size_t s = 0; s < N_SIZES; s++) {
        size_t n = sizes[s][0], e = sizes[s][1];
        float *x = random_floats(n * e), *w = random_floats(e), *dx = on_device(b, x, n * e),
              *dw = on_device(b, w, e);
        float *y = empty_device(b, n * e);
        double *expected = malloc(n * e * sizeof *expected);
        plain_rms_norm(x, w, n, e, 1e-5f, expected);
        assert_int_equal(b->ops->rms_norm(b, dx, dw, n, e, 1e-5f, y), RKV_OK);
        /* a value is at most sqrt(E) (one element holds the norm); its scale has the sum's and three more
         * roundings */
        assert_device_close(b, "rms_norm", y, expected, n * e, sqrt((double)e) * ((double)e / 2 + 4) * U);
        free(x), free(w), free(expected);
        b->ops->release(b, dx), b->ops->release(b, dw), b->ops->release(b, y);
    }
}

/* The matrix is filled in two pieces that meet anywhere, and the product takes its end too. */
static void check_matmul(rkv_backend *b) {
    for (size_t s = 0; s < 2 * N_SIZES; s++) {
        size_t m = sizes[s / 2][0], n = sizes[s / 2][1] + RKV_MATRIX_STEP, k = sizes[s / 2][2], split = n / 3;
        bool accumulate = s % 2;
        float *x = random_floats(m * k), *w = random_floats(n * k), *add = random_floats(m * n);
        double *expected = malloc(m * n * sizeof *expected);
        rkv_matrix *matrix = NULL;
        assert_int_equal(b->ops->matrix_new(b, RKV_WEIGHT_F32, n, k, &matrix), RKV_OK);
        assert_int_equal(b->ops->matrix_put(b, matrix, split, n - split, w + split * k), RKV_OK);
        assert_int_equal(b->ops->matrix_put(b, matrix, 0, split, w), RKV_OK);
        for (size_t first = 0; first < n; first += RKV_MATRIX_STEP) {
            float *dx = on_device(b, x, m * k), *y = on_device(b, add, m * (n - first));
            plain_matmul(x, w + first * k, m, n - first, k, accumulate ? add : NULL, expected);
            assert_int_equal(b->ops->matmul(b, dx, m, matrix, first, n - first, accumulate, y), RKV_OK);
            assert_device_close(b, "matmul", y, expected, m * (n - first),
                                (double)(k + 1) * U * sqrt((double)k + 1));
            b->ops->release(b, dx), b->ops->release(b, y);
        }
        b->ops->matrix_free(b, matrix);
        free(x), free(w), free(add), free(expected);
    }
}

/* Lists of a layer, more than a launch has, one of them empty; what lies between coordinates is left alone.
 * Rows and back: the coordinates of the one are what the other begins with. */
static void check_basis(rkv_backend *b, bool back) {
    enum { LISTS = 33, WIDE = 67, GAP = 3 };
    rkv_basis_rows lists[LISTS];
    double *expected[LISTS];
    for (size_t i = 0; i < LISTS; i++) {
        size_t n = i == 5 ? 0 : 1 + i % 3 * 20, rank = i % 4 == 3 ? WIDE : 1 + i * 2 % 50,
               stride = rank + i % 2 * GAP;
        size_t rows = n * WIDE, apart = n * stride, given = back ? apart : rows, made = back ? rows : apart;
        float *basis = random_floats(rank * WIDE), *from = random_floats(given), *to = random_floats(made);
        lists[i] = (rkv_basis_rows){on_device(b, basis, rank * WIDE), rank, stride, on_device(b, from, given),
                                    on_device(b, to, made),           n};
        expected[i] = malloc((made + 1) * sizeof **expected);
        plain_basis(&(rkv_basis_rows){basis, rank, stride, from, to, n}, WIDE, back, expected[i]);
        free(basis), free(from), free(to);
    }
    assert_int_equal((back ? b->ops->expand : b->ops->project)(b, lists, LISTS, WIDE), RKV_OK);
    assert_int_equal((back ? b->ops->expand : b->ops->project)(b, lists + 5, 1, WIDE), RKV_OK); /* no rows */
    for (size_t i = 0; i < LISTS; i++) {
        size_t made = lists[i].n * (back ? (size_t)WIDE : lists[i].stride);
        assert_device_close(b, "a basis", lists[i].to, expected[i], made, (WIDE + 1) * U * sqrt(WIDE + 1.0));
        b->ops->release(b, (float *)lists[i].basis), b->ops->release(b, (float *)lists[i].from);
        b->ops->release(b, lists[i].to);
        free(expected[i]);
    }
}

static void check_project(rkv_backend *b) {
    check_basis(b, false);
}

static void check_expand(rkv_backend *b) {
    check_basis(b, true);
}

static const rkv_attention_shape shapes[] = {{1, 1, 1, 2},    {2, 3, 1, 4},   {63, 4, 2, 16},
                                             {64, 2, 2, 8},   {65, 9, 3, 64}, {129, 6, 1, 32},
                                             {300, 2, 1, 10}, {600, 1, 1, 2}};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

static void check_split_rotate(rkv_backend *b) {
    for (size_t i = 0; i < 4 * N_SHAPES; i++) {
        const rkv_attention_shape *s = &shapes[i / 4];
        rkv_rope_pairing pairing = i % 2 ? RKV_ROPE_HALVES : RKV_ROPE_ADJACENT;
        size_t n = s->n_tokens, d = s->head_dim, width = (s->n_heads + 2 * s->n_kv_heads) * d;
        size_t nq = s->n_heads * n * d, nkv = s->n_kv_heads * n * d;
        float *x = random_floats(n * width), *bias = random_floats(width), *turn = random_floats(n * d);
        float *dx = on_device(b, x, n * width), *db = on_device(b, bias, width),
              *dt = on_device(b, turn, n * d);
        float *q = empty_device(b, nq), *k = empty_device(b, nkv), *v = empty_device(b, nkv);
        double *eq = malloc(nq * sizeof *eq), *ek = malloc(nkv * sizeof *ek), *ev = malloc(nkv * sizeof *ev);
        bool biased = i % 4 > 1;
        plain_split_rotate(x, biased ? bias : NULL, turn, pairing, s, eq, ek, ev);
        assert_int_equal(b->ops->split_rotate(b, dx, biased ? db : NULL, dt, pairing, s, q, k, v), RKV_OK);
        assert_device_close(b, "split_rotate q", q, eq, nq, 16 * U);
        assert_device_close(b, "split_rotate k", k, ek, nkv, 16 * U);
        assert_device_close(b, "split_rotate v", v, ev, nkv, 4 * U);
        free(x), free(bias), free(turn), free(eq), free(ek), free(ev);
        b->ops->release(b, dx), b->ops->release(b, db), b->ops->release(b, dt);
        b->ops->release(b, q), b->ops->release(b, k), b->ops->release(b, v);
    }
}

static void check_attention(rkv_backend *b) {
    for (size_t i = 0; i < 2 * N_SHAPES; i++) {
        const rkv_attention_shape *s = &shapes[i / 2];
        size_t n = s->n_tokens, nq = s->n_heads * n * s->head_dim, nkv = s->n_kv_heads * n * s->head_dim;
        size_t np = s->n_heads * n * n;
        float *q = random_floats(nq), *k = random_floats(nkv), *v = random_floats(nkv);
        for (size_t j = 0; j < nq; j++)
            q[j] *= 30; /* so that some rows are nearly one-hot */
        float *dq = on_device(b, q, nq), *dk = on_device(b, k, nkv), *dv = on_device(b, v, nkv);
        float *p = i % 2 ? empty_device(b, np) : NULL, *out = empty_device(b, nq);
        double *ep = malloc(np * sizeof *ep), *eo = malloc(nq * sizeof *eo);
        plain_attention(q, k, v, s, ep, eo);
        assert_int_equal(b->ops->attention(b, dq, dk, dv, s, p, NULL, out), RKV_OK);
        /* logits up to 30 sqrt(D) carry (D + 2) u of that; exp turns it into a relative error of the weights
         */
        double tolerance =
            30 * sqrt((double)s->head_dim) * (double)(s->head_dim + 2) * U + (double)(n + 4) * U;
        if (p) assert_device_close(b, "attention", p, ep, np, tolerance);
        assert_device_close(b, "attention output", out, eo, nq, 2 * tolerance);
        free(q), free(k), free(v), free(ep), free(eo);
        b->ops->release(b, dq), b->ops->release(b, dk), b->ops->release(b, dv);
        b->ops->release(b, p), b->ops->release(b, out);
    }
}

/* Sums over all queries and over those far enough, with and without rows that are kept. */
static void check_attention_sums(rkv_backend *b) {
    for (size_t i = 0; i < 2 * N_SHAPES; i++) {
        const rkv_attention_shape *s = &shapes[i / 2];
        size_t n = s->n_tokens, nq = s->n_heads * n * s->head_dim, nkv = s->n_kv_heads * n * s->head_dim;
        size_t np = s->n_heads * n * n, distance = i % 2 ? 1 : n / 2;
        float *q = random_floats(nq), *k = random_floats(nkv), *v = random_floats(nkv);
        float *dq = on_device(b, q, nq), *dk = on_device(b, k, nkv), *dv = on_device(b, v, nkv);
        float *p = i % 2 ? empty_device(b, np) : NULL, *out = empty_device(b, nq);
        float *all = random_floats(s->n_heads * n), *far = random_floats(s->n_heads * n);
        double *ep = malloc(np * sizeof *ep), *eo = malloc(nq * sizeof *eo);
        plain_attention(q, k, v, s, ep, eo);
        rkv_attention_sums sums = {all, far, distance};
        assert_int_equal(b->ops->attention(b, dq, dk, dv, s, p, &sums, out), RKV_OK);
        /* up to T weights, each as exact as in check_attention (here logits are below sqrt(D)) */
        double weight = sqrt((double)s->head_dim) * (double)(s->head_dim + 2) + 2 * (double)n + 8;
        double tolerance = (double)n * weight * U;
        for (size_t j = 0; j < s->n_heads * n; j++) {
            double expected_all = 0, expected_far = 0;
            for (size_t t = j % n; t < n; t++) {
                double x = ep[(j / n * n + t) * n + j % n];
                expected_all += x;
                if (t >= j % n + distance) expected_far += x;
            }
            assert_true(fabs((double)all[j] - expected_all) <= tolerance);
            assert_true(fabs((double)far[j] - expected_far) <= tolerance);
        }
        free(q), free(k), free(v), free(ep), free(eo), free(all), free(far);
        b->ops->release(b, dq), b->ops->release(b, dk), b->ops->release(b, dv);
        b->ops->release(b, p), b->ops->release(b, out);
    }
}

static void check_swiglu(rkv_backend *b) {
    size_t n = 5, f = 333;
    float *x = random_floats(n * 2 * f);
    for (size_t i = 0; i < n * 2 * f; i++)
        x[i] *= i % 7 == 0 ? 200 : 8; /* far out in both tails too */
    float *dx = on_device(b, x, n * 2 * f), *y = empty_device(b, n * f);
    double *expected = malloc(n * f * sizeof *expected);
    plain_swiglu(x, n, f, expected);
    float *host = malloc(n * f * sizeof *host);
    assert_int_equal(b->ops->swiglu(b, dx, n, f, y), RKV_OK);
    assert_int_equal(b->ops->download(b, host, y, n * f), RKV_OK);
    /* the exponential's two units and four roundings, relative; below 1e-30 the result may be flushed */
    for (size_t i = 0; i < n * f; i++)
        assert_true(fabs((double)host[i] - expected[i]) <= 16 * U * fabs(expected[i]) + 1e-30);
    free(host);
    free(x), free(expected);
    b->ops->release(b, dx), b->ops->release(b, y);
}

/* Three chunks of a vocabulary folded one by one against a log-sum-exp of the whole. */
static void check_fold_logits(rkv_backend *b) {
    enum { TOKENS = 9, CHUNK = 37, CHUNKS = 3 };
    float *logits = random_floats(TOKENS * CHUNK * CHUNKS);
    double maximum[TOKENS], sum[TOKENS] = {0}, target_logit[TOKENS] = {0};
    int32_t target[TOKENS];
    for (size_t t = 0; t < TOKENS; t++) {
        maximum[t] = -INFINITY;
        target[t] = (int32_t)(t * 13) - 1;
    }
    for (size_t i = 0; i < TOKENS * CHUNK * CHUNKS; i++)
        logits[i] *= 20;
    for (size_t c = 0; c < CHUNKS; c++) {
        float *chunk = on_device(b, logits + c * TOKENS * CHUNK, TOKENS * CHUNK);
        assert_int_equal(
            b->ops->fold_logits(b, chunk, TOKENS, CHUNK, c * CHUNK, target, maximum, sum, target_logit),
            RKV_OK);
        b->ops->release(b, chunk);
    }
    for (size_t t = 0; t < TOKENS; t++) {
        double total = 0;
        for (size_t c = 0; c < CHUNKS; c++)
            for (size_t j = 0; j < CHUNK; j++)
                total += exp((double)logits[(c * TOKENS + t) * CHUNK + j]);
        assert_true(fabs(maximum[t] + log(sum[t]) - log(total)) < 1e-5);
        size_t id = (size_t)target[t];
        if (target[t] >= 0)
            assert_true(target_logit[t] == (double)logits[(id / CHUNK * TOKENS + t) * CHUNK + id % CHUNK]);
    }
    free(logits);
}

/* Every tile that this processor can run, not only the best one: few rows, overlapping rows, part of a panel.
 */
static void test_every_tile(void **state) {
    (void)state;
    const rkv_tile *tile;
    for (size_t t = 0; (tile = rkv_tile_at(t)); t++)
        for (size_t s = 0; s < 2 * N_SIZES; s++) {
            size_t m = sizes[s / 2][0], n = sizes[s / 2][1], k = sizes[s / 2][2] * 7;
            bool accumulate = s % 2;
            float *x = random_floats(m * k), *w = random_floats(n * k), *y = random_floats(m * n);
            float *panels = calloc(rkv_whole_panels(tile, n) * k, sizeof *panels);
            double *expected = malloc(m * n * sizeof *expected);
            plain_matmul(x, w, m, n, k, accumulate ? y : NULL, expected);
            rkv_pack_transposed(tile, w, n, k, panels, 0);
            rkv_gemm(tile, x, k, m, (rkv_panels){panels, k * tile->panel, tile->panel}, n, k, y, n,
                     accumulate);
            for (size_t i = 0; i < m * n; i++)
                if (!(fabs((double)y[i] - expected[i]) <= (double)(k + 1) * U * sqrt((double)k + 1)))
                    fail_msg("tile %s, %zu x %zu x %zu: element %zu is %.9g, not %.9g", tile->name, m, n, k,
                             i, (double)y[i], expected[i]);
            free(x), free(w), free(y), free(panels), free(expected);
        }
}

/* ---- metrics ---- */

static void check_row_metrics(rkv_backend *b) {
    static const size_t lengths[] = {1, 2, 5, 33, 64, 65, 257, 300, 400};
    for (size_t s = 0; s < sizeof lengths / sizeof *lengths; s++) {
        size_t n = lengths[s];
        float *a = random_attention(n);
        int32_t *ids = malloc(n * sizeof *ids);
        for (size_t i = 0; i < n; i++)
            ids[i] = (int32_t)rkv_random_below(&dice, n / 3 + 1);
        if (n > 4) a[3 * n + 1] = -0.0f; /* a zero that foreign files may hold */
        float *device = on_device(b, a, n * n);
        rkv_row_metrics got, expected;
        assert_int_equal(b->ops->row_metrics(b, device, 1, n, ids, &got), RKV_OK);
        plain_row_metrics(a, n, ids, &expected);
        /* masses are float64 sums on both sides; the entropy's logarithm is float32's */
        assert_true(got.finite);
        assert_true(fabs(got.row_perplexity / expected.row_perplexity - 1) <= 32 * U);
        assert_true(got.keys_95 == expected.keys_95);
        assert_true(fabs(got.sink_4 - expected.sink_4) <= 1e-12);
        assert_true(fabs(got.local_32 - expected.local_32) <= 1e-12);
        assert_true(fabs(got.long_256 - expected.long_256) <= 1e-12);
        assert_true(fabs(got.ind1 - expected.ind1) <= 1e-12);
        assert_true(fabs(got.squared_norm / expected.squared_norm - 1) <= 1e-12);
        b->ops->release(b, device);
        free(a), free(ids);
    }
}

static void check_row_metrics_see_bad_values(rkv_backend *b) {
    static const float bad[] = {NAN, INFINITY, -0.5f, 1.5f};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        float *a = random_attention(40);
        a[20 * 40 + 7] = bad[i];
        float *device = on_device(b, a, 40 * 40);
        rkv_row_metrics got;
        assert_int_equal(b->ops->row_metrics(b, device, 1, 40, NULL, &got), RKV_OK);
        assert_false(got.finite);
        b->ops->release(b, device);
        free(a);
    }
}

static void check_head_mean(rkv_backend *b) {
    size_t n = 45, heads = 3;
    float *a = random_floats(heads * n * n), *device = on_device(b, a, heads * n * n),
          *mean = empty_device(b, n * n);
    double *expected = calloc(n * n, sizeof *expected);
    for (size_t i = 0; i < heads * n * n; i++)
        expected[i % (n * n)] += (double)a[i] / (double)heads;
    assert_int_equal(b->ops->head_mean(b, device, heads, n, mean), RKV_OK);
    assert_device_close(b, "head_mean", mean, expected, n * n, 2 * U);
    free(a), free(expected);
    b->ops->release(b, device), b->ops->release(b, mean);
}

#define OP(name) offsetof(rkv_backend_ops, name)
static const struct {
    const char *name;
    size_t op; /* that of the table which it is about */
    void (*check)(rkv_backend *backend);
} operations[] = {
    {"rms_norm", OP(rms_norm), check_rms_norm},
    {"matmul", OP(matmul), check_matmul},
    {"matmul of every form of weights", OP(matmul), check_matmul_of_forms},
    {"matmul decodes exactly", OP(matmul), check_matmul_decodes_exactly},
    {"matmul of tokens alone", OP(matmul), check_matmul_of_tokens_alone},
    {"matmul of infinite scales", OP(matmul), check_matmul_of_infinite_scales},
    {"project", OP(project), check_project},
    {"expand", OP(expand), check_expand},
    {"split_rotate", OP(split_rotate), check_split_rotate},
    {"attention", OP(attention), check_attention},
    {"attention's sums", OP(attention), check_attention_sums},
    {"row_norms", OP(row_norms), check_row_norms},
    {"row_norms of bad values", OP(row_norms), check_row_norms_of_bad_values},
    {"mean_cosines", OP(mean_cosines), check_mean_cosines},
    {"mean_cosines of bad values", OP(mean_cosines), check_mean_cosines_of_bad_values},
    {"attention_means", OP(attention_means), check_attention_means},
    {"attention_means of bad values", OP(attention_means), check_attention_means_of_bad_values},
    {"expected_logits", OP(expected_logits), check_expected_logits},
    {"expected_logits of bad values", OP(expected_logits), check_expected_logits_of_bad_values},
    {"query_moments", OP(query_moments), check_query_moments},
    {"query_moments far from zero", OP(query_moments), check_query_moments_far_from_zero},
    {"gram", OP(gram), check_gram},
    {"gram of bad values", OP(gram), check_gram_of_bad_values},
    {"gather", OP(gather), check_gather},
    {"turn", OP(turn), check_turn},
    {"turn of bad values", OP(turn), check_turn_of_bad_values},
    {"kept_attention", OP(kept_attention), check_kept_attention},
    {"kept_attention of bad values", OP(kept_attention), check_kept_attention_of_bad_values},
    {"swiglu", OP(swiglu), check_swiglu},
    {"fold_logits", OP(fold_logits), check_fold_logits},
    {"singular_values", OP(singular_values), check_singular_values},
    {"singular_values of a large matrix", OP(singular_values), check_large_singular},
    {"singular_values of one matrix alone", OP(singular_values), check_singular_alone},
    {"singular_values of zeros", OP(singular_values), check_ranks_of_zeros},
    {"singular_values refuse NaN", OP(singular_values), check_singular_refuses_nan},
    {"row_metrics", OP(row_metrics), check_row_metrics},
    {"row_metrics see bad values", OP(row_metrics), check_row_metrics_see_bad_values},
    {"head_mean", OP(head_mean), check_head_mean},
};

/* Operations may be NULL where a device has none. */
static bool has(const rkv_backend *b, size_t op) {
    void (*function)(void);
    memcpy(&function, (const char *)b->ops + op, sizeof function);
    return function != NULL;
}

static void check_every_operation(rkv_backend *b, const char *name) {
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (has(b, operations[i].op))
            operations[i].check(b);
        else
            printf("skipped: %s has no %s\n", name, operations[i].name);
}

static void test_every_operation_on_every_backend(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        rkv_backend *b;
        assert_int_equal(backends[i].open(&b), RKV_OK);
        check_every_operation(b, backends[i].name);
        rkv_backend_close(b);
    }
    assert_int_equal(host_device_live(), 0);
}

static const char *named_device;

static void test_every_operation_on_named_device(void **state) {
    (void)state;
    rkv_backend *b;
    assert_int_equal(rkv_backend_open(&b, named_device), RKV_OK);
    printf("on %s\n", b->description);
    check_every_operation(b, named_device);
    rkv_backend_close(b);
}

static void test_unknown_device(void **state) {
    (void)state;
    rkv_backend *b;
    assert_int_equal(rkv_backend_open(&b, "tpu"), RKV_USAGE);
    assert_null(b);
    assert_non_null(strstr(rkv_message(), "tpu"));
}

/* Two units in the last place over the ranges that the header names. */
static void test_exponential_and_logarithm(void **state) {
    (void)state;
    for (int i = 0; i < 2000000; i++) {
        float x = (float)(-87.3 + 175.3 * i / 2e6), y = ldexpf(1.0f + (float)i / 2e6f, i % 250 - 124);
        assert_true(fabs((double)rkv_exp(x) / exp((double)x) - 1) <= 2.5 * 2 * U);
        assert_true(rkv_exp(-ldexpf(1.0f + (float)i / 2e6f, -(i % 30))) <= 1);
        double log_error = fabs((double)rkv_log(y) - log((double)y));
        assert_true(log_error <= 2 * 2 * U * fmax(fabs(log((double)y)), 0x1p-2));
    }
    assert_true(rkv_exp(-INFINITY) == 0 && rkv_exp(-88) == 0 && rkv_exp(0) == 1 && isnan(rkv_exp(NAN)));
    assert_true(rkv_log(1) == 0);
}

/* 77: skipped, for there is no such device. */
static int test_named_device(const char *device) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_operation_on_named_device)};
    rkv_backend *b;
    rkv_status status = rkv_backend_open(&b, device);
    rkv_backend_close(b);
    if (status == RKV_UNAVAILABLE) {
        printf("skipped: %s\n", rkv_message());
        return 77;
    }
    named_device = device;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation_on_every_backend),
        cmocka_unit_test(test_every_tile),
        cmocka_unit_test(test_unknown_device),
        cmocka_unit_test(test_exponential_and_logarithm),
    };
    return argc > 1 ? test_named_device(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
