/* test_cuda_needs.c: the device memory that is foretold for an analysis, and the most that was in use: on the
 * CUDA module's sources, run on the host, the same bytes. With the name of a device ("cuda") within a tenth
 * of what the device's own pool has seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "cuda_host/gpu.h"
#include "cuda_host/host_device.h"
#include "cuda_host/host_model.h"
#include "model/model.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define T 70

static const char *named_device; /* NULL: the host */
static int32_t ids[2048];

static int make_model(void **state) {
    (void)state;
    return tiny_model_begin(ids, T);
}

static int set_right(void **state) {
    (void)state;
    host_device_set_free(0);
    return 0;
}

static rkv_memory_needs needs_of(rkv_model *model, size_t n, const rkv_analyze_options *options) {
    rkv_memory_needs needs;
    if (rkv_analyze_needs(&needs, model, ids, n, options)) fail_msg("%s", rkv_message());
    assert_int_equal(needs.needed_bytes, needs.held_bytes + needs.weights_bytes + needs.attention_bytes +
                                             needs.activations_bytes + needs.workspace_bytes);
    assert_true(needs.free_bytes > 0);
    return needs;
}

static void analyze(rkv_model *model, size_t n, const rkv_analyze_options *options) {
    rkv_analysis *analysis;
    if (rkv_analyze(&analysis, model, ids, n, options)) fail_msg("%s", rkv_message());
    rkv_analysis_free(analysis);
}

/* ---- the host's device: to the byte ---- */

/* Whatever solver, aggregate, length and place of the weights. An analysis in which no matrix comes to the
 * SVD may take less than one in which any may. */
static void test_foretold_to_the_byte(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 17, 40};
    for (int w = 0; w < 2; w++)
        for (int solver = 0; rkv_solver_name((rkv_solver)solver); solver++)
            for (size_t i = 0; i < 3; i++) {
                rkv_analyze_options options = {.solver = (rkv_solver)solver};
                rkv_model *model =
                    host_model_open(named_device, w ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT);
                rkv_memory_needs needs = needs_of(model, lengths[i], &options);
                assert_int_equal(needs.resident, !w);
                assert_int_equal(needs.held_bytes, HOST_DEVICE_OPENED);
                assert_int_equal(host_device_peak(0), HOST_DEVICE_OPENED); /* nothing was taken for it */
                analyze(model, lengths[i], &options);
                assert_int_equal(needs.needed_bytes, host_device_peak(0));
                rkv_model_close(model);
                assert_int_equal(host_device_live(), 0);
            }
}

/* Weights in the forms of the file, and what they are decoded in. */
static void test_forms_of_weights(void **state) {
    (void)state;
    static const char *const types[][6] = {{"Q4_1"}, {"Q4_0", "Q8_0", "BF16", "Q5_0", "Q4_1"}};
    for (size_t i = 0; i < 4; i++) {
        tiny_model_options options = {.in_turn = types[i / 2]};
        assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), &options), RKV_OK);
        rkv_model *model = host_model_open(named_device, i % 2 ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT);
        rkv_memory_needs needs = needs_of(model, 17, NULL);
        analyze(model, 17, NULL);
        assert_int_equal(needs.needed_bytes, host_device_peak(0));
        assert_true(needs.weights_bytes <=
                    rkv_model_weights_bytes(model->backend, &model->tensors, &model->config));
        rkv_model_close(model);
        assert_int_equal(host_device_live(), 0);
    }
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), NULL), RKV_OK);
}

/* What the model holds already is not needed again, and not missing either. */
static void test_the_second_analysis(void **state) {
    (void)state;
    rkv_model *model = host_model_open(named_device, RKV_WEIGHTS_RESIDENT);
    analyze(model, 5, NULL);
    size_t held = host_device_bytes();
    assert_true(held > 0);
    rkv_memory_needs needs = needs_of(model, T, NULL);
    assert_int_equal(needs.weights_bytes, 0);
    assert_int_equal(needs.held_bytes, held);
    size_t at_hand = needs.free_bytes;
    assert_int_equal(host_device_bytes(), held);
    analyze(model, T, NULL);
    assert_int_equal(needs.needed_bytes, host_device_peak(0));
    assert_int_equal(needs_of(model, T, NULL).free_bytes, at_hand);
    rkv_model_close(model);
    assert_int_equal(host_device_live(), 0);
}

