/* score_checks.c: the operations that selections score entries with, against plain loops. */
#include "support/score_checks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/device_data.h"
#include "support/plain_ops.h"
#include "support/scored_heads.h"

#define U 0x1p-24 /* float32's unit roundoff */

/* Heads without rows, of one row, of primes, and above a block; more heads than a launch takes; a few
 * queries, many, and more than are looked at together. */
static const size_t ragged[] = {65, 0, 1, 130, 7, 257}, longer[] = {300, 13}, short_ones[] = {3, 0, 2},
                    lone[] = {1}, none[] = {0};
#define LENGTHS(x) x, sizeof x / sizeof *x
static const scored_shape shapes[] = {
    {1, 1, 1, 1, LENGTHS(lone)},         {2, 1, 4, 3, LENGTHS(none)},
    {6, 1, 2, 1, LENGTHS(ragged)},       {6, 3, 64, 1, LENGTHS(ragged)},
    {6, 2, 67, 7, LENGTHS(ragged)},      {3, 3, 16, 64, LENGTHS(ragged)},
    {2, 1, 130, 9, LENGTHS(longer)},     {2, 2, 3, 515, LENGTHS(short_ones)},
    {131, 2, 5, 4, LENGTHS(short_ones)}, {131, 1, 5, 17, LENGTHS(short_ones)},
};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

/* ---- norms ---- */

/* The squares of float32 numbers are exact in float64 and added in the order of the row: the same bits on
 * every device, so that the same entries stay. */
void check_row_norms(rkv_backend *b) {
    for (size_t i = 0; i < N_SHAPES; i++) {
        scored_heads s = scored_heads_new(b, &shapes[i]);
        scored_heads_run(&s, "row_norms");
        for (size_t g = 0; g < s.n_kv_heads; g++)
            for (size_t j = 0; j < s.heads[g].n; j++) {
                double expected = plain_row_norm(s.rows[g] + j * s.width, s.width);
                if (s.norms[g][j] != expected)
                    fail_msg("row_norms on %s: head %zu, row %zu is %.17g, not %.17g", b->ops->name, g, j,
                             s.norms[g][j], expected);
            }
        scored_heads_free(&s);
    }
}

void check_row_norms_of_bad_values(rkv_backend *b) {
    static const size_t length[] = {4};
    scored_shape shape = {1, 1, 3, 1, LENGTHS(length)};
    scored_heads s = scored_heads_new(b, &shape);
    scored_heads_set(&s, 0, 0, 1, NAN);
    scored_heads_set(&s, 0, 1, 2, -INFINITY);
    scored_heads_set(&s, 0, 2, 0, 3e38f); /* its square is no float32 number */
    scored_heads_run(&s, "row_norms");
    assert_true(isnan(s.norms[0][0]));
    assert_true(isinf(s.norms[0][1]) && s.norms[0][1] > 0);
    assert_true(s.norms[0][2] == plain_row_norm(s.rows[0] + 2 * s.width, s.width));
    scored_heads_free(&s);
}

/* ---- Gram matrices ---- */

/* Products of float32 numbers are exact in float64; each of the two sums of n of them is off by n 2^-53 of
 * what their sizes come to. */
static void assert_gram(scored_heads *s) {
    size_t square = s->width * s->width;
    double *expected = malloc(square * sizeof *expected), *size = malloc(square * sizeof *size);
    scored_heads_run(s, "gram");
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        plain_gram(s->rows[g], s->heads[g].n, s->width, expected, size);
        for (size_t i = 0; i < square; i++)
            if (i / s->width <= i % s->width &&
                !(fabs(s->gram[g][i] - expected[i]) <= 2 * (double)s->heads[g].n * 0x1p-53 * size[i]))
                fail_msg("gram on %s: head %zu of %zu rows of %zu, number %zu is %.17g, not %.17g",
                         s->backend->ops->name, g, s->heads[g].n, s->width, i, s->gram[g][i], expected[i]);
    }
    free(expected), free(size);
}

/* And more rows than are widened together. */
void check_gram(rkv_backend *b) {
    static const size_t many[] = {8200, 8192};
    scored_shape long_heads = {2, 1, 64, 1, LENGTHS(many)};
    for (size_t i = 0; i <= N_SHAPES; i++) {
        scored_heads s = scored_heads_new(b, i < N_SHAPES ? &shapes[i] : &long_heads);
        assert_gram(&s);
        scored_heads_free(&s);
    }
}

