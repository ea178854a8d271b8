/* test_cuda_rank.c: effective ranks and metrics of the CUDA module on the device that tests/cuda_host plays:
 * ugly matrices, batches, memory that runs out, and solvers that fail. With an argument, a device: what can
 * be asked of a real one. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/analysis.h>

#include "core/random.h"
#include "cuda/open.h"
#include "cuda/rank.h"
#include "cuda_host/host_device.h"
#include "cuda_host/host_solver.h"
#include "support/plain_ops.h"

static rkv_backend *cpu, *cuda;
static const char *named_device; /* NULL: the one that is played */
static rkv_random dice;

static int open_both(void **state) {
    (void)state;
    if (named_device) return rkv_backend_open(&cpu, "cpu") || rkv_backend_open(&cuda, named_device);
    return rkv_backend_open(&cpu, "cpu") || rkv_cuda_open(&cuda, 0);
}

static int close_both(void **state) {
    (void)state;
    rkv_backend_close(cpu);
    rkv_backend_close(cuda);
    return host_device_live() != 0;
}

/* Nothing is out of order, and the same numbers come again. */
static int set_right(void **state) {
    (void)state;
    *host_solver() = (host_solver_state){0};
    host_device_set_free(0);
    host_device_fail_at(0);
    dice = (rkv_random){7};
    return 0;
}

/* ---- matrices ---- */

static float softmax_like(size_t i, size_t j) {
    return j <= i ? (float)fmin(1, exp(3 * rkv_random_unit(&dice)) / (6 * (double)(i + 1))) : 0;
}
static float uniform(size_t i, size_t j) {
    return j <= i ? 1.0f / (float)(i + 1) : 0;
}
static float rank_one(size_t i, size_t j) {
    return j == 0 ? 1.0f / (float)(i + 1) : 0;
}
static float self(size_t i, size_t j) {
    return i == j;
}
static float zero(size_t i, size_t j) {
    (void)i, (void)j;
    return 0;
}
static float zero_rows(size_t i, size_t j) {
    return i % 3 == 1 ? 0 : softmax_like(i, j);
}
static float sink(size_t i, size_t j) {
    return j == 0 ? 1.0f : j <= i ? 1e-6f * (float)rkv_random_unit(&dice) : 0;
}

static const struct {
    const char *name;
    float (*at)(size_t i, size_t j);
} kinds[] = {
    {"softmax", softmax_like}, {"uniform", uniform}, {"rank one", rank_one}, {"self", self}, {"zero", zero},
    {"zero rows", zero_rows},  {"sink", sink}};
enum { KINDS = sizeof kinds / sizeof *kinds, LONGEST = 300 };

/* One matrix of each kind; what is above the diagonal of triangular ones is not to be read. */
static float *one_of_each(size_t rows, size_t cols, bool lower) {
    float *a = malloc(KINDS * rows * cols * sizeof *a);
    assert_non_null(a);
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < cols; j++)
                a[(k * rows + i) * cols + j] = lower && j > i ? 1e30f : kinds[k].at(lower ? i : i + j, j);
    return a;
}

/* A task on the device and the same on the CPU, by its SVD. */
typedef struct pair {
    rkv_singular_task task;
    float *host, *device;
    double sigma[KINDS * LONGEST], expected[KINDS * LONGEST], erank[KINDS];
    unsigned char svd_used[KINDS];
} pair;

static pair *pair_new(size_t rows, size_t cols, bool lower) {
    pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    size_t numbers = KINDS * rows * cols;
    p->host = one_of_each(rows, cols, lower);
    assert_int_equal(cuda->ops->alloc(cuda, &p->device, numbers), RKV_OK);
    assert_int_equal(cuda->ops->upload(cuda, p->device, p->host, numbers), RKV_OK);
    p->task = (rkv_singular_task){.matrices = p->host,
                                  .n = KINDS,
                                  .rows = rows,
                                  .cols = cols,
                                  .lower_triangular = lower,
                                  .solver = RKV_SOLVER_SVD,
                                  .sigma = p->expected};
    assert_int_equal(cpu->ops->singular_values(cpu, &p->task), RKV_OK);
    p->task.matrices = p->device;
    p->task.solver = RKV_SOLVER_GRAM;
    p->task.sigma = p->sigma;
    p->task.erank = p->erank;
    p->task.svd_used = p->svd_used;
    return p;
}

static void pair_free(pair *p) {
    cuda->ops->release(cuda, p->device);
    free(p->host);
    free(p);
}

