/* test_cuda_selection.c: selections on the CUDA module's sources, run on the host: what they look at stays on
 * the device, and what crosses is scores and queries that are remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "cuda_host/host_device.h"
#include "cuda_host/host_model.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

enum { T = 150, NEW = 3, BUDGET = 100 };

static int32_t ids[T + NEW];
static rkv_model *model;

static int begin(void **state) {
    (void)state;
    if (tiny_model_begin(ids, sizeof ids / sizeof *ids)) return 1;
    model = host_model_open(NULL, RKV_WEIGHTS_AUTO);
    return 0;
}

static int end(void **state) {
    (void)state;
    rkv_model_close(model);
    temporary_remove();
    return host_device_live() > 0; /* nothing is left on the device */
}

static void ok(rkv_status status) {
    if (status != RKV_OK) fail_msg("%s", rkv_message());
}

/* Bytes that cross for a layer of the prompt, and for a layer of one more token, on average. */
static void count(const char *method, rkv_positions positions, size_t *prompt, size_t *token) {
    const rkv_model_info *m = rkv_model_get_info(model);
    size_t logits = m->n_vocab * sizeof(float), before = host_device_downloaded();
    rkv_session_options options = {.method = method, .budget = BUDGET, .positions = positions};
    rkv_session *s;
    ok(rkv_session_new(&s, model, &options));
    ok(rkv_session_prefill(s, ids, T));
    *prompt = (host_device_downloaded() - before - logits) / m->n_layers;
    before = host_device_downloaded();
    for (size_t i = 0; i < NEW; i++)
        ok(rkv_session_decode(s, ids[T + i]));
    *token = (host_device_downloaded() - before - NEW * logits) / NEW / m->n_layers;
    rkv_session_free(s);
}

/* Keys of one KV head are already more. */
static void test_entries_are_scored_where_they_lie(void **state) {
    (void)state;
    static const char *const methods[] = {
        "snapkv:window=8",       "knorm", "keydiff", "h2o", "tova", "ada-snapkv:window=8+int4",
        "sparse-magnitude+int8", "window"};
    size_t row = rkv_model_get_info(model)->head_dim * sizeof(float), prompt, token;
    for (size_t i = 0; i < 2 * (sizeof methods / sizeof *methods); i++) {
        count(methods[i / 2], i % 2 ? RKV_POSITIONS_CACHE : RKV_POSITIONS_ORIGINAL, &prompt, &token);
        if (prompt >= T * row || token >= BUDGET * row)
            fail_msg("%s: %zu bytes crossed for a layer of the prompt, %zu for one of a token; keys are %zu "
                     "and %zu",
                     methods[i / 2], prompt, token, T * row, BUDGET * row);
    }
}

/* Of rows that a basis is fitted to, a float64 matrix of their products crosses. */
static void test_what_is_fitted_to_stays(void **state) {
    (void)state;
    const rkv_model_info *m = rkv_model_get_info(model);
    size_t prompt, token;
    count("lowrank:rank=4", RKV_POSITIONS_ORIGINAL, &prompt, &token);
    assert_int_equal(prompt, 2 * m->n_kv_heads * m->head_dim * m->head_dim * sizeof(double));
    assert_int_equal(token, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_scored_where_they_lie),
        cmocka_unit_test(test_what_is_fitted_to_stays),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