/* A bad number is told on the diagonal; the largest has a square. */
void check_gram_of_bad_values(rkv_backend *b) {
    static const size_t length[] = {140};
    scored_shape shape = {3, 1, 4, 1, LENGTHS(length)};
    scored_heads s = scored_heads_new(b, &shape);
    scored_heads_set(&s, 0, 130, 2, NAN);
    scored_heads_set(&s, 1, 3, 0, -INFINITY);
    scored_heads_set(&s, 2, 5, 1, 3e38f);
    scored_heads_run(&s, "gram");
    assert_true(!isfinite(s.gram[0][2 * 4 + 2]) && isfinite(s.gram[0][4 + 1]));
    assert_true(!isfinite(s.gram[1][0]) && isfinite(s.gram[1][4 + 1]));
    for (size_t i = 0; i < 4; i++)
        assert_true(isfinite(s.gram[2][i * 4 + i]));
    scored_heads_free(&s);
}

/* ---- cosines ---- */

/* All is float64 but the result, which is rounded once. Of up to 300 rows at random the mean direction is no
 * shorter than 1 / 300 or so, which multiplies float64's rounding by as much. */
static void assert_cosines(scored_heads *s, const char *what) {
    scored_heads_run(s, "mean_cosines");
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        double *expected = malloc((s->heads[g].n + 1) * sizeof *expected);
        plain_mean_cosines(s->rows[g], s->heads[g].n, s->width, expected);
        for (size_t j = 0; j < s->heads[g].n; j++)
            if (!(fabs((double)s->cosines[g][j] - expected[j]) <= U + 1e-12))
                fail_msg("mean_cosines of %s on %s: head %zu, row %zu is %.9g, not %.9g", what,
                         s->backend->ops->name, g, j, (double)s->cosines[g][j], expected[j]);
        free(expected);
    }
}

void check_mean_cosines(rkv_backend *b) {
    for (size_t i = 0; i < N_SHAPES; i++) {
        scored_heads s = scored_heads_new(b, &shapes[i]);
        assert_cosines(&s, "random rows");
        scored_heads_free(&s);
    }
}

/* A row without a direction counts as zero; one with an infinity leaves its head without a mean. */
void check_mean_cosines_of_bad_values(rkv_backend *b) {
    static const size_t length[] = {70};
    scored_shape shape = {3, 1, 3, 1, LENGTHS(length)};
    scored_heads s = scored_heads_new(b, &shape);
    scored_heads_set(&s, 0, 5, 1, NAN);
    scored_heads_set(&s, 1, 69, 0, INFINITY);
    assert_cosines(&s, "rows with NaN and infinity");
    assert_true(s.cosines[0][5] == 0 && s.cosines[0][6] != 0 && s.cosines[1][6] == 0);
    for (size_t i = 0; i < length[0] * s.width; i++)
        scored_heads_set(&s, 2, i / s.width, i % s.width, 0);
    assert_cosines(&s, "zero rows");
    assert_true(s.cosines[2][69] == 0);
    scored_heads_free(&s);
}

/* ---- gather ---- */

static void assert_gathered(scored_heads *s) {
    float *host = malloc((s->n_index * s->width + 1) * sizeof *host);
    scored_heads_run(s, "gather");
    assert_int_equal(s->backend->ops->download(s->backend, host, s->gathered, s->n_index * s->width), RKV_OK);
    for (size_t i = 0; i < s->n_index; i++)
        assert_memory_equal(host + i * s->width, s->rows[0] + s->index[i] * s->width,
                            s->width * sizeof *host);
    free(host);
}

/* Every row, every second or third (so many runs that they do not travel with one kernel), and some. */
void check_gather(rkv_backend *b) {
    static const size_t widths[] = {1, 3, 64, 67}, length[] = {1100};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        scored_shape shape = {1, 1, widths[w], 1, LENGTHS(length)};
        scored_heads s = scored_heads_new(b, &shape);
        assert_gathered(&s);
        for (size_t step = 1; step < 5; step++) {
            s.n_index = 0;
            for (size_t j = 0; j < length[0]; j++)
                if (step < 4 ? j % step == step - 1 : j % step > 0) s.index[s.n_index++] = (uint32_t)j;
            assert_gathered(&s);
        }
        s.n_index = 1, s.index[0] = (uint32_t)length[0] - 1;
        assert_gathered(&s);
        s.n_index = 0;
        assert_gathered(&s);
        scored_heads_free(&s);
    }
}

/* ---- attention ---- */

/* Logits up to 30 sqrt(D) carry (D + 2) u of that; exp turns it into a relative error of weights, which are
 * at most 1, and so is their mean. */
static double attention_tolerance(const scored_heads *s, size_t n) {
    return 30 * sqrt((double)s->width) * (double)(s->width + 2) * U + (double)(n + 4) * U;
}