static rkv_status run(pair *p) {
    memset(p->sigma, 0xFF, sizeof p->sigma);
    for (size_t k = 0; k < KINDS; k++)
        p->erank[k] = -1;
    return cuda->ops->singular_values(cuda, &p->task);
}

/* Backward stable solvers move a singular value by a small multiple of n eps sigma_1; Gram matrices move its
 * square by one of n eps sigma_1^2. A real polar decomposition may shift values as far as ranks allow. */
static void assert_right(const pair *p) {
    size_t n = p->task.rows < p->task.cols ? p->task.rows : p->task.cols;
    for (size_t k = 0; k < KINDS; k++) {
        const double *got = p->sigma + k * n, *expected = p->expected + k * n;
        double small = 16 * (double)n * DBL_EPSILON * expected[0];
        for (size_t i = 0; i < n; i++) {
            double shift = named_device && p->svd_used[k] ? 1e-8 * expected[0] : 0;
            double off = p->svd_used[k]
                             ? fabs(got[i] - expected[i])
                             : fabs(got[i] * got[i] - expected[i] * expected[i]) / fmax(expected[0], DBL_MIN);
            if (!(off <= small + shift) || (i && got[i] > got[i - 1]))
                fail_msg("%s %zu x %zu: value %zu is %.17g, not %.17g", kinds[k].name, p->task.rows,
                         p->task.cols, i, got[i], expected[i]);
        }
        double rank = p->erank[k], truth = plain_effective_rank(expected, n);
        assert_true(isnan(truth) ? isnan(rank) : fabs(rank / truth - 1) <= 1e-6);
        truth = plain_effective_rank(got, n);
        assert_true(isnan(truth) ? isnan(rank) : fabs(rank / truth - 1) <= plain_effective_rank_tolerance(n));
    }
}

/* ---- right answers ---- */

static const struct {
    size_t rows, cols;
    bool lower;
} shapes[] = {{1, 1, true},      {2, 2, true},     {3, 3, false},     {31, 31, true},
              {64, 64, true},    {127, 127, true}, {257, 257, true},  {300, 300, true},
              {257, 257, false}, {1, 7, false},    {7, 1, false},     {300, 10, false},
              {10, 300, false},  {65, 64, false},  {270, 300, false}, {300, 270, false}};

static void test_shapes_by_either_solver(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        pair *p = pair_new(shapes[s].rows, shapes[s].cols, shapes[s].lower);
        for (rkv_solver solver = RKV_SOLVER_GRAM; solver <= RKV_SOLVER_SVD; solver++) {
            p->task.solver = solver;
            if (run(p)) fail_msg("%s", rkv_message());
            assert_right(p);
            for (size_t k = 0; solver == RKV_SOLVER_SVD && k < KINDS; k++)
                assert_int_equal(p->svd_used[k], 1);
        }
        pair_free(p);
    }
}

/* Sums are made in an order of their own: threads and blocks that run the other way round change no bit. */
static void test_same_bits_every_time(void **state) {
    (void)state;
    pair *p = pair_new(65, 65, true);
    double first[KINDS * 65], erank[KINDS];
    assert_int_equal(run(p), RKV_OK);
    memcpy(first, p->sigma, sizeof first);
    memcpy(erank, p->erank, sizeof erank);
    assert_int_equal(run(p), RKV_OK);
    assert_memory_equal(first, p->sigma, sizeof first);
    assert_memory_equal(erank, p->erank, sizeof erank);
    pair_free(p);
}

static void test_batches_that_fit_memory(void **state) {
    (void)state;
    enum { N = 64 };
    pair *p = pair_new(N, N, true);
    size_t each = 3 * N * N * sizeof(double);
    for (size_t most = 1; most <= KINDS; most++) {
        *host_solver() = (host_solver_state){0};
        host_device_set_free(most * each * 10 / 9 + 64);
        assert_int_equal(run(p), RKV_OK);
        assert_right(p);
        assert_int_equal(host_solver()->batches, (KINDS + most - 1) / most);
        assert_int_equal(host_solver()->batched, KINDS);
    }
    host_device_set_free(1); /* and where nothing seems to be free, one at a time is tried */
    assert_int_equal(run(p), RKV_OK);
    assert_right(p);
    pair_free(p);
}

