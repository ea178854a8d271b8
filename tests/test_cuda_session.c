/* test_cuda_session.c: sessions on the CUDA module's sources, run on the host: caches in device memory, which
 * is out of the library's reach there, keep the same entries as the CPU's and say the same. With the name of
 * a device ("cuda") the same on that device, but for the failures. */
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
#include "support/session_pair.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

static const char *named_device; /* NULL: the host */

static int32_t ids[SESSION_PAIR_PROMPT + SESSION_PAIR_NEW];
static session_pair both;

/* Logits of the tiny model are of size 1 to 10, sums over two layers of products of at most 96 float32 terms:
 * 1e-4 is 100 times their rounding. Rounding may also turn a number that lies between two codes to the other
 * one, 1/15 of its group's range for int4: one such number in a hundred entries moves a logit by hundredths.
 */
static int begin_with(const char *type, void **state) {
    tiny_model_options options = {.type = type};
    *state = &both;
    if (tiny_model_begin(ids, sizeof ids / sizeof *ids)) return 1;
    if (tiny_model_write(temporary_path("tiny.gguf"), &options)) return 1;
    both = (session_pair){.plain = host_model_open("cpu", RKV_WEIGHTS_AUTO),
                          .other = host_model_open(named_device, RKV_WEIGHTS_AUTO),
                          .ids = ids,
                          .tolerance = 1e-4,
                          .coded = 0.05};
    return 0;
}

static int begin(void **state) {
    return begin_with("F32", state);
}

/* Weights as the default model has them, which a device keeps so. */
static int begin_coded(void **state) {
    return begin_with("Q4_1", state);
}

static int end(void **state) {
    (void)state;
    rkv_model_close(both.plain);
    rkv_model_close(both.other);
    temporary_remove();
    return host_device_live() > 0; /* nothing is left on the device */
}

/* A freed session leaves nothing of its own behind. */
static void test_memory_comes_back(void **state) {
    (void)state;
    rkv_session *s;
    rkv_session_options options = {
        .method = "lowrank:rank=4+h2o+int4", .budget = 24, .positions = RKV_POSITIONS_CACHE};
    size_t live[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rkv_session_new(&s, both.other, &options), RKV_OK);
        assert_int_equal(rkv_session_prefill(s, ids, SESSION_PAIR_PROMPT), RKV_OK);
        for (size_t t = 0; t < 4; t++)
            assert_int_equal(rkv_session_decode(s, ids[t]), RKV_OK);
        rkv_session_free(s);
        live[i] = host_device_live();
    }
    assert_int_equal(live[1], live[0]); /* weights were decoded on the way */
    assert_int_equal(live[2], live[0]);
}

/* ---- what a token costs ---- */

/* Of the most expensive of some tokens. */
typedef struct work {
    size_t launches, copies;
} work;

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static work work_of(const char *method) {
    rkv_session *s;
    rkv_session_options options = {.method = method, .budget = 24};
    work most = {0, 0};
    assert_int_equal(rkv_session_new(&s, both.other, &options), RKV_OK);
    assert_int_equal(rkv_session_prefill(s, ids, SESSION_PAIR_PROMPT), RKV_OK);
    for (size_t t = 0; t < SESSION_PAIR_NEW; t++) {
        size_t launches = host_device_launches(), copies = host_device_copies();
        assert_int_equal(rkv_session_decode(s, ids[SESSION_PAIR_PROMPT + t]), RKV_OK);
        most.launches = larger(most.launches, host_device_launches() - launches);
        most.copies = larger(most.copies, host_device_copies() - copies);
    }
    rkv_session_free(s);
    return most;
}

/* What is stored in other forms, projected and thinned out takes a launch each of a layer, of however many
 * heads, and nothing is copied for it. */
static void test_work_of_a_token(void **state) {
    (void)state;
    static const struct {
        const char *method;
        size_t launches; /* of a layer, beside those of the full cache */
    } rows[] = {{"window", 1},         {"int8", 1},
                {"int8+window", 2},    {"int4:key_axis=channel,value_axis=channel,group=4+window", 2},
                {"lowrank:rank=6", 1}, {"lowrank:rank=6+int8+window", 3}};
    work full = work_of("full");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        work w = work_of(rows[i].method);
        size_t most = full.launches + rows[i].launches * rkv_model_get_info(both.other)->n_layers;
        if (w.launches > most || w.copies > full.copies)
            fail_msg("%s: %zu launches, not %zu, and %zu copies, not %zu", rows[i].method, w.launches, most,
                     w.copies, full.copies);
    }
}

