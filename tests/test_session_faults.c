/* test_session_faults.c: sessions when memory runs out, and recounts of a cache that is not what it claims.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compressors/executor.h"

#include "support/failing_allocator.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define T 40

static int32_t ids[T];
static rkv_model *model;

static int make_model(void **state) {
    (void)state;
    temporary_make();
    for (size_t i = 0; i < T; i++)
        ids[i] = (int32_t)(TINY_MODEL_FIRST_BYTE + i * 11 % 250);
    if (tiny_model_write(temporary_path("tiny.gguf"), NULL) != RKV_OK) return 1;
    return rkv_model_open(&model, temporary_path("tiny.gguf"), &(rkv_model_options){.device = "cpu"}) !=
           RKV_OK;
}

static int remove_model(void **state) {
    (void)state;
    rkv_model_close(model);
    temporary_remove();
    return 0;
}

/* ---- memory ---- */

/* The whole life of a session; what fails first is returned. */
static rkv_status live(const char *method, rkv_positions positions) {
    rkv_session *s = NULL;
    rkv_session_options options = {.method = method, .budget = 12, .positions = positions, .verify = true};
    rkv_generation g = {0};
    double nll[4];
    static float logits[2 * 1024];
    assert_true(tiny_model_n_vocab() <= 1024);
    rkv_status status = rkv_session_new(&s, model, &options);
    if (!status) status = rkv_session_prefill(s, ids, T - 4);
    if (!status) status = rkv_session_losses(s, ids + T - 4, 4, nll);
    if (!status) status = rkv_session_foresee(s, ids + T - 4, 2, logits);
    if (!status) status = rkv_session_generate(s, &(rkv_generate_options){.n_tokens = 3}, &g);
    rkv_free(g.ids);
    rkv_session_free(s);
    return status;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    static const char *const methods[] = {
        "full",    "snapkv:window=8,kernel=3+int4", "int8+h2o",           "lowrank:rank=3+window",
        "fastgen", "expected-attention+bf16",       "ada-snapkv:window=8"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        rkv_positions positions = i % 2 ? RKV_POSITIONS_CACHE : RKV_POSITIONS_ORIGINAL;
        for (long k = 0;; k++) {
            allocations_left = k;
            allocation_failed = false;
            rkv_status status = live(methods[i], positions);
            allocations_left = -1;
            if (!allocation_failed) {
                if (status) fail_msg("%s: %s", methods[i], rkv_message());
                assert_true(k > 100);
                break;
            }
            /* memory that cannot be made smaller stays, so a failure may pass unnoticed */
            if (status != RKV_NO_MEMORY && status != RKV_OK)
                fail_msg("%s, allocation %ld: status %d, %s", methods[i], k, status, rkv_message());
        }
    }
}

/* A prompt that could not be read: the session says so, or reads it at the next try. */
static void test_after_a_failed_prompt(void **state) {
    (void)state;
    for (long k = 0;; k++) {
        rkv_session *s;
        rkv_session_options options = {.method = "fastgen", .budget = 12, .verify = true};
        assert_int_equal(rkv_session_new(&s, model, &options), RKV_OK);
        allocations_left = k;
        allocation_failed = false;
        rkv_status status = rkv_session_prefill(s, ids, T);
        allocations_left = -1;
        if (status) {
            assert_null(rkv_session_logits(s));
            assert_int_equal(rkv_session_decode(s, ids[0]), RKV_USAGE);
            status = rkv_session_prefill(s, ids, T);
            assert_true(status == RKV_USAGE || rkv_session_decode(s, ids[0]) == RKV_OK);
        }
        rkv_session_free(s);
        if (!allocation_failed) break;
        assert_true(k < 10000);
    }
}

/* ---- the recount ---- */

static rkv_session *prepared(const char *method) {
    rkv_session *s;
    rkv_session_options options = {.method = method, .budget = 12, .verify = true};
    assert_int_equal(rkv_session_new(&s, model, &options), RKV_OK);
    assert_int_equal(rkv_session_prefill(s, ids, T), RKV_OK);
    assert_int_equal(rkv_session_decode(s, ids[0]), RKV_OK);
    return s;
}

/* The next step fails, says `words`, and the session is then good for nothing. */
static void found_out(rkv_session *s, const char *words) {
    assert_int_equal(rkv_session_decode(s, ids[1]), RKV_ERROR);
    if (!strstr(rkv_message(), words)) fail_msg("\"%s\" does not say \"%s\"", rkv_message(), words);
    assert_int_equal(rkv_session_decode(s, ids[2]), RKV_USAGE);
    assert_null(rkv_session_logits(s));
    rkv_session_free(s);
}

static void test_recount(void **state) {
    (void)state;
    rkv_session *s = prepared("window");
    s->layers[1].heads[1].positions[4] = s->layers[1].heads[1].positions[3];
    found_out(s, "has position");

    s = prepared("window");
    s->allocated_bytes += 4;
    found_out(s, "running count");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_after_a_failed_prompt),
        cmocka_unit_test(test_recount),
    };
    return cmocka_run_group_tests_name("session faults", tests, make_model, remove_model);
}