/* Above the order that the batched solver takes, each matrix has a call of its own. */
static void test_large_orders_one_by_one(void **state) {
    (void)state;
    pair *p = pair_new(33, 33, true);
    double squared_norms[KINDS];
    unsigned char untrusted[KINDS];
    rkv_cuda_rank r = {.cuda = rkv_cuda_enter(cuda),
                       .task = &p->task,
                       .order = 33,
                       .batched_order = 32,
                       .squared_norms = squared_norms};
    assert_int_equal(rkv_cuda_take(r.cuda, &r.norms_there, KINDS, sizeof *squared_norms), RKV_OK);
    for (size_t k = 0; k < KINDS; k++) {
        squared_norms[k] = 0;
        for (size_t i = 0; i < 33; i++)
            squared_norms[k] += p->expected[k * 33 + i] * p->expected[k * 33 + i];
    }
    assert_int_equal(rkv_cuda_to_device(r.cuda, r.norms_there, squared_norms, sizeof squared_norms), RKV_OK);
    assert_int_equal(rkv_cuda_solver(r.cuda, &r.solver), RKV_OK);
    assert_int_equal(cusolverDnCreateParams(&r.params), CUSOLVER_STATUS_SUCCESS);
    assert_int_equal(rkv_cuda_by_gram(&r, untrusted), RKV_OK);
    assert_int_equal(host_solver()->single, KINDS);
    assert_int_equal(host_solver()->batched, 0);
    for (size_t k = 0; k < KINDS; k++)
        if (untrusted[k]) { /* the others are as they should be */
            memcpy(p->sigma + k * 33, p->expected + k * 33, 33 * sizeof *p->sigma);
            p->erank[k] = plain_effective_rank(p->expected + k * 33, 33);
        }
    assert_right(p);
    cusolverDnDestroyParams(r.params);
    rkv_cuda_give(r.cuda, r.norms_there);
    pair_free(p);
}

/* ---- what goes wrong ---- */

static void test_memory_runs_out(void **state) {
    (void)state;
    pair *p = pair_new(16, 16, true);
    size_t live = host_device_live(), refused = 0;
    for (size_t n = 1; n < 60; n++) {
        host_device_fail_at(n);
        rkv_status status = run(p);
        if (status)
            assert_int_equal(status, RKV_NO_MEMORY);
        else
            assert_right(p);
        refused += status != RKV_OK;
        assert_int_equal(host_device_live(), live);
    }
    assert_in_range(refused, 2, 30); /* not where half a batch is tried */
    pair_free(p);
}

static void test_values_that_are_not_finite(void **state) {
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pair *p = pair_new(31, 31, true);
        p->host[2 * 31 * 31 + 30 * 31 + 30] = bad[i];
        cuda->ops->upload(cuda, p->device, p->host, KINDS * 31 * 31);
        assert_int_equal(run(p), RKV_DATA);
        assert_string_equal(rkv_message(), "matrix 2 holds a value that is not finite");
        pair_free(p);
    }
}

/* The first matrix of the batch comes out wrong: the solver says so, or only the identity shows it. */
static void assert_first_again_by_svd(pair *p) {
    assert_int_equal(run(p), RKV_OK);
    assert_right(p);
    assert_int_equal(p->svd_used[0], 1);
    assert_int_equal(p->svd_used[3], 0);
}

static void test_gram_fails(void **state) {
    (void)state;
    pair *p = pair_new(64, 64, true);
    assert_int_equal(run(p), RKV_OK);
    assert_int_equal(p->svd_used[0], 0);
    host_solver()->batched_info = 3;
    assert_first_again_by_svd(p);
    *host_solver() = (host_solver_state){.batched_factor = 1 + 1e-9};
    assert_first_again_by_svd(p);
    *host_solver() = (host_solver_state){.batched_factor = NAN};
    assert_first_again_by_svd(p);
    pair_free(p);
}

/* A sink and columns that come again: what rounding makes of its zero eigenvalues shows itself below 0, and
 * no SVD is needed; lifted above 0, it does not, and one is. */
