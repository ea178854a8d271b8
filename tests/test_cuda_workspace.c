/* test_cuda_workspace.c: what cuBLAS works in, on the CUDA module's sources, run on the host: it is ours,
 * taken from the pool that counts, in every product, for as long as there is a handle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cuda/device.h"
#include "cuda/open.h"
#include "cuda_host/host_blas.h"
#include "cuda_host/host_device.h"

enum { N = 5 };

static rkv_cuda *cuda_new(void) {
    rkv_backend *backend;
    assert_int_equal(rkv_cuda_open(&backend, 0), RKV_OK);
    return (rkv_cuda *)backend;
}

static void cuda_free(rkv_cuda *cuda) {
    rkv_backend_close(&cuda->base);
    assert_int_equal(host_device_live(), 0);
}

/* A product of float32 matrices. */
static rkv_status multiply(rkv_cuda *cuda) {
    static const float ones[N * N] = {1};
    const rkv_backend_ops *ops = cuda->base.ops;
    rkv_matrix *matrix = NULL;
    float *x = NULL, *y = NULL;
    rkv_status status = ops->matrix_new(&cuda->base, RKV_WEIGHT_F32, N, N, &matrix);
    if (!status) status = ops->matrix_put(&cuda->base, matrix, 0, N, ones);
    if (!status) status = ops->alloc(&cuda->base, &x, N * N);
    if (!status) status = ops->alloc(&cuda->base, &y, N * N);
    if (!status) status = ops->upload(&cuda->base, x, ones, N * N);
    if (!status) status = ops->matmul(&cuda->base, x, N, matrix, 0, N, false, y);
    ops->release(&cuda->base, y);
    ops->release(&cuda->base, x);
    ops->matrix_free(&cuda->base, matrix);
    return status;
}

/* Products of float64 ones. */
static rkv_status rank(rkv_cuda *cuda) {
    static const float ones[N * N] = {1};
    double sigma[N];
    float *matrix = NULL;
    rkv_status status = cuda->base.ops->alloc(&cuda->base, &matrix, N * N);
    if (!status) status = cuda->base.ops->upload(&cuda->base, matrix, ones, N * N);
    rkv_singular_task task = {.matrices = matrix, .n = 1, .rows = N, .cols = N, .sigma = sigma};
    if (!status) status = cuda->base.ops->singular_values(&cuda->base, &task);
    cuda->base.ops->release(&cuda->base, matrix);
    return status;
}

static rkv_status (*const products[])(rkv_cuda *cuda) = {multiply, rank};

static void test_every_product_works_in_ours(void **state) {
    (void)state;
    rkv_cuda *cuda = cuda_new();
    rkv_memory_use use;
    size_t before = host_blas_uncounted();
    cuda->base.ops->memory_use(&cuda->base, &use);
    assert_int_equal(use.peak, HOST_DEVICE_OPENED);
    assert_int_equal(use.device, HOST_DEVICE_OPENED);
    assert_int_equal(host_device_bytes(), HOST_DEVICE_OPENED);
    for (int precision = 0; precision < RKV_PRECISION_COUNT; precision++)
        for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
            assert_int_equal(rkv_cuda_set_precision(&cuda->base, (rkv_precision)precision), RKV_OK);
            assert_int_equal(products[i](cuda), RKV_OK);
        }
    assert_int_equal(host_blas_uncounted(), before);
    cuda_free(cuda);
}

/* Why the order matters; and that the test above would show it. */
static void test_a_stream_takes_it_away(void **state) {
    (void)state;
    rkv_cuda *cuda = cuda_new();
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        size_t before = host_blas_uncounted();
        assert_int_equal(cublasSetStream(cuda->blas, cuda->stream), CUBLAS_STATUS_SUCCESS);
        assert_int_equal(products[i](cuda), RKV_OK);
        assert_true(host_blas_uncounted() > before);
    }
    assert_int_equal(cublasSetWorkspace(cuda->blas, (char *)cuda->blas_workspace + 128, 1024),
                     CUBLAS_STATUS_INVALID_VALUE);
    cuda_free(cuda);
}

/* Whether a process that does this with a device of its own is ended. */
static bool ends(void (*what)(rkv_cuda *cuda)) {
    int how = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(0);
        what(cuda_new());
        _exit(0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    return !WIFEXITED(how) || WEXITSTATUS(how) != 0;
}

static void do_nothing(rkv_cuda *cuda) {
    (void)cuda;
}

static void multiply_once(rkv_cuda *cuda) {
    multiply(cuda);
}

static void free_then_multiply(rkv_cuda *cuda) {
    rkv_cuda_give(cuda, cuda->blas_workspace);
    multiply(cuda);
}

static void free_then_close(rkv_cuda *cuda) {
    rkv_cuda_give(cuda, cuda->blas_workspace);
    cuda->blas_workspace = NULL;
    rkv_backend_close(&cuda->base);
}

static void say_too_much(rkv_cuda *cuda) {
    cublasSetWorkspace(cuda->blas, cuda->blas_workspace, HOST_DEVICE_OPENED + 1);
    multiply(cuda);
}

static void test_it_stays_until_the_handle_goes(void **state) {
    (void)state;
    assert_false(ends(do_nothing));
    assert_false(ends(multiply_once));
    assert_true(ends(free_then_multiply));
    assert_true(ends(free_then_close));
    assert_true(ends(say_too_much));
}

/* A device without the memory for it is not opened, and leaves nothing behind. */
static void test_no_room_for_it(void **state) {
    (void)state;
    rkv_backend *backend;
    host_device_fail_at(1);
    assert_int_equal(rkv_cuda_open(&backend, 0), RKV_NO_MEMORY);
    assert_null(backend);
    assert_int_equal(host_device_fail_at(0), 0);
    assert_int_equal(host_device_live(), 0);
}

/* What a rehearsal says is of the whole process, and what was held before is of it. */
static void test_a_rehearsal_begins_with_it(void **state) {
    (void)state;
    rkv_cuda *cuda = cuda_new();
    rkv_backend *rehearsal;
    rkv_memory_use use;
    float *memory, *counted;
    assert_int_equal(cuda->base.ops->alloc(&cuda->base, &memory, 100), RKV_OK);
    assert_int_equal(cuda->base.ops->rehearse(&cuda->base, &rehearsal), RKV_OK);
    assert_non_null(cuda->solver); /* what that takes is no longer free when the rehearsal looks */
    rehearsal->ops->memory_use(rehearsal, &use);
    assert_int_equal(use.held, HOST_DEVICE_OPENED + 400);
    assert_int_equal(use.peak, use.held);
    assert_int_equal(rehearsal->ops->alloc(rehearsal, &counted, 10), RKV_OK);
    rehearsal->ops->release(rehearsal, counted);
    rehearsal->ops->memory_use(rehearsal, &use);
    assert_int_equal(use.peak, use.held + use.tensors);
    assert_int_equal(use.tensors, 40);
    rkv_backend_close(rehearsal);
    cuda->base.ops->release(&cuda->base, memory);
    cuda_free(cuda);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_product_works_in_ours),    cmocka_unit_test(test_a_stream_takes_it_away),
        cmocka_unit_test(test_it_stays_until_the_handle_goes), cmocka_unit_test(test_no_room_for_it),
        cmocka_unit_test(test_a_rehearsal_begins_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
