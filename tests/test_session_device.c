/* test_session_device.c: sessions on a device whose memory is not the host's: a device that the CPU's own
 * functions play, so that every result is the same to the last bit, and what crosses to the host is counted.
 * tests/test_cuda_session.c does the same where the memory is out of reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "model/model.h"
#include "support/session_pair.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define T ((size_t)SESSION_PAIR_PROMPT)

static int32_t ids[SESSION_PAIR_PROMPT + SESSION_PAIR_NEW];
static session_pair both;

/* ---- the device ---- */

static rkv_backend_ops far_ops;
static rkv_status (*cpu_download)(rkv_backend *backend, float *host, const float *device, size_t n);
static size_t n_crossed; /* numbers that were copied to the host */
static size_t n_waits;   /* times that its work was waited for without a copy */

static rkv_status count_wait(rkv_backend *backend) {
    (void)backend;
    n_waits++;
    return RKV_OK;
}

static rkv_status count_download(rkv_backend *backend, float *host, const float *device, size_t n) {
    n_crossed += n;
    return cpu_download(backend, host, device, n);
}

static rkv_model *open_model(bool far) {
    rkv_model *model;
    rkv_model_options options = {.device = "cpu"};
    if (rkv_model_open(&model, temporary_path("tiny.gguf"), &options)) fail_msg("%s", rkv_message());
    if (!far) return model;
    far_ops = *model->backend->ops;
    cpu_download = far_ops.download;
    far_ops.download = count_download;
    far_ops.wait = count_wait;
    model->backend->ops = &far_ops;
    model->backend->host_memory = false;
    return model;
}

static int begin(void **state) {
    *state = &both;
    if (tiny_model_begin(ids, sizeof ids / sizeof *ids)) return 1;
    both = (session_pair){.plain = open_model(false), .other = open_model(true), .ids = ids};
    return 0;
}

static int end(void **state) {
    (void)state;
    rkv_model_close(both.plain);
    rkv_model_close(both.other);
    temporary_remove();
    return 0;
}

/* ---- what crosses ---- */

/* Numbers that crossed for the prompt, and then for one more token, but for the logits. */
static void count(const char *const *methods, size_t n, rkv_session_options options, size_t *prompt,
                  size_t *token) {
    size_t n_vocab = rkv_model_get_info(both.other)->n_vocab;
    rkv_session *s[3];
    assert_true(n <= 3);
    for (size_t i = 0; i < n; i++) {
        options.method = methods[i];
        if (rkv_session_new(&s[i], both.other, &options)) fail_msg("%s", rkv_message());
    }
    n_crossed = 0;
    assert_int_equal(rkv_session_prefill_all(s, n, ids, T), RKV_OK);
    *prompt = n_crossed - n_vocab;
    n_crossed = 0;
    assert_int_equal(rkv_session_decode(s[0], ids[T]), RKV_OK);
    *token = n_crossed - n_vocab;
    for (size_t i = 0; i < n; i++)
        rkv_session_free(s[i]);
}

/* Where nothing is thinned out and nobody looks at queries, entries never leave the device; with places for
 * positions, they are turned there. */
static void test_whole_caches_do_not_cross(void **state) {
    (void)state;
    static const char *const methods[] = {"full", "f16", "bf16", "int8", "int4", "window", "h2o"};
    for (size_t i = 0; i < 2 * (sizeof methods / sizeof *methods); i++) {
        rkv_positions positions = i % 2 ? RKV_POSITIONS_CACHE : RKV_POSITIONS_ORIGINAL;
        size_t prompt, token;
        count(&methods[i / 2], 1, (rkv_session_options){.budget = 2 * T, .positions = positions}, &prompt,
              &token);
        if (prompt || token) fail_msg("%s: %zu and %zu numbers crossed", methods[i / 2], prompt, token);
    }
}

/* What is scored, or fitted a basis to, stays where it is: of a layer of the prompt, the queries cross that a
 * method remembers. */
static void test_what_methods_bring_to_the_host(void **state) {
    (void)state;
    const rkv_model_info *m = rkv_model_get_info(both.other);
    const size_t query = m->n_heads * m->head_dim;
    const struct {
        const char *method;
        size_t per_layer;
    } rows[] = {{"knorm", 0},
                {"keydiff", 0},
                {"sparse-magnitude", 0},
                {"fix-size-l2", 0},
                {"h2o", 0},
                {"window+int8", 0},
                {"fastgen", 0},
                {"tova", query},
                {"snapkv:window=8", 8 * query},
                {"ada-snapkv:window=8+knorm:budget=20", 8 * query},
                {"expected-attention:n_sink=3", 0}, /* moments of its queries */
                {"lowrank:rank=4", 0},
                {"lowrank:rank=4+snapkv:window=8", 8 * query},
                {"snapkv:window=8+lowrank:rank=4", 8 * query}};
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
        rkv_positions positions = i % 2 ? RKV_POSITIONS_CACHE : RKV_POSITIONS_ORIGINAL;
        size_t prompt, token, wanted = m->n_layers * rows[i / 2].per_layer;
        count(&rows[i / 2].method, 1, (rkv_session_options){.budget = 24, .positions = positions}, &prompt,
              &token);
        if (prompt != wanted)
            fail_msg("%s: %zu numbers crossed, not %zu", rows[i / 2].method, prompt, wanted);
    }
}

/* Once nothing more is evicted, a token costs its logits alone; what it is projected on lies there, too. */
static void test_settled_sessions(void **state) {
    (void)state;
    static const char *const methods[] = {"snapkv:window=8",
                                          "window+int8",
                                          "tova",
                                          "h2o",
                                          "lowrank:rank=4",
                                          "lowrank:rank=4+int4+snapkv:window=8"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        size_t prompt, token;
        count(&methods[i], 1, (rkv_session_options){.budget = 24, .hold = RKV_HOLD_PROMPT}, &prompt, &token);
        if (token) fail_msg("%s: %zu numbers crossed", methods[i], token);
    }
}

/* Methods that look at what the device made wait for its attention before their clock starts; others do not
 * hold it up. */
static void test_the_devices_time_is_not_the_methods(void **state) {
    (void)state;
    static const struct {
        const char *method;
        rkv_hold hold;
        size_t waits; /* of a layer: at the prompt, and at a token */
    } rows[] = {{"tova", RKV_HOLD_ALWAYS, 2},
                {"knorm", RKV_HOLD_ALWAYS, 2},
                {"tova", RKV_HOLD_PROMPT, 1},
                {"window", RKV_HOLD_ALWAYS, 1},
                {"int8", RKV_HOLD_ALWAYS, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t prompt, token;
        n_waits = 0;
        count(&rows[i].method, 1, (rkv_session_options){.budget = 24, .hold = rows[i].hold}, &prompt, &token);
        size_t wanted = rows[i].waits * rkv_model_get_info(both.other)->n_layers;
        if (n_waits != wanted) fail_msg("%s: %zu waits, not %zu", rows[i].method, n_waits, wanted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SESSION_PAIR_TESTS,
        cmocka_unit_test(test_whole_caches_do_not_cross),
        cmocka_unit_test(test_what_methods_bring_to_the_host),
        cmocka_unit_test(test_settled_sessions),
        cmocka_unit_test(test_the_devices_time_is_not_the_methods),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