void check_attention_means(rkv_backend *b) {
    for (size_t i = 0; i < N_SHAPES; i++) {
        scored_heads s = scored_heads_new(b, &shapes[i]);
        scored_heads_run(&s, "attention_means");
        for (size_t h = 0; h < s.n_kv_heads * s.each; h++) {
            size_t g = h / s.each, n = s.heads[g].n;
            double *expected = malloc((n + 1) * sizeof *expected);
            plain_attention_mean(s.q + h * s.m * s.width, s.query_position, s.m, s.rows[g], s.positions[g], n,
                                 s.width, expected);
            for (size_t j = 0; j < n; j++)
                if (!(fabs((double)s.results[h][j] - expected[j]) <= attention_tolerance(&s, n)))
                    fail_msg("attention_means on %s, shape %zu: head %zu, key %zu is %.9g, not %.9g",
                             b->ops->name, i, h, j, (double)s.results[h][j], expected[j]);
            free(expected);
        }
        scored_heads_free(&s);
    }
}

/* A head in which a query sees a NaN, or a logit that is infinite, has no numbers; another has, and so has
 * one whose bad key nobody sees. */
void check_attention_means_of_bad_values(rkv_backend *b) {
    static const float bad[] = {NAN, INFINITY};
    static const size_t length[] = {70}, many[] = {1, 40};
    for (size_t i = 0; i < 4; i++) {
        scored_shape shape = {3, 1, 4, many[i % 2], LENGTHS(length)};
        scored_heads s = scored_heads_new(b, &shape);
        for (size_t j = 0; j < s.m; j++)
            s.query_position[j] = s.positions[1][60];
        s.q[2] = 1; /* of an infinity, the logit is no NaN */
        scored_heads_set(&s, 0, 5, 2, bad[i / 2]);
        s.positions[2][69] = s.positions[1][60] + 1;
        scored_heads_set(&s, 2, 69, 2, bad[i / 2]);
        scored_heads_run(&s, "attention_means");
        for (size_t j = 0; j < length[0]; j++) {
            assert_true(isnan(s.results[0][j]));
            assert_true(isfinite(s.results[1][j]) && isfinite(s.results[2][j]));
        }
        assert_true(s.results[2][69] == 0);
        scored_heads_free(&s);
    }
}

/* Weights of a row sum to 1: what any of them give together is as far off as a weight of 1. */
static void assert_kept_attention(scored_heads *s) {
    rkv_kept_attention task = scored_heads_kept(s);
    double rows = (double)(s->each * s->m), tolerance = rows * attention_tolerance(s, s->heads[0].n);
    scored_heads_run(s, "kept_attention");
    task.q = s->q, task.keys.rows = s->rows[0];
    double expected = plain_kept_attention(&task);
    if (!(fabs(s->sum - expected) <= tolerance))
        fail_msg("kept_attention on %s: of %zu queries over %zu keys %.12g, not %.12g", s->backend->ops->name,
                 s->m, s->heads[0].n, s->sum, expected);
}

/* Some keys, none, all; the newest of what is seen, none and all of it. */
void check_kept_attention(rkv_backend *b) {
    for (size_t i = 0; i < N_SHAPES; i++) {
        scored_heads s = scored_heads_new(b, &shapes[i]);
        size_t n = s.heads[0].n;
        assert_kept_attention(&s);
        for (size_t window = 0; window <= n; window += 1 + n / 3) {
            s.window = window;
            assert_kept_attention(&s);
        }
        memset(s.kept, 0, n);
        assert_kept_attention(&s);
        s.window = 0;
        scored_heads_run(&s, "kept_attention");
        assert_true(s.sum == 0);
        s.window = SIZE_MAX - n;
        assert_kept_attention(&s);
        for (size_t j = 0; j < s.m; j++)
            s.query_position[j] = 0; /* before every key */
        scored_heads_run(&s, "kept_attention");
        assert_true(s.sum == 0);
        scored_heads_free(&s);
    }
}

/* A NaN that a query sees is told where its row is summed; one that nobody sees is not looked at. */
void check_kept_attention_of_bad_values(rkv_backend *b) {
    static const size_t length[] = {70};
    for (size_t seen = 0; seen < 2; seen++) {
        scored_shape shape = {1, 2, 4, 3, LENGTHS(length)};
        scored_heads s = scored_heads_new(b, &shape);
        for (size_t j = 0; j < s.m; j++)
            s.query_position[j] = s.positions[0][60];
        s.window = 1;
        scored_heads_set(&s, 0, seen ? 5 : 65, 2, NAN);
        scored_heads_run(&s, "kept_attention");
        assert_true(!isnan(s.sum) == !seen);
        scored_heads_free(&s);
    }
}

/* ---- expected logits ---- */