static void test_noise_of_zeros(void **state) {
    (void)state;
    enum { N = 64, COLUMNS = 42 };
    static const struct {
        double lift;
        unsigned char by_svd;
    } cases[] = {{0, 0}, {1, 1}};
    pair *p = pair_new(N, N, false);
    p->task.n = 1;
    for (size_t i = 0; i < N * N; i++)
        p->host[i] = i % N == 0        ? 1
                     : i % N < COLUMNS ? 1e-3f * (float)rkv_random_unit(&dice)
                                       : p->host[i - COLUMNS + 1];
    p->task.matrices = p->host, p->task.sigma = p->expected, p->task.solver = RKV_SOLVER_SVD;
    assert_int_equal(cpu->ops->singular_values(cpu, &p->task), RKV_OK);
    assert_int_equal(cuda->ops->upload(cuda, p->device, p->host, N * N), RKV_OK);
    p->task.matrices = p->device, p->task.sigma = p->sigma, p->task.solver = RKV_SOLVER_GRAM;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        host_solver()->batched_lift = cases[i].lift;
        assert_int_equal(run(p), RKV_OK);
        assert_true(fabs(p->erank[0] / plain_effective_rank(p->expected, N) - 1) <= 1e-6);
        assert_int_equal(p->svd_used[0], cases[i].by_svd);
    }
    pair_free(p);
}

/* Values that the polar decomposition has shifted, or that do not add up, are made again by the other SVD. */
static void test_polar_decomposition_fails(void **state) {
    (void)state;
    static const struct {
        double shift, factor;
        size_t by_qr;
    } cases[] = {
        {0, 0, 0}, {1e-17, 0, 0}, {1e-5, 0, KINDS - 1}, {0, 1 + 1e-9, KINDS - 1}, {NAN, 0, KINDS - 1}};
    pair *p = pair_new(64, 64, true);
    p->task.solver = RKV_SOLVER_SVD;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        *host_solver() = (host_solver_state){.polar_shift = cases[i].shift, .polar_factor = cases[i].factor};
        assert_int_equal(run(p), RKV_OK);
        assert_right(p);
        assert_int_equal(host_solver()->polar, KINDS - 1); /* zeros need no solver */
        assert_int_equal(host_solver()->qr, cases[i].by_qr);
    }
    pair_free(p);
}

static void test_every_solver_fails(void **state) {
    (void)state;
    pair *p = pair_new(16, 16, true);
    host_solver()->batched_info = 1;
    host_solver()->polar_shift = 1;
    host_solver()->qr_info = 5;
    size_t live = host_device_live();
    assert_int_equal(run(p), RKV_ERROR);
    assert_string_equal(rkv_message(), "matrix 0: Xgesvd did not converge, info = 5");
    assert_int_equal(host_device_live(), live);
    pair_free(p);
}

static void test_too_many_rows(void **state) {
    (void)state;
    rkv_singular_task task = {.n = 1 << 20, .rows = 1 << 12, .cols = 1 << 12};
    assert_int_equal(cuda->ops->singular_values(cuda, &task), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "1048576 matrices of 4096 x 4096"));
    rkv_row_metrics none;
    assert_int_equal(cuda->ops->row_metrics(cuda, NULL, 1 << 20, 1 << 12, NULL, &none), RKV_USAGE);
}

static void test_nothing_to_do(void **state) {
    (void)state;
    rkv_singular_task task = {.n = 0, .rows = 4, .cols = 4};
    assert_int_equal(cuda->ops->singular_values(cuda, &task), RKV_OK);
    double erank[4] = {0};
    task = (rkv_singular_task){.n = 4, .rows = 0, .cols = 4, .erank = erank};
    assert_int_equal(cuda->ops->singular_values(cuda, &task), RKV_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(isnan(erank[i]));
    assert_int_equal(cuda->ops->row_metrics(cuda, NULL, 0, 7, NULL, NULL), RKV_OK);
}

/* ---- metrics ---- */

/* Masses are float64 sums on both sides; the entropy's logarithm is float32's, and its terms are rounded to
 * float32: 2^-24 of each, which add up to less than 8 units of a mean entropy below 8. */
static void assert_same_metrics(const char *kind, const rkv_row_metrics *got,
                                const rkv_row_metrics *expected) {
    const struct {
        const char *name;
        double got, expected, tolerance;
    } rows[] = {
        {"row_perplexity", got->row_perplexity, expected->row_perplexity,
         32 * 0x1p-24 * expected->row_perplexity},
        {"keys_95", got->keys_95, expected->keys_95, 0},
        {"sink_4", got->sink_4, expected->sink_4, 1e-12},
        {"local_32", got->local_32, expected->local_32, 1e-12},
        {"long_256", got->long_256, expected->long_256, 1e-12},
        {"ind1", got->ind1, expected->ind1, 1e-12},
        {"squared_norm", got->squared_norm, expected->squared_norm, 1e-12 * expected->squared_norm},
    };
    assert_true(got->finite && expected->finite);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!(fabs(rows[i].got - rows[i].expected) <= rows[i].tolerance) &&
            !(isnan(rows[i].got) && isnan(rows[i].expected)))
            fail_msg("%s: %s is %.17g, not %.17g", kind, rows[i].name, rows[i].got, rows[i].expected);
}

