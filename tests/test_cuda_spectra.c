/* test_cuda_spectra.c: the kernel that tells effective ranks, their errors and whom to believe, its source
 * run on the host, over ugly spectra: against plain loops and against the host's own sums. */
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

#include "backend/rank_error.h"
#include "backend/rank_terms.h"
#include "core/random.h"
#include "cuda/device.h"
#include "cuda/open.h"
#include "cuda/rank_kernels.h"
#include "cuda_host/host_device.h"
#include "support/plain_ops.h"

static rkv_backend *backend;
static rkv_cuda *cuda;

static int open_device(void **state) {
    (void)state;
    if (rkv_cuda_open(&backend, 0)) return 1;
    cuda = rkv_cuda_enter(backend);
    return 0;
}

static int close_device(void **state) {
    (void)state;
    rkv_backend_close(backend);
    return host_device_live() != 0;
}

/* ---- the kernel on host arrays ---- */

static void *on_device_bytes(const void *host, size_t bytes) {
    void *device;
    assert_int_equal(rkv_cuda_take(cuda, &device, bytes, 1), RKV_OK);
    assert_int_equal(rkv_cuda_to_device(cuda, device, host, bytes), RKV_OK);
    return device;
}

static void back_to_host(void *host, void *device, size_t bytes) {
    assert_int_equal(rkv_cuda_to_host(cuda, host, device, bytes), RKV_OK);
    rkv_cuda_give(cuda, device);
}

/* task's pointers are host memory. */
static void launch(rkv_spectra_task task) {
    size_t n = task.n, bytes = n * task.order * sizeof *task.values;
    double *values = task.values;
    rkv_spectrum *spectra = task.spectra;
    task.values = on_device_bytes(values, bytes);
    task.squared_norms = on_device_bytes(task.squared_norms, n * sizeof *task.squared_norms);
    task.info = on_device_bytes(task.info, n * sizeof *task.info);
    task.spectra = on_device_bytes(spectra, n * sizeof *spectra);
    assert_int_equal(rkv_launch_spectra(&task, cuda->stream), cudaSuccess);
    rkv_cuda_give(cuda, (void *)task.squared_norms);
    rkv_cuda_give(cuda, (void *)task.info);
    back_to_host(values, task.values, bytes);
    back_to_host(spectra, task.spectra, n * sizeof *spectra);
}

/* Twice: blocks and threads that run the other way round change no bit. */
static void run(const rkv_spectra_task *task) {
    size_t bytes = task->n * task->order * sizeof(double), told = task->n * sizeof *task->spectra;
    double *values = malloc(bytes);
    rkv_spectrum *spectra = malloc(told);
    assert_true(values && spectra);
    memcpy(values, task->values, bytes);
    rkv_spectra_task again = *task;
    again.values = values, again.spectra = spectra;
    memset(task->spectra, 0x55, told);
    memset(spectra, 0x55, told);
    launch(*task);
    launch(again);
    assert_memory_equal(values, task->values, bytes);
    assert_memory_equal(spectra, task->spectra, told);
    free(values), free(spectra);
}

/* ---- spectra ---- */

/* Eigenvalue i of n, ascending. */
static double equal(size_t i, size_t n) {
    (void)i, (void)n;
    return 3;
}
static double rising(size_t i, size_t n) {
    return (double)(i + 1) / (double)n;
}
static double geometric(size_t i, size_t n) {
    return pow(0.9, (double)(n - 1 - i));
}
static double one_value(size_t i, size_t n) {
    return i + 1 == n ? 4 : 0;
}
static double one_value_in_noise(size_t i, size_t n) {
    return i + 1 == n ? 1 : ((double)i - (double)(n / 2)) * 1e-17;
}
static double one_negative(size_t i, size_t n) {
    return i == 0 && n > 1 ? -1e-9 : rising(i, n);
}
static double slightly_negative(size_t i, size_t n) {
    return i == 0 && n > 1 ? -1e-15 : rising(i, n);
}
/* The order is promised; how negative the worst is does not depend on it. */
static double negative_in_disorder(size_t i, size_t n) {
    return i + 1 == n ? 1 : i == n / 3 || (n > 9 && i == n - 3) ? -1e-8 * (double)(i + 1) : -1e-12;
}
static double zero(size_t i, size_t n) {
    (void)i, (void)n;
    return 0;
}
static double all_negative(size_t i, size_t n) {
    return ((double)i - (double)n) * 1e-18;
}
static double large(size_t i, size_t n) {
    return rising(i, n) * 1e90;
}
static double small(size_t i, size_t n) {
    return rising(i, n) * 1e-90;
}