/* Batches are made smaller where memory is scarce, in the rehearsal as in the work. */
static void test_scarce_memory(void **state) {
    (void)state;
    rkv_model *model = host_model_open(named_device, RKV_WEIGHTS_STREAMED);
    size_t plenty = needs_of(model, T, NULL).needed_bytes, least = plenty;
    rkv_model_close(model);
    size_t most = plenty - HOST_DEVICE_OPENED;
    for (size_t bytes = most; bytes > most / 2; bytes -= most / 16) {
        model = host_model_open(named_device, RKV_WEIGHTS_STREAMED);
        host_device_set_free(bytes);
        rkv_memory_needs needs = needs_of(model, T, NULL);
        assert_int_equal(needs.free_bytes, bytes + HOST_DEVICE_OPENED);
        if (needs.needed_bytes <= needs.free_bytes) {
            analyze(model, T, NULL);
            assert_int_equal(needs.needed_bytes, host_device_peak(0));
            least = needs.needed_bytes;
        }
        rkv_model_close(model);
    }
    assert_true(least < plenty);
}

/* The number that stands before `words` in the last message. */
static size_t number_before(const char *words) {
    const char *end = strstr(rkv_message(), words);
    assert_non_null(end);
    while (end > rkv_message() && end[-1] >= '0' && end[-1] <= '9')
        end--;
    return strtoull(end, NULL, 10);
}

static void test_too_little_memory(void **state) {
    (void)state;
    rkv_model *model = host_model_open(named_device, RKV_WEIGHTS_RESIDENT);
    rkv_analysis *analysis;
    host_device_set_free(100000);
    assert_int_equal(rkv_analyze(&analysis, model, ids, T, NULL), RKV_NO_MEMORY);
    assert_null(analysis);
    assert_int_equal(host_device_peak(0), HOST_DEVICE_OPENED); /* before anything was taken */
    assert_int_equal(number_before(" bytes of the memory of cuda:0 host"),
                     needs_of(model, T, NULL).needed_bytes);
    assert_int_equal(number_before(" are free"), HOST_DEVICE_OPENED + 100000);
    host_device_set_free(0);
    analyze(model, T, NULL);
    rkv_model_close(model);
}

static void test_the_cpu_is_not_foretold(void **state) {
    (void)state;
    rkv_model *model;
    rkv_memory_needs needs;
    rkv_model_options options = {.device = "cpu"};
    assert_int_equal(rkv_model_open(&model, temporary_path("tiny.gguf"), &options), RKV_OK);
    assert_int_equal(rkv_analyze_needs(&needs, model, ids, T, NULL), RKV_UNAVAILABLE);
    assert_int_equal(rkv_analyze_needs(&needs, model, ids, 0, NULL), RKV_USAGE);
    rkv_model_close(model);
}

/* ---- a device ---- */

/* A model and prompts as large as those of every day, that take more than the pool's granularity. */
static int make_larger_model(void **state) {
    (void)state;
    static const tiny_model_options shape = {
        .n_layers = 4, .n_embd = 576, .n_heads = 9, .n_kv_heads = 3, .n_ff = 1536, .n_context = 2048};
    if (tiny_model_begin(ids, T)) return -1;
    for (size_t i = T; i < 2048; i++)
        ids[i] = ids[i % T];
    return tiny_model_write(temporary_path("tiny.gguf"), &shape) != RKV_OK;
}

static void test_within_a_tenth(void **state) {
    (void)state;
    static const size_t lengths[] = {512, 1024, 2048};
    for (int w = 0; w < 2; w++)
        for (size_t i = 0; i < 3; i++) {
            rkv_model *model = host_model_open(named_device, w ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT);
            rkv_memory_needs needs = needs_of(model, lengths[i], NULL);
            rkv_memory_use use;
            analyze(model, lengths[i], NULL);
            model->backend->ops->memory_use(model->backend, &use);
            printf("%zu tokens, weights %s: %zu bytes foretold, %zu in use, %zu of the device by all\n",
                   lengths[i], needs.resident ? "resident" : "streamed", needs.needed_bytes, use.peak,
                   use.device);
            double ratio = (double)needs.needed_bytes / (double)use.peak;
            assert_true(ratio > 0.9 && ratio < 1.1);
            rkv_model_close(model);
        }
}

static int test_on_named_device(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_within_a_tenth)};
    if (!gpu_is_there(named_device)) return GPU_IS_MISSING;
    return cmocka_run_group_tests(tests, make_larger_model, temporary_tear_down);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foretold_to_the_byte),
        cmocka_unit_test(test_forms_of_weights),
        cmocka_unit_test(test_the_second_analysis),
        cmocka_unit_test_setup_teardown(test_scarce_memory, NULL, set_right),
        cmocka_unit_test_setup_teardown(test_too_little_memory, NULL, set_right),
        cmocka_unit_test(test_the_cpu_is_not_foretold),
    };
    named_device = argc > 1 ? argv[1] : NULL;
    return named_device ? test_on_named_device()
                        : cmocka_run_group_tests(tests, make_model, temporary_tear_down);
}