/* 2 D + 4 roundings of what the absolute values come to. */
static void assert_expected_logits(scored_heads *s) {
    scored_heads_run(s, "expected_logits");
    for (size_t h = 0; h < s->n_kv_heads * s->each; h++) {
        size_t g = h / s->each, n = s->heads[g].n, d = s->width;
        double *expected = malloc((n + 1) * sizeof *expected), *size = malloc((n + 1) * sizeof *size);
        plain_expected_logits(s->mean + h * d, s->squares ? s->squares + h * d * d : NULL, s->rows[g], n, d,
                              expected, size);
        for (size_t j = 0; j < n; j++)
            if (!(fabs((double)s->results[h][j] - expected[j]) <= (double)(2 * d + 4) * U * size[j]))
                fail_msg("expected_logits on %s: head %zu, key %zu is %.9g, not %.9g", s->backend->ops->name,
                         h, j, (double)s->results[h][j], expected[j]);
        free(expected), free(size);
    }
}

/* And more keys than are multiplied together. */
void check_expected_logits(rkv_backend *b) {
    static const size_t many[] = {4100, 4096};
    scored_shape long_heads = {2, 2, 2, 1, LENGTHS(many)};
    for (size_t i = 0; i <= N_SHAPES; i++) {
        scored_heads s = scored_heads_new(b, i < N_SHAPES ? &shapes[i] : &long_heads);
        assert_expected_logits(&s);
        free(s.squares);
        s.squares = NULL;
        assert_expected_logits(&s);
        scored_heads_free(&s);
    }
}

/* A bad key has no logit; others have. */
void check_expected_logits_of_bad_values(rkv_backend *b) {
    static const size_t length[] = {40};
    scored_shape shape = {2, 2, 8, 1, LENGTHS(length)};
    scored_heads s = scored_heads_new(b, &shape);
    scored_heads_set(&s, 1, 20, 3, NAN);
    scored_heads_set(&s, 1, 21, 3, INFINITY);
    scored_heads_run(&s, "expected_logits");
    for (size_t h = 0; h < 4; h++)
        for (size_t j = 0; j < length[0]; j++)
            assert_true(isfinite(s.results[h][j]) == (h < 2 || (j != 20 && j != 21)));
    scored_heads_free(&s);
}

/* ---- moments of queries ---- */

static void assert_close_moments(const char *what, const scored_heads *s, const float *got,
                                 const double *expected, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - expected[i]) <= tolerance))
            fail_msg("%s of queries on %s: number %zu of %zu is %.9g, not %.9g (tolerance %.2g)", what,
                     s->backend->ops->name, i, n, (double)got[i], expected[i], tolerance);
}

/* largest: of what queries hold, before and after they are turned back, which has six roundings; spread: of
 * their distance from the mean. The mean is summed in pieces of up to 64, which are merged; a square sums n
 * products, each with the roundings of two numbers and their mean. */
static void assert_moments(scored_heads *s, double largest, double spread) {
    size_t d = s->width, n = s->m - s->moments.skip;
    double *mean = malloc(d * sizeof *mean), *squares = malloc(d * d * sizeof *squares);
    rkv_query_moments plain = s->moments;
    plain.q = s->q;
    if (d % 2) plain.frequency = NULL;
    double number = 6 * U * largest, of_mean = number + (64 + (double)n / 16) * U * largest;
    double of_square = (double)n * (2 * spread * (number + of_mean) + (double)n * U * spread * spread);
    scored_heads_run(s, "query_moments");
    for (size_t h = 0; h < s->moments.n_heads; h++) {
        plain_query_moments(&plain, h, mean, squares);
        assert_close_moments("mean", s, s->moments.mean + h * d, mean, d, of_mean);
        if (s->moments.squares)
            assert_close_moments("squares", s, s->moments.squares + h * d * d, squares, d * d, of_square);
    }
    free(mean), free(squares);
}

/* Some queries and all of them, turned and not, with and without squares. */
void check_query_moments(rkv_backend *b) {
    for (size_t i = 0; i < N_SHAPES; i++) {
        scored_heads s = scored_heads_new(b, &shapes[i]);
        rkv_query_moments task = s.moments;
        assert_moments(&s, 43, 86);
        s.moments.pairing = RKV_ROPE_ADJACENT;
        s.moments.skip = 0;
        assert_moments(&s, 43, 86);
        s.moments.frequency = NULL;
        assert_moments(&s, 30, 60);
        s.moments.squares = NULL;
        assert_moments(&s, 30, 60);
        s.moments = task;
        scored_heads_free(&s);
    }
}

/* Queries of almost one value: squares are those of what is left of them. */
void check_query_moments_far_from_zero(rkv_backend *b) {
    static const size_t length[] = {1};
    scored_shape shape = {1, 2, 6, 300, LENGTHS(length)};
    scored_heads s = scored_heads_new(b, &shape);
    rkv_query_moments task = s.moments;
    for (size_t i = 0; i < 2 * s.m * s.width; i++)
        s.q[i] = 1000 + s.q[i] / 30;
    assert_int_equal(b->ops->upload(b, s.device_q, s.q, 2 * s.m * s.width), RKV_OK);
    s.moments.frequency = NULL;
    assert_moments(&s, 1001, 2);
    s.moments = task;
    scored_heads_free(&s);
}