static const struct {
    const char *name;
    double (*at)(size_t i, size_t n);
} kinds[] = {{"equal", equal},
             {"rising", rising},
             {"geometric", geometric},
             {"one value", one_value},
             {"one value in noise", one_value_in_noise},
             {"one negative", one_negative},
             {"slightly negative", slightly_negative},
             {"negative in disorder", negative_in_disorder},
             {"zero", zero},
             {"all negative", all_negative},
             {"large", large},
             {"small", small}};
enum { KINDS = sizeof kinds / sizeof *kinds, LONGEST = 1031 };

static const size_t orders[] = {1, 2, 3, 13, 31, 32, 33, 255, 256, 257, 521, LONGEST};

/* One spectrum of each kind. */
typedef struct batch {
    double values[KINDS * LONGEST], sigma[KINDS * LONGEST]; /* [KINDS, order] */
    double norms[KINDS];
    int info[KINDS];
    rkv_spectrum told[KINDS];
} batch;

static double root(double x) {
    return x > 0 ? sqrt(x) : 0;
}

static batch *batch_new(size_t order) {
    batch *b = calloc(1, sizeof *b);
    assert_non_null(b);
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < order; i++) {
            double x = kinds[k].at(i, order);
            b->values[k * order + i] = x;
            b->sigma[k * order + order - 1 - i] = root(x);
            b->norms[k] += fmax(x, 0);
        }
    return b;
}

static rkv_spectra_task task_of(batch *b, size_t order, double *values) {
    return (rkv_spectra_task){.values = values,
                              .n = KINDS,
                              .order = order,
                              .noise = 1,
                              .squared_norms = b->norms,
                              .info = b->info,
                              .spectra = b->told};
}

/* ---- plain loops ---- */

/* What rounding did to eigenvalues x [n]: two standard deviations of it. */
static double plain_delta(const double *x, size_t n, double noise) {
    double lowest = 0, largest = 0;
    size_t negative = 0, near = 0;
    for (size_t i = 0; i < n; i++) {
        lowest = fmin(lowest, x[i]);
        largest = fmax(largest, x[i]);
        negative += x[i] < 0;
    }
    for (size_t i = 0; i < n; i++)
        near += x[i] <= -4 * lowest;
    if (negative >= 8 && 3 * negative >= near) noise = fmin(noise, 0.02);
    return fmax(-lowest, noise * DBL_EPSILON * largest);
}

/* What sigma [n] is moved by: `above` delta, in its square, by random signs; else by least, of which the part
 * `bias` goes one way. */
static double plain_error(const double *sigma, size_t n, long double delta, long double least,
                          long double bias) {
    long double total = 0, entropy = 0, squares = 0, biased = 0;
    if (sigma[0] == 0 || least == 0) return 0;
    for (size_t i = 0; i < n; i++)
        total += sigma[i];
    for (size_t i = 0; i < n; i++)
        if (sigma[i] > 0) entropy -= sigma[i] / total * logl(sigma[i] / total);
    for (size_t i = 0; i < n; i++) {
        long double weight = fabsl(logl(fmaxl(sigma[i], least) / total) + entropy) / total;
        if (sigma[i] * sigma[i] > delta)
            squares += weight * delta / (2 * sigma[i]) * weight * delta / (2 * sigma[i]);
        else {
            squares += weight * least * (1 - bias) * weight * least * (1 - bias);
            biased += weight * least * bias;
        }
    }
    return (double)(sqrtl(squares) + biased);
}

/* ln p + H carries the error that the entropy has, and may cancel; no value moves by more than least. Beyond
 * that sums and products are off by so many roundings of themselves. */
static double error_tolerance(const double *sigma, size_t n, double least, double error) {
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += sigma[i];
    if (!(total > 0)) return 0;
    return 2 * plain_effective_rank_tolerance(n) * (double)n * least / total +
           2 * (double)(n + 8) * 0x1p-53 * error;
}

