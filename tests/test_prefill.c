/* test_prefill.c: the forward pass on the tiny model: causal, the same however weights are kept, stopped and
 * refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "support/temporary.h"
#include "support/tiny_model.h"

#define T 100

static int32_t ids[T];

static int make_model(void **state) {
    (void)state;
    return tiny_model_begin(ids, T);
}

static rkv_model *open_model(rkv_weights weights) {
    rkv_model *model;
    rkv_model_options options = {.weights = weights};
    if (rkv_model_open(&model, temporary_path("tiny.gguf"), &options) != RKV_OK)
        fail_msg("%s", rkv_message());
    return model;
}

static rkv_prefill_result prefill(rkv_model *model, size_t n) {
    rkv_prefill_options options = {.losses = true};
    rkv_prefill_result result;
    if (rkv_prefill(model, ids, n, &options, &result) != RKV_OK) fail_msg("%s", rkv_message());
    return result;
}

static void test_streamed_weights_give_the_same_bits(void **state) {
    (void)state;
    rkv_model *resident = open_model(RKV_WEIGHTS_RESIDENT), *streamed = open_model(RKV_WEIGHTS_STREAMED);
    for (int again = 0; again < 2; again++) {
        rkv_prefill_result a = prefill(resident, T), b = prefill(streamed, T);
        assert_memory_equal(a.last_logits, b.last_logits, a.n_vocab * sizeof *a.last_logits);
        assert_memory_equal(a.token_nll, b.token_nll, (T - 1) * sizeof *a.token_nll);
        rkv_prefill_result_clear(&a);
        rkv_prefill_result_clear(&b);
    }
    rkv_model_close(resident);
    rkv_model_close(streamed);
}

/* What comes later changes nothing: a prefix's losses are the first losses of the whole, up to the order of
 * sums that BLAS chooses by shape. */
static void test_causal(void **state) {
    (void)state;
    rkv_model *model = open_model(RKV_WEIGHTS_AUTO);
    rkv_prefill_result whole = prefill(model, T);
    for (size_t n = 2; n < T; n += 31) {
        rkv_prefill_result part = prefill(model, n);
        for (size_t t = 0; t + 1 < n; t++)
            assert_true(fabs(part.token_nll[t] - whole.token_nll[t]) < 1e-4);
        rkv_prefill_result_clear(&part);
    }
    rkv_prefill_result_clear(&whole);
    rkv_model_close(model);
}

static void test_one_token(void **state) {
    (void)state;
    rkv_model *model = open_model(RKV_WEIGHTS_AUTO);
    rkv_prefill_result one = prefill(model, 1);
    assert_null(one.token_nll);
    assert_true(isnan(one.perplexity));
    assert_true(isfinite(one.last_logits[0]));
    rkv_prefill_result_clear(&one);
    rkv_analysis *a;
    assert_int_equal(rkv_analyze(&a, model, ids, 1, NULL), RKV_OK);
    for (size_t i = 0; i < a->model.n_layers * a->model.n_heads; i++)
        assert_true(a->metric[RKV_ERANK][i] == 1 && a->metric[RKV_KEYS_95][i] == 1);
    rkv_analysis_free(a);
    rkv_model_close(model);
}

static void test_refusals(void **state) {
    (void)state;
    rkv_model *model = open_model(RKV_WEIGHTS_AUTO);
    rkv_prefill_result result;
    int32_t long_prompt[257] = {0}, outside[2] = {0, (int32_t)tiny_model_n_vocab()}, negative[1] = {-1};
    assert_int_equal(rkv_prefill(model, ids, 0, NULL, &result), RKV_USAGE);
    assert_int_equal(rkv_prefill(model, long_prompt, 257, NULL, &result), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "257"));
    assert_non_null(strstr(rkv_message(), "256"));
    assert_int_equal(rkv_prefill(model, outside, 2, NULL, &result), RKV_USAGE);
    assert_int_equal(rkv_prefill(model, negative, 1, NULL, &result), RKV_USAGE);
    rkv_model_close(model);
    rkv_model_options vocabulary = {.vocabulary_only = true};
    assert_int_equal(rkv_model_open(&model, temporary_path("tiny.gguf"), &vocabulary), RKV_OK);
    assert_int_equal(rkv_prefill(model, ids, 2, NULL, &result), RKV_USAGE);
    rkv_model_close(model);
    rkv_model_options device = {.device = "cuda:99"};
    assert_int_equal(rkv_model_open(&model, temporary_path("tiny.gguf"), &device), RKV_UNAVAILABLE);
    assert_null(model);
}

static int stop_at_second(void *user, const char *stage, size_t done, size_t total) {
    (void)stage, (void)total;
    *(size_t *)user = done;
    return done >= 1;
}

static rkv_status fail_in_layer(void *user, const rkv_layer *layer) {
    (void)user;
    return layer->index == 1 ? RKV_IO : RKV_OK;
}

static void test_stops_when_asked(void **state) {
    (void)state;
    rkv_model *model = open_model(RKV_WEIGHTS_AUTO);
    size_t done = 0;
    rkv_prefill_result result;
    rkv_prefill_options stop = {.progress = {stop_at_second, &done}}, fault = {.on_layer = fail_in_layer};
    assert_int_equal(rkv_prefill(model, ids, T, &stop, &result), RKV_CANCELLED);
    assert_int_equal(done, 1);
    assert_int_equal(rkv_prefill(model, ids, T, &fault, &result), RKV_IO);
    rkv_analysis *a = (rkv_analysis *)8;
    rkv_analyze_options analyze = {.progress = {stop_at_second, &done}};
    assert_int_equal(rkv_analyze(&a, model, ids, T, &analyze), RKV_CANCELLED);
    assert_null(a);
    rkv_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streamed_weights_give_the_same_bits),
        cmocka_unit_test(test_causal),
        cmocka_unit_test(test_one_token),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_stops_when_asked),
    };
    return cmocka_run_group_tests(tests, make_model, temporary_tear_down);
}
