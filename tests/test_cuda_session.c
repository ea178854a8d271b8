/* test_cuda_session.c: sessions of a model that is on a device: caches live in host memory. */
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
#include "model/model.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define T   40
#define NEW 12

static int32_t ids[T];

static int make_model(void **state) {
    (void)state;
    return tiny_model_begin(ids, T);
}

static int remove_model(void **state) {
    (void)state;
    temporary_remove();
    return 0;
}

static rkv_model *open_on_cpu(void) {
    rkv_model *model;
    rkv_model_options options = {.device = "cpu"};
    if (rkv_model_open(&model, temporary_path("tiny.gguf"), &options) != RKV_OK)
        fail_msg("%s", rkv_message());
    return model;
}

/* No weights are decoded before they are needed, so the device can still be exchanged. */
static rkv_model *open_on_device(void) {
    rkv_model *model = open_on_cpu();
    rkv_backend_close(model->backend);
    assert_int_equal(rkv_cuda_open(&model->backend, 0), RKV_OK);
    return model;
}

static int32_t best(const float *logits, size_t n) {
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[at]) at = i;
    return (int32_t)at;
}

static void generate(rkv_model *model, int32_t found[NEW]) {
    rkv_session *session = NULL;
    rkv_session_options options = {.method = "snapkv:window=4", .budget = 16};
    assert_int_equal(rkv_session_new(&session, model, &options), RKV_OK);
    assert_int_equal(rkv_session_prefill(session, ids, T), RKV_OK);
    for (size_t i = 0; i < NEW; i++) {
        found[i] = best(rkv_session_logits(session), rkv_model_get_info(model)->n_vocab);
        assert_int_equal(rkv_session_decode(session, found[i]), RKV_OK);
    }
    rkv_session_free(session);
}

/* Sessions compute on the CPU; the model stays where it is and is used there all the while. */
static void test_same_tokens(void **state) {
    (void)state;
    rkv_model *cpu = open_on_cpu(), *device = open_on_device();
    rkv_prefill_result result;
    int32_t found[2][NEW];
    generate(cpu, found[0]);
    assert_int_equal(rkv_prefill(device, ids, 5, NULL, &result), RKV_OK);
    rkv_prefill_result_clear(&result);
    generate(device, found[1]);
    assert_memory_equal(found[0], found[1], sizeof found[0]);
    assert_string_equal(rkv_model_device(device), "cuda:0 host");
    assert_int_equal(rkv_prefill(device, ids, 5, NULL, &result), RKV_OK);
    rkv_prefill_result_clear(&result);
    rkv_model_close(cpu);
    rkv_model_close(device);
    assert_int_equal(host_device_live(), 0);
}

/* Sessions that are prefilled together are all on the one model that stands in for it. */
static void test_sessions_together(void **state) {
    (void)state;
    rkv_model *device = open_on_device();
    rkv_session *sessions[2] = {NULL, NULL};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(rkv_session_new(&sessions[i], device, NULL), RKV_OK);
    assert_int_equal(rkv_session_prefill_all(sessions, 2, ids, T), RKV_OK);
    assert_memory_equal(rkv_session_logits(sessions[0]), rkv_session_logits(sessions[1]),
                        tiny_model_n_vocab() * sizeof(float));
    for (size_t i = 0; i < 2; i++)
        rkv_session_free(sessions[i]);
    rkv_model_close(device);
}

/* The model's file is opened again: it must be the same. */
static void test_file_that_changed(void **state) {
    (void)state;
    rkv_model *device = open_on_device();
    rkv_session *session;
    tiny_model_options other = {.seed = 7};
    assert_int_equal(remove(temporary_path("tiny.gguf")), 0); /* it is mapped: what is read there stays */
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), &other), RKV_OK);
    assert_int_equal(rkv_session_new(&session, device, NULL), RKV_DATA);
    assert_null(session);
    assert_non_null(strstr(rkv_message(), "another file"));
    rkv_model_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_tokens), cmocka_unit_test(test_sessions_together),
        cmocka_unit_test(test_file_that_changed), /* the last: it spoils the file */
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