static void assert_near(const char *kind, size_t n, const char *what, double got, double expected,
                        double tolerance) {
    if (!(fabs(got - expected) <= tolerance) && !(isnan(got) && isnan(expected)))
        fail_msg("%s, order %zu: %s is %.17g, not %.17g (tolerance %.2g)", kind, n, what, got, expected,
                 tolerance);
}

/* error: what is expected of it. The norms of a batch are right and no solver failed. */
static void assert_told(const batch *b, size_t k, size_t n, double error, double least) {
    const rkv_spectrum *told = &b->told[k];
    const double *sigma = b->sigma + k * n;
    double rank = plain_effective_rank(sigma, n), norm = b->norms[k];
    assert_near(kinds[k].name, n, "the effective rank", told->erank, rank,
                rank * plain_effective_rank_tolerance(n));
    assert_near(kinds[k].name, n, "the error", told->error, error, error_tolerance(sigma, n, least, error));
    assert_near(kinds[k].name, n, "the sum of squares", told->squares, norm,
                (double)(n + 4) * 0x1p-52 * norm);
    assert_int_equal(told->info, 0);
    if (!(fabs(error / RKV_RANK_ERROR_LIMIT - 1) < 1e-3))
        assert_int_equal(told->untrusted, !(error <= RKV_RANK_ERROR_LIMIT));
}

/* ---- tests ---- */

/* Against the plain loops, and the host's function for LAPACK's eigenvalues, which does the same. */
static void test_eigenvalues(void **state) {
    (void)state;
    size_t trusted = 0, distrusted = 0;
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        size_t n = orders[o];
        batch *b = batch_new(n);
        double *values = malloc(KINDS * n * sizeof *values);
        memcpy(values, b->values, KINDS * n * sizeof *values);
        rkv_spectra_task task = task_of(b, n, values);
        task.of_gram = 1;
        run(&task);
        assert_memory_equal(values, b->sigma, KINDS * n * sizeof *values); /* roots are exactly rounded */
        for (size_t k = 0; k < KINDS; k++) {
            double *x = b->values + k * n, delta = plain_delta(x, n, 1), least = sqrt(delta);
            double error = plain_error(b->sigma + k * n, n, delta, least, RKV_GRAM_BIAS);
            assert_told(b, k, n, error, least);
            assert_near(kinds[k].name, n, "the host's error", rkv_sigma_of_gram(x, n, 1), error,
                        error_tolerance(b->sigma + k * n, n, least, error));
            assert_memory_equal(x, b->sigma + k * n, n * sizeof *x);
            trusted += !b->told[k].untrusted;
            distrusted += b->told[k].untrusted != 0;
        }
        free(values), free(b);
    }
    assert_true(trusted >= 40 && distrusted >= 40);
}

/* Of another solver: the noise that it is known for scales the estimate. */
static void test_noise_of_the_solver(void **state) {
    (void)state;
    enum { N = 300 };
    batch *b = batch_new(N);
    for (double noise = 0; noise < 1e9; noise = noise * 100 + 0.02) {
        double *values = malloc(KINDS * N * sizeof *values);
        memcpy(values, b->values, KINDS * N * sizeof *values);
        rkv_spectra_task task = task_of(b, N, values);
        task.of_gram = 1, task.noise = noise;
        run(&task);
        double delta = noise * DBL_EPSILON, *sigma = b->sigma + 1 * N; /* rising: to 1, none negative */
        assert_told(b, 1, N, plain_error(sigma, N, delta, sqrt(delta), RKV_GRAM_BIAS), sqrt(delta));
        free(values);
    }
    free(b);
}

/* Spectra of two large values and noise, in units of eps times the largest: so many at even steps between
 * -depth and 0, so many from 0 to `up` depth. A solver of unknown noise is believed where enough of it is
 * seen below 0, and as much as there is above. */
static const struct {
    const char *name;
    size_t below, above;
    double depth, up, solver; /* solver: what it is known to add */
    double delta;             /* in the same units */
} shown[] = {
    {"symmetric", 20, 20, 0.03, 1, 1, 0.03},
    {"just enough", 8, 8, 0.03, 1, 1, 0.03},
    {"most of them", 8, 2, 0.03, 1, 1, 0.03},
    {"too few", 7, 7, 0.03, 1, 1, 1},
    {"too few, up to the middle", 7, 4, 0.03, 1, 1, 1},
    {"too few, of a solver that is known", 7, 7, 0.03, 1, 0.02, 0.03},
    {"true values among them", 10, 20, 0.03, 3.9, 1, 0.03},
    {"biased upward", 10, 21, 0.03, 3.9, 1, 1},
    {"biased far upward", 10, 21, 0.03, 300, 1, 0.03}, /* and so no noise */
    {"more than is known", 20, 20, 3, 1, 1, 3},
    {"next to none", 20, 20, 1e-4, 1, 1, 0.02},
    {"less than a known solver's", 20, 20, 1e-4, 1, 0.005, 0.005},
};
enum { SHOWN = sizeof shown / sizeof *shown, LARGE = 2 };