/* Launches of a prompt. */
static size_t launches_of_prompt(const char *method) {
    rkv_session *s;
    rkv_session_options options = {.method = method};
    assert_int_equal(rkv_session_new(&s, both.other, &options), RKV_OK);
    size_t launches = host_device_launches();
    assert_int_equal(rkv_session_prefill(s, ids, SESSION_PAIR_PROMPT), RKV_OK);
    launches = host_device_launches() - launches;
    rkv_session_free(s);
    return launches;
}

/* A prompt's heads are stored together: where groups fill up, or keys and values are projected, that is one
 * launch more of a layer, of however many heads. Rows that a basis is fitted to are widened list by list. */
static void test_work_of_a_prompt(void **state) {
    (void)state;
    const rkv_model_info *info = rkv_model_get_info(both.other);
    const struct {
        const char *method;
        size_t launches; /* of a layer, beside those of the full cache */
    } rows[] = {{"int8", 0},
                {"int4:key_axis=channel,value_axis=channel,group=4", 1},
                {"lowrank:rank=6", 1 + 2 * info->n_kv_heads}};
    size_t full = launches_of_prompt("full");
    assert_true(info->n_kv_heads > 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t found = launches_of_prompt(rows[i].method), most = full + rows[i].launches * info->n_layers;
        if (found > most) fail_msg("%s: %zu launches, not %zu", rows[i].method, found, most);
    }
}

/* ---- failures ---- */

/* The whole life of a session; what fails first is returned. */
static rkv_status live(const char *method, rkv_positions positions) {
    enum { N = 10, NEW = 2 };
    rkv_session *s = NULL;
    rkv_session_options options = {.method = method, .budget = 8, .positions = positions, .verify = true};
    double nll[NEW];
    rkv_status status = rkv_session_new(&s, both.other, &options);
    if (!status) status = rkv_session_prefill(s, ids, N);
    if (!status) status = rkv_session_losses(s, ids + N, NEW, nll);
    for (size_t i = 0; !status && i < NEW; i++)
        status = rkv_session_decode(s, ids[N + i]);
    if (status && s) assert_true(rkv_session_logits(s) == NULL || rkv_session_decode(s, ids[0]) == RKV_OK);
    rkv_session_free(s);
    return status;
}

/* Device memory that runs out at any allocation is told, and nothing is left behind. */
static void test_every_allocation_may_fail(void **state) {
    (void)state;
    static const char *const methods[] = {"int8", "lowrank:rank=3+snapkv:window=4+int4",
                                          "snapkv:window=4+keydiff:budget=7+expected-attention:budget=6"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        rkv_positions positions = i % 2 ? RKV_POSITIONS_CACHE : RKV_POSITIONS_ORIGINAL;
        assert_int_equal(live(methods[i], positions), RKV_OK);
        size_t before = host_device_live(), k = 1;
        for (bool failed = true; failed; k++) {
            host_device_fail_at(k);
            rkv_status status = live(methods[i], positions);
            failed = host_device_fail_at(0) == 0;
            assert_int_equal(host_device_live(), before);
            /* memory that cannot be made smaller stays, so a failure may pass unnoticed */
            if (status && (!failed || status != RKV_NO_MEMORY))
                fail_msg("%s, allocation %zu: status %d, %s", methods[i], k, (int)status, rkv_message());
        }
        assert_true(k > 50);
    }
}

/* ---- both models ---- */

static int test_coded_weights(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(session_pair_test_budgets),
                                       cmocka_unit_test(session_pair_test_generating)};
    return cmocka_run_group_tests(tests, begin_coded, end);
}

static int test_on_named_device(void) {
    const struct CMUnitTest tests[] = {SESSION_PAIR_TESTS};
    if (!gpu_is_there(named_device)) return GPU_IS_MISSING;
    int failed = cmocka_run_group_tests(tests, begin, end);
    return failed ? failed : test_coded_weights();
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SESSION_PAIR_TESTS,
        cmocka_unit_test(test_memory_comes_back),
        cmocka_unit_test(test_work_of_a_token),
        cmocka_unit_test(test_work_of_a_prompt),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    named_device = argc > 1 ? argv[1] : NULL;
    if (named_device) return test_on_named_device();
    int failed = cmocka_run_group_tests(tests, begin, end);
    return failed ? failed : test_coded_weights();
}
