/* test_basis.c: right singular vectors: against exact singular values, and by what they promise. */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/basis.h"
#include "backend/cpu.h"
#include "core/random.h"
#include "support/failing_allocator.h"
#include "support/plain_ops.h"

static rkv_random dice = {5};

static float random_number(void) {
    return (float)(2 * rkv_random_unit(&dice) - 1);
}

/* Rows [n, width] of a rank, each direction `decay` times the size of the one before. */
static float *random_rows(size_t n, size_t width, size_t rank, float decay) {
    float *x = calloc(n * width + 1, sizeof *x), *direction = malloc(width * sizeof *x), size = 1;
    for (size_t r = 0; r < rank; r++, size *= decay) {
        for (size_t j = 0; j < width; j++)
            direction[j] = random_number();
        for (size_t i = 0; i < n; i++) {
            float a = size * random_number();
            for (size_t j = 0; j < width; j++)
                x[i * width + j] += a * direction[j];
        }
    }
    free(direction);
    return x;
}

/* From rows [n, width] to their vectors. */
static rkv_status vectors_of(const float *rows, size_t n, size_t width, double *sigma, float *v) {
    double *gram = malloc(width * width * sizeof *gram);
    rkv_status status = rkv_cpu_gram(NULL, &(rkv_head_rows){rows, n}, 1, width, &gram);
    if (!status) status = rkv_right_singular_vectors(gram, width, sigma, v);
    free(gram);
    return status;
}

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* |rows v|: what the singular value of v is. */
static double length_of_image(const float *rows, size_t n, size_t width, const float *v) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pow(dot(rows + i * width, v, width), 2);
    return sqrt(sum);
}

/* Orthonormal rows, values descending, the larger component positive, and each vector's image as long as its
 * value (v is rounded to float32: 2^-24 sqrt(width) of the largest value). */
static void check(const float *rows, size_t n, size_t width) {
    double *sigma = malloc(width * sizeof *sigma);
    float *v = malloc(width * width * sizeof *v);
    assert_int_equal(vectors_of(rows, n, width, sigma, v), RKV_OK);
    for (size_t i = 0; i < width; i++) {
        for (size_t j = 0; j <= i; j++)
            assert_true(fabs(dot(v + i * width, v + j * width, width) - (i == j)) <= 1e-6);
        assert_true(sigma[i] >= 0 && (i == 0 || sigma[i] <= sigma[i - 1]));
        double image = length_of_image(rows, n, width, v + i * width);
        assert_true(fabs(image - sigma[i]) <= 2e-7 * sqrt((double)width) * sigma[0]);
        float most = 0;
        for (size_t j = 0; j < width; j++)
            most = fabsf(v[i * width + j]) > fabsf(most) ? v[i * width + j] : most;
        assert_true(most > 0);
    }
    size_t least = n < width ? n : width;
    double *exact = calloc(width, sizeof *exact);
    if (n) plain_singular_values(rows, n, width, exact);
    for (size_t i = 0; i < width; i++) {
        if (i >= least) exact[i] = 0;
        double error = 1e-13 * sigma[0] * sigma[0] / fmax(exact[i], 1e-7 * sigma[0]);
        assert_true(fabs(sigma[i] - exact[i]) <= error || sigma[0] == 0);
    }
    free(sigma), free(v), free(exact);
}

static void test_shapes_and_ranks(void **state) {
    (void)state;
    static const size_t shapes[][2] = {{1, 1}, {300, 64}, {64, 64}, {10, 64}, {1, 7}, {513, 13}, {129, 80}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t rank = 0; rank <= 64; rank = rank ? 4 * rank : 1)
            for (int decay = 0; decay < 2; decay++) {
                size_t n = shapes[s][0], width = shapes[s][1];
                float *x = random_rows(n, width, rank, decay ? 0.5f : 1.0f);
                check(x, n, width);
                free(x);
            }
}