/* x [n], ascending; returns n. */
static size_t show_noise(size_t s, double *x) {
    size_t n = 0;
    for (size_t i = shown[s].below; i > 0; i--)
        x[n++] = -shown[s].depth * DBL_EPSILON * (double)i / (double)shown[s].below;
    for (size_t i = 1; i <= shown[s].above; i++)
        x[n++] = shown[s].up * shown[s].depth * DBL_EPSILON * (double)i / (double)shown[s].above;
    for (size_t i = 0; i < LARGE; i++)
        x[n++] = 1;
    return n;
}

static void test_noise_that_is_seen(void **state) {
    (void)state;
    for (size_t s = 0; s < SHOWN; s++) {
        double x[64], host[64], norm = LARGE;
        int info = 0;
        rkv_spectrum told;
        size_t n = show_noise(s, x);
        memcpy(host, x, sizeof x);
        double error = rkv_sigma_of_gram(host, n, shown[s].solver), delta = shown[s].delta * DBL_EPSILON;
        double expected = plain_error(host, n, delta, sqrt(delta), RKV_GRAM_BIAS);
        rkv_spectra_task task = {x, 1, n, 1, shown[s].solver, 0, &norm, &info, &told};
        run(&task);
        assert_memory_equal(x, host, n * sizeof *x);
        assert_near(shown[s].name, n, "the host's error", error, expected, 1e-9 * expected);
        assert_near(shown[s].name, n, "the error", told.error, expected, 1e-9 * expected);
        if (told.untrusted != (shown[s].delta >= 1)) fail_msg("%s: %.2g", shown[s].name, expected);
    }
}

/* What the estimate is made of, on noise by dice: roots of many eigenvalues that are 0 but for it. */
static void test_bias_of_roots(void **state) {
    (void)state;
    enum { N = 100000 };
    rkv_random dice = {11};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < N; i++) {
        double angle = 6.283185307179586 * rkv_random_unit(&dice);
        double root = rkv_root_of_eigenvalue(sqrt(-2 * log1p(-rkv_random_unit(&dice))) * cos(angle));
        sum += root, squares += root * root;
    }
    double mean = sum / N, deviation = sqrt(squares / N - mean * mean), least = sqrt(2);
    assert_true(fabs(mean - 0.4111) < 0.01 && fabs(deviation - 0.4795) < 0.01);
    assert_true(fabs(mean / least - RKV_GRAM_BIAS) < 0.02);
    assert_true(fabs(2 * deviation / least - (1 - RKV_GRAM_BIAS)) < 0.04);
}

/* Singular values stay as they are. */
static void test_shifted_singular_values(void **state) {
    (void)state;
    static const double shifts[] = {0, 1e-12, 1e-9, 1e-5};
    for (size_t o = 1; o < sizeof orders / sizeof *orders; o += 2)
        for (size_t s = 0; s < sizeof shifts / sizeof *shifts; s++) {
            size_t n = orders[o];
            batch *b = batch_new(n);
            memcpy(b->values, b->sigma, sizeof b->sigma);
            rkv_spectra_task task = task_of(b, n, b->values);
            task.shift = shifts[s];
            run(&task);
            assert_memory_equal(b->values, b->sigma, sizeof b->sigma);
            for (size_t k = 0; k < KINDS; k++)
                assert_told(b, k, n, plain_error(b->sigma + k * n, n, (long double)INFINITY, shifts[s], 1),
                            shifts[s]);
            free(b);
        }
}

