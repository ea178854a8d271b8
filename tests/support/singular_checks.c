/* singular_checks.c: singular values and effective ranks, against one-sided Jacobi and the other solver. */
#include "support/singular_checks.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/device_data.h"
#include "support/plain_ops.h"

/* Kinds of matrices that are hard in different ways. */
static void fill(const char *kind, float *a, size_t rows, size_t cols) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            float r = (float)rkv_random_unit(&dice), *x = &a[i * cols + j];
            if (strcmp(kind, "random") == 0)
                *x = r - 0.5f;
            else if (strcmp(kind, "rank one") == 0)
                *x = (float)(i + 1) * (float)(j % 3 + 1);
            else if (strcmp(kind, "diagonal") == 0)
                *x = i == j ? powf(0.7f, (float)i) : 0;
            else if (strcmp(kind, "sink") == 0)
                *x = j == 0 ? 1.0f : 1e-5f * r * powf(0.9f, (float)j);
            else if (strcmp(kind, "columns again") == 0)
                *x = j < (cols + 2) / 3 ? r : a[i * cols + j - (cols + 2) / 3];
        }
}

/* The effective rank is that of the singular values which are told beside it; on the CPU, to the bit. */
static void assert_rank_of_sigma(rkv_backend *b, const rkv_singular_task *task, size_t i) {
    size_t n = task->rows < task->cols ? task->rows : task->cols;
    const double *sigma = task->sigma + i * n;
    double rank = task->erank[i], plain = plain_effective_rank(sigma, n);
    if (!(fabs(rank / plain - 1) <= plain_effective_rank_tolerance(n)))
        fail_msg("%s: effective rank %.17g of %zu values that have %.17g", b->ops->name, rank, n, plain);
    assert_true(!b->host_memory || rank == rkv_effective_rank_of_sigma(sigma, n));
}

static void assert_same_rank(rkv_backend *b, const char *kind, const rkv_singular_task *task,
                             const double *expected) {
    size_t n = task->rows < task->cols ? task->rows : task->cols;
    for (size_t i = 0; i < task->n; i++) {
        double rank = task->erank[i], truth = plain_effective_rank(expected + i * n, n);
        if (!(fabs(rank / truth - 1) <= 1e-6))
            fail_msg("%s %zu x %zu%s by %s on %s: effective rank %.12g, not %.12g", kind, task->rows,
                     task->cols, task->lower_triangular ? " triangular" : "", rkv_solver_name(task->solver),
                     b->ops->name, rank, truth);
        assert_true(fabs(task->sigma[i * n] / expected[i * n] - 1) <= 1e-12);
        assert_rank_of_sigma(b, task, i);
    }
}

/* A batch of three, against one-sided Jacobi. What a triangular task has above the diagonal counts as 0. */
static void check_singular(rkv_backend *b, const char *kind, size_t rows, size_t cols, bool lower,
                           rkv_solver solver) {
    enum { BATCH = 3 };
    size_t n = rows < cols ? rows : cols;
    float *a = malloc(BATCH * rows * cols * sizeof *a);
    double sigma[BATCH * 200], expected[BATCH * 200], erank[BATCH];
    assert_true(n <= 200);
    for (size_t i = 0; i < BATCH; i++)
        fill(kind, a + i * rows * cols, rows, cols);
    float *device = on_device(b, a, BATCH * rows * cols);
    rkv_singular_task task = {.matrices = device,
                              .n = BATCH,
                              .rows = rows,
                              .cols = cols,
                              .lower_triangular = lower,
                              .solver = solver,
                              .sigma = sigma,
                              .erank = erank};
    assert_int_equal(b->ops->singular_values(b, &task), RKV_OK);
    for (size_t i = 0; i < BATCH; i++) {
        for (size_t k = 0; lower && k < rows * cols; k++)
            if (k % cols > k / cols) a[i * rows * cols + k] = 0;
        plain_singular_values(a + i * rows * cols, rows, cols, expected + i * n);
    }
    assert_same_rank(b, kind, &task, expected);
    b->ops->release(b, device);
    free(a);
}

/* Large enough for the two-stage reduction: attention by both solvers. Whether its Gram matrix will do
 * depends on noise: on the CPU it does for this one, with room to spare; other devices have their own. */