static void check_metrics(size_t n, const int32_t *ids) {
    float *host = one_of_each(n, n, true), *device;
    rkv_row_metrics got[KINDS], expected[KINDS];
    assert_int_equal(cuda->ops->alloc(cuda, &device, KINDS * n * n), RKV_OK);
    assert_int_equal(cuda->ops->upload(cuda, device, host, KINDS * n * n), RKV_OK);
    assert_int_equal(cpu->ops->row_metrics(cpu, host, KINDS, n, ids, expected), RKV_OK);
    assert_int_equal(cuda->ops->row_metrics(cuda, device, KINDS, n, ids, got), RKV_OK);
    for (size_t k = 0; k < KINDS; k++)
        assert_same_metrics(kinds[k].name, &got[k], &expected[k]);
    cuda->ops->release(cuda, device);
    free(host);
}

static void test_metrics_of_ugly_rows(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 5, 31, 33, 65};
    int32_t ids[65];
    for (size_t s = 0; s < sizeof lengths / sizeof *lengths; s++) {
        for (size_t i = 0; i < lengths[s]; i++)
            ids[i] = (int32_t)rkv_random_below(&dice, lengths[s] / 3 + 1) - 2;
        check_metrics(lengths[s], ids);
    }
    check_metrics(7, NULL);
    for (int32_t i = 0; i < 7; i++) /* nothing repeats */
        ids[i] = i;
    check_metrics(7, ids);
}

static void test_metrics_run_out_of_memory(void **state) {
    (void)state;
    float *device;
    int32_t ids[5] = {1, 2, 1, 2, 1};
    rkv_row_metrics m;
    assert_int_equal(cuda->ops->alloc(cuda, &device, 25), RKV_OK);
    size_t live = host_device_live();
    for (size_t n = 1; n <= 3; n++) {
        host_device_fail_at(n);
        assert_int_equal(cuda->ops->row_metrics(cuda, device, 1, 5, ids, &m), RKV_NO_MEMORY);
        assert_int_equal(host_device_live(), live);
    }
    cuda->ops->release(cuda, device);
}

/* What failed and was told does not fail once more at the next launch. */
static void test_a_failure_is_told_once(void **state) {
    (void)state;
    float *memory;
    assert_int_equal(rkv_cuda_check(cudaSetDevice(99), "another device"), RKV_ERROR);
    assert_non_null(strstr(rkv_message(), "CUDA: another device"));
    assert_int_equal(cuda->ops->alloc(cuda, &memory, 8), RKV_OK);
    assert_int_equal(cuda->ops->swiglu(cuda, memory, 1, 4, memory), RKV_OK);
    cuda->ops->release(cuda, memory);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_right, NULL)

static int test_played_device(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_shapes_by_either_solver),
        TEST(test_same_bits_every_time),
        TEST(test_batches_that_fit_memory),
        TEST(test_large_orders_one_by_one),
        TEST(test_memory_runs_out),
        TEST(test_values_that_are_not_finite),
        TEST(test_gram_fails),
        TEST(test_noise_of_zeros),
        TEST(test_polar_decomposition_fails),
        TEST(test_every_solver_fails),
        TEST(test_too_many_rows),
        TEST(test_nothing_to_do),
        TEST(test_metrics_of_ugly_rows),
        TEST(test_metrics_run_out_of_memory),
        TEST(test_a_failure_is_told_once),
    };
    return cmocka_run_group_tests(tests, open_both, close_both);
}

/* 77: skipped, for there is no such device. */
static int test_named_device(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_shapes_by_either_solver), TEST(test_values_that_are_not_finite), TEST(test_too_many_rows),
        TEST(test_nothing_to_do),           TEST(test_metrics_of_ugly_rows),
    };
    rkv_backend *b;
    rkv_status status = rkv_backend_open(&b, named_device);
    rkv_backend_close(b);
    if (status == RKV_UNAVAILABLE) {
        printf("skipped: %s\n", rkv_message());
        return 77;
    }
    return cmocka_run_group_tests(tests, open_both, close_both);
}

int main(int argc, char **argv) {
    named_device = argc > 1 ? argv[1] : NULL;
    return named_device ? test_named_device() : test_played_device();
}