/* Both of a pair of neighbours, at every place of an order that is more than a block of threads. */
static void test_order_is_checked(void **state) {
    (void)state;
    enum { N = 259, PAIRS = N - 1 };
    double *values = malloc(PAIRS * N * sizeof *values), norms[PAIRS];
    int info[PAIRS] = {0};
    rkv_spectrum told[PAIRS];
    for (int of_gram = 0; of_gram < 2; of_gram++)
        for (int disorder = 0; disorder < 2; disorder++) {
            rkv_spectra_task task = {values, PAIRS, N, of_gram, 1, 0, norms, info, told};
            for (size_t k = 0; k < PAIRS; k++) {
                norms[k] = 0;
                for (size_t i = 0; i < N; i++) {
                    size_t rank = disorder && i == k ? k + 1 : disorder && i == k + 1 ? k : i;
                    double sigma = (double)(of_gram ? rank + 1 : N - rank);
                    values[k * N + i] = of_gram ? sigma * sigma : sigma;
                    norms[k] += sigma * sigma;
                }
            }
            launch(task);
            for (size_t k = 0; k < PAIRS; k++)
                assert_int_equal(told[k].untrusted, disorder);
        }
    free(values);
}

/* A NaN, an infinity or a negative value, at the ends, in the middle, and where a block's threads begin
 * again.
 */
static void test_what_is_no_number(void **state) {
    (void)state;
    enum { N = 259, PLACES = 8 };
    static const size_t places[PLACES] = {0, 1, 128, 129, 255, 256, N - 2, N - 1};
    static const double bad[] = {NAN, INFINITY, -1};
    double values[PLACES * N], norms[PLACES];
    int info[PLACES] = {0};
    rkv_spectrum told[PLACES];
    for (int of_gram = 0; of_gram < 2; of_gram++)
        for (size_t x = 0; x < sizeof bad / sizeof *bad; x++) {
            rkv_spectra_task task = {values, PLACES, N, of_gram, 1, 0, norms, info, told};
            for (size_t k = 0; k < PLACES; k++) {
                norms[k] = N;
                for (size_t i = 0; i < N; i++)
                    values[k * N + i] = i == places[k] ? bad[x] : 1;
            }
            run(&task);
            for (size_t k = 0; k < PLACES; k++) {
                assert_true(told[k].untrusted != 0);
                assert_true(isnan(told[k].erank) || (of_gram && bad[x] == -1));
            }
        }
}

/* One block of many is distrusted: for its solver, its norm, or a shift that nobody knows. */
static void test_one_is_distrusted(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 257};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        size_t n = lengths[l];
        batch *b = batch_new(n);
        rkv_spectra_task task = task_of(b, n, b->values);
        memcpy(b->values, b->sigma, sizeof b->sigma);
        b->info[0] = -3, b->info[4] = 7;
        b->norms[1] *= 1 + 1000 * (double)n * DBL_EPSILON;
        b->norms[2] *= 1 - 1000 * (double)n * DBL_EPSILON;
        b->norms[3] *= 1 + 10 * (double)n * DBL_EPSILON;
        b->norms[5] = NAN;
        b->norms[8] = DBL_MIN; /* of zeros */
        run(&task);
        for (size_t k = 0; k < KINDS; k++)
            assert_int_equal(b->told[k].untrusted, k <= 5 ? k != 3 : k == 8);
        assert_int_equal(b->told[0].info, -3);
        assert_int_equal(b->told[4].info, 7);
        task.shift = NAN;
        run(&task);
        assert_true(b->told[3].untrusted && b->told[6].untrusted);
        free(b);
    }
}

/* As the kernel does, so does the host with LAPACK's. */
static void test_host_distrusts_nan(void **state) {
    (void)state;
    double first[3] = {NAN, 1, 2}, last[3] = {1, 2, NAN}, none[3] = {3, 1, 2};
    assert_true(isnan(rkv_sigma_of_gram(first, 3, 1)) && isnan(rkv_sigma_of_gram(last, 3, 1)));
    assert_true(rkv_sigma_of_gram(none, 3, 1) < 1e-14 && rkv_sigma_of_gram(none, 0, 1) == 0);
    assert_true(none[0] == sqrt(3) && none[2] == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eigenvalues),
        cmocka_unit_test(test_noise_of_the_solver),
        cmocka_unit_test(test_noise_that_is_seen),
        cmocka_unit_test(test_bias_of_roots),
        cmocka_unit_test(test_shifted_singular_values),
        cmocka_unit_test(test_order_is_checked),
        cmocka_unit_test(test_what_is_no_number),
        cmocka_unit_test(test_one_is_distrusted),
        cmocka_unit_test(test_host_distrusts_nan),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