void check_large_singular(rkv_backend *b) {
    enum { N = 800 };
    dice = (rkv_random){1};
    float *a = random_attention(N), *device = on_device(b, a, N * N);
    double *gram = malloc(N * sizeof *gram), *svd = malloc(N * sizeof *svd), erank;
    unsigned char by_svd = 1;
    rkv_singular_task task = {.matrices = device,
                              .n = 1,
                              .rows = N,
                              .cols = N,
                              .lower_triangular = true,
                              .solver = RKV_SOLVER_SVD,
                              .sigma = svd,
                              .erank = &erank};
    assert_int_equal(b->ops->singular_values(b, &task), RKV_OK);
    task.solver = RKV_SOLVER_GRAM;
    task.sigma = gram;
    task.svd_used = &by_svd;
    assert_int_equal(b->ops->singular_values(b, &task), RKV_OK);
    assert_false(b->host_memory && by_svd);
    assert_same_rank(b, "attention", &task, svd);
    b->ops->release(b, device);
    free(a), free(gram), free(svd);
}

void check_singular_values(rkv_backend *b) {
    static const char *const kinds[] = {"random", "rank one", "diagonal", "sink", "columns again"};
    static const size_t shape[][2] = {{1, 1}, {1, 7}, {2, 2}, {13, 13}, {64, 10}, {10, 64}, {127, 127}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
            for (int solver = 0; rkv_solver_name((rkv_solver)solver); solver++)
                for (int lower = 0; lower <= (shape[s][0] == shape[s][1]); lower++)
                    check_singular(b, kinds[k], shape[s][0], shape[s][1], lower, (rkv_solver)solver);
}

/* A matrix alone gives what it gives among others. On the CPU, the same bits: the library underneath may not
 * share it out between threads, which sums in another order (and is slower). CUDA's libraries choose among
 * algorithms by the number of matrices: what is left is a backward stable solver's rounding, on squares. */
void check_singular_alone(rkv_backend *b) {
    enum { N = 300 };
    int threads = omp_get_max_threads();
    float *a = random_floats(2 * N * N);
    memcpy(a + N * N, a, N * N * sizeof *a);
    float *device = on_device(b, a, 2 * N * N);
    double sigma[3 * N];
    rkv_singular_task task = {.matrices = device, .n = 2, .rows = N, .cols = N, .sigma = sigma};
    assert_int_equal(b->ops->singular_values(b, &task), RKV_OK);
    task.n = 1, task.sigma = sigma + 2 * N;
    assert_int_equal(b->ops->singular_values(b, &task), RKV_OK);
    for (size_t i = 0; i < 3 * N; i++) {
        double one = sigma[i % N], other = sigma[i];
        double tolerance = b->host_memory ? 0 : 16 * N * DBL_EPSILON * sigma[0] * sigma[0];
        assert_true(fabs(other * other - one * one) <= tolerance);
    }
    assert_int_equal(omp_get_max_threads(), threads);
    b->ops->release(b, device);
    free(a);
}

/* Two of zeros, one of them among others: NaN, by either solver; and what is wanted of it alone. */
void check_ranks_of_zeros(rkv_backend *b) {
    enum { N = 5 };
    float a[3 * N * N] = {0};
    double sigma[3 * N], erank[3] = {0};
    a[N * N + 7] = 0.5f;
    float *device = on_device(b, a, 3 * N * N);
    for (int solver = 0; rkv_solver_name((rkv_solver)solver); solver++) {
        rkv_singular_task task = {.matrices = device,
                                  .n = 3,
                                  .rows = N,
                                  .cols = N,
                                  .solver = (rkv_solver)solver,
                                  .sigma = sigma,
                                  .erank = erank};
        assert_int_equal(b->ops->singular_values(b, &task), RKV_OK);
        assert_true(isnan(erank[0]) && fabs(erank[1] - 1) <= 1e-6 && isnan(erank[2]));
        for (size_t i = 0; i < N; i++)
            assert_true(sigma[i] == 0 && sigma[2 * N + i] == 0);
    }
    b->ops->release(b, device);
}

void check_singular_refuses_nan(rkv_backend *b) {
    float a[9] = {1, 2, 3, 4, NAN, 6, 7, 8, 9};
    double sigma[3];
    float *device = on_device(b, a, 9);
    rkv_singular_task task = {.matrices = device, .n = 1, .rows = 3, .cols = 3, .sigma = sigma};
    assert_int_equal(b->ops->singular_values(b, &task), RKV_DATA);
    b->ops->release(b, device);
}