/* Rows of a rank are rebuilt from that many vectors. */
static void test_span(void **state) {
    (void)state;
    enum { N = 200, WIDTH = 48, RANK = 11 };
    float *x = random_rows(N, WIDTH, RANK, 0.8f), v[WIDTH * WIDTH];
    double sigma[WIDTH], most = 0;
    assert_int_equal(vectors_of(x, N, WIDTH, sigma, v), RKV_OK);
    for (size_t i = 0; i < N * WIDTH; i++)
        most = fmax(most, fabs((double)x[i]));
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < WIDTH; j++) {
            double back = 0;
            for (size_t r = 0; r < RANK; r++)
                back += dot(x + i * WIDTH, v + r * WIDTH, WIDTH) * (double)v[r * WIDTH + j];
            assert_true(fabs(back - (double)x[i * WIDTH + j]) <= 2e-6 * most);
        }
    free(x);
}

/* Nothing there: the unit vectors. */
static void test_nothing(void **state) {
    (void)state;
    float rows[3 * 5] = {0}, v[25];
    double sigma[5];
    for (size_t n = 0; n <= 3; n += 3) {
        assert_int_equal(vectors_of(rows, n, 5, sigma, v), RKV_OK);
        for (size_t i = 0; i < 25; i++)
            assert_true(v[i] == (float)(i % 6 == 0) && sigma[i / 5] == 0);
    }
}

/* Tiny and huge rows as any others: squares of float32 do not leave float64. */
static void test_extreme_sizes(void **state) {
    (void)state;
    static const float sizes[] = {1e-42f, 1e-30f, 1e30f};
    for (size_t s = 0; s < 3; s++) {
        float *x = random_rows(40, 8, 8, 1);
        for (size_t i = 0; i < 40 * 8; i++)
            x[i] *= sizes[s];
        check(x, 40, 8);
        free(x);
    }
}

static void test_not_finite(void **state) {
    (void)state;
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    for (size_t b = 0; b < 3; b++) {
        float *x = random_rows(200, 4, 4, 1), v[16];
        double sigma[4];
        x[150 * 4 + 1] = bad[b];
        assert_int_equal(vectors_of(x, 200, 4, sigma, v), RKV_DATA);
        free(x);
    }
}

/* The same bits whatever the threads, from inside a parallel region too. */
static void test_threads(void **state) {
    (void)state;
    enum { N = 300, WIDTH = 64, CALLS = 8 };
    float *x = random_rows(N, WIDTH, WIDTH, 0.9f), *v = malloc(CALLS * WIDTH * WIDTH * sizeof *v);
    double sigma[CALLS][WIDTH];
    int threads = omp_get_max_threads();
#pragma omp parallel for num_threads(4)
    for (size_t i = 0; i < CALLS; i++)
        (void)vectors_of(x, N, WIDTH, sigma[i], v + i * WIDTH * WIDTH);
    assert_int_equal(vectors_of(x, N, WIDTH, sigma[0], v), RKV_OK);
    for (size_t i = 1; i < CALLS; i++) {
        assert_memory_equal(sigma[i], sigma[0], sizeof *sigma);
        assert_memory_equal(v + i * WIDTH * WIDTH, v, WIDTH * WIDTH * sizeof *v);
    }
    assert_int_equal(omp_get_max_threads(), threads);
    free(x), free(v);
}

static void test_failing_allocations(void **state) {
    (void)state;
    float *x = random_rows(20, 6, 6, 1), v[36];
    double sigma[6];
    for (long k = 0, failed = 1; failed; k++) {
        allocation_failed = false, allocations_left = k;
        rkv_status status = vectors_of(x, 20, 6, sigma, v);
        allocations_left = -1;
        failed = allocation_failed;
        assert_int_equal(status, failed ? RKV_NO_MEMORY : RKV_OK);
    }
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_and_ranks),
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_extreme_sizes),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests_name("basis", tests, NULL, NULL);
}
