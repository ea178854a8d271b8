/* test_cuda_download.c: copies to the host beside the work, on the CUDA module's sources, run on the host:
 * when they arrive, what they hold when the device writes on, and that the layers of a prefill, shown while
 * the next ones are computed, are the CPU's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "cuda/open.h"
#include "cuda_host/host_device.h"
#include "cuda_host/host_model.h"
#include "model/model.h"
#include "support/kept_layers.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define T      6
#define LAYERS 5

static int32_t ids[T];

static int make_model(void **state) {
    (void)state;
    static const tiny_model_options shape = {.n_layers = LAYERS, .n_embd = 32, .n_heads = 4, .n_ff = 32};
    if (tiny_model_begin(ids, T)) return -1;
    return tiny_model_write(temporary_path("tiny.gguf"), &shape) != RKV_OK;
}

/* ---- one copy ---- */

enum { N = 40 };

typedef struct device {
    rkv_backend *backend;
    float *memory;      /* [N] 0, 1, 2 .. */
    float *zeros;       /* [N] */
    rkv_download *room; /* [N] */
} device;

static device device_new(void) {
    device d;
    float host[N];
    assert_int_equal(rkv_cuda_open(&d.backend, 0), RKV_OK);
    const rkv_backend_ops *ops = d.backend->ops;
    assert_int_equal(ops->alloc(d.backend, &d.memory, N), RKV_OK);
    assert_int_equal(ops->alloc(d.backend, &d.zeros, N), RKV_OK);
    for (size_t i = 0; i < N; i++)
        host[i] = (float)i;
    assert_int_equal(ops->upload(d.backend, d.memory, host, N), RKV_OK);
    memset(host, 0, sizeof host);
    assert_int_equal(ops->upload(d.backend, d.zeros, host, N), RKV_OK);
    assert_int_equal(ops->download_new(d.backend, N, &d.room), RKV_OK);
    return d;
}

/* Queues work that makes all of memory 0, and waits for nothing. */
static void write_over(const device *d) {
    for (size_t i = 0; i < N; i++)
        assert_int_equal(d->backend->ops->head_mean(d->backend, d->zeros, 1, 1, d->memory + i), RKV_OK);
}

static void device_free(device *d) {
    const rkv_backend_ops *ops = d->backend->ops;
    ops->download_free(d->backend, d->room);
    ops->release(d->backend, d->memory);
    ops->release(d->backend, d->zeros);
    rkv_backend_close(d->backend);
    assert_int_equal(host_device_live(), 0);
}

/* What was there when it began, whatever the device does after it was allowed to. Twice in the same room. */
static void test_the_device_writes_on(void **state) {
    (void)state;
    device d = device_new();
    const rkv_backend_ops *ops = d.backend->ops;
    const float *host;
    assert_int_equal(ops->download_begin(d.backend, d.room, d.memory, N), RKV_OK);
    assert_int_equal(ops->download_yield(d.backend, d.room), RKV_OK);
    write_over(&d);
    assert_int_equal(ops->download_end(d.backend, d.room, &host), RKV_OK);
    for (size_t i = 0; i < N; i++)
        assert_true(host[i] == (float)i);
    assert_int_equal(ops->download_begin(d.backend, d.room, d.memory, N), RKV_OK);
    assert_int_equal(ops->download_end(d.backend, d.room, &host), RKV_OK);
    for (size_t i = 0; i < N; i++)
        assert_true(host[i] == 0);
    device_free(&d);
}

/* The device that is played would show what is forgotten: whoever does not yield gets what was written later,
 * and nobody gets a copy that was not waited for. */
static void test_what_is_forgotten_shows(void **state) {
    (void)state;
    device d = device_new();
    const rkv_backend_ops *ops = d.backend->ops;
    const float *host;
    assert_int_equal(ops->download_begin(d.backend, d.room, d.memory, N), RKV_OK);
    write_over(&d);
    assert_int_equal(ops->wait(d.backend), RKV_OK); /* of the work, which does not come after the copy */
    assert_true(isnan(*(const float *)host_pinned(0)));
    assert_int_equal(ops->download_end(d.backend, d.room, &host), RKV_OK);
    assert_ptr_equal(host, host_pinned(0));
    assert_true(host[1] == 0);
    device_free(&d);
}

/* Room is given back while something is on its way there. */
static void test_given_up(void **state) {
    (void)state;
    device d = device_new();
    assert_int_equal(d.backend->ops->download_begin(d.backend, d.room, d.memory, N), RKV_OK);
    device_free(&d);
}

/* ---- a prefill ---- */

static rkv_status prefill(rkv_model *model, kept_layers *l) {
    rkv_prefill_options options = {.attention = true, .on_layer = kept_layers_add, .user = l};
    rkv_prefill_result result = {0};
    rkv_status status = rkv_prefill(model, ids, T, &options, &result);
    rkv_prefill_result_clear(&result);
    return status;
}

static void test_layers_of_a_prefill(void **state) {
    (void)state;
    rkv_model *cpu = host_model_open("cpu", RKV_WEIGHTS_AUTO),
              *cuda = host_model_open(NULL, RKV_WEIGHTS_AUTO);
    kept_layers a = {0}, b = {0};
    assert_int_equal(prefill(cpu, &a), RKV_OK);
    assert_int_equal(prefill(cuda, &b), RKV_OK);
    assert_int_equal(a.n, LAYERS);
    kept_layers_assert_same(&a, &b);
    kept_layers_clear(&b);
    rkv_analysis *analysis;
    rkv_analyze_options options = {.on_layer = kept_layers_add, .user = &b};
    if (rkv_analyze(&analysis, cuda, ids, T, &options)) fail_msg("%s", rkv_message());
    kept_layers_assert_same(&a, &b);
    rkv_analysis_free(analysis);
    kept_layers_clear(&a);
    kept_layers_clear(&b);
    rkv_model_close(cpu);
    rkv_model_close(cuda);
    assert_int_equal(host_device_live(), 0);
}

/* Who looks may stop it, at any layer; then copies are under way. */
static void test_stopped_by_who_looks(void **state) {
    (void)state;
    rkv_model *cuda = host_model_open(NULL, RKV_WEIGHTS_AUTO);
    for (size_t stop_at = 1; stop_at < LAYERS; stop_at++) {
        kept_layers l = {.stop_at = stop_at};
        assert_int_equal(prefill(cuda, &l), RKV_CANCELLED);
        assert_int_equal(l.n, stop_at);
        kept_layers_clear(&l);
    }
    rkv_model_close(cuda);
    assert_int_equal(host_device_live(), 0);
}

/* Of the device's memory and of the host's that it copies to. */
static void test_every_allocation_may_fail(void **state) {
    (void)state;
    size_t of_host = 0, k = 1;
    for (;; k++) {
        rkv_model *cuda = host_model_open(NULL, RKV_WEIGHTS_AUTO);
        kept_layers l = {0};
        host_device_fail_at(k);
        rkv_status status = prefill(cuda, &l);
        bool failed = host_device_fail_at(0) == 0;
        kept_layers_clear(&l);
        rkv_model_close(cuda);
        assert_int_equal(host_device_live(), 0);
        assert_int_equal(status, failed ? RKV_NO_MEMORY : RKV_OK);
        if (!failed) break;
        of_host += strstr(rkv_message(), "bytes of host memory") != NULL;
    }
    assert_int_equal(of_host, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_device_writes_on),
        cmocka_unit_test(test_what_is_forgotten_shows),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_layers_of_a_prefill),
        cmocka_unit_test(test_stopped_by_who_looks),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_model, temporary_tear_down);
}
