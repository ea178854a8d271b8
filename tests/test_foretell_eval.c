/* test_foretell_eval.c: an evaluation that a device's memory does not hold is refused before any work: on the
 * CUDA module's sources, run on the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "cuda_host/host_device.h"
#include "cuda_host/host_model.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

enum { PROMPT = 40, NEW = 9 };

static int32_t ids[PROMPT + NEW];

static int make_model(void **state) {
    (void)state;
    return tiny_model_begin(ids, PROMPT + NEW);
}

/* The session that takes most is refused before any work. */
static void test_an_evaluation(void **state) {
    (void)state;
    static const rkv_setting settings[] = {{RKV_PROTOCOL_PREFILL, "window+int4", "uniform", 0.25, 0},
                                           {RKV_PROTOCOL_PREFILL, "full", NULL, 1, 0}};
    rkv_question question = {.ids = ids + PROMPT, .n = NEW, .first_scored = 1};
    rkv_window window = {.name = (char[]){"w 1"},
                         .context = ids,
                         .n_context = PROMPT,
                         .questions = &question,
                         .n_questions = 1};
    rkv_windows windows = {.items = &window, .n = 1};
    rkv_model *model = host_model_open(NULL, RKV_WEIGHTS_RESIDENT);
    size_t needed = 0, at_hand = 0;
    host_device_set_free(200000);
    assert_int_equal(rkv_eval_check(model, &windows, settings, 2, NULL), RKV_NO_MEMORY);
    const char *number = strstr(rkv_message(), "need ");
    assert_non_null(strstr(rkv_message(), "window w 1: 40 tokens under full"));
    assert_int_equal(
        sscanf(number, "need %zu bytes of the memory of cuda:0 host, where %zu", &needed, &at_hand), 2);
    assert_int_equal(at_hand, HOST_DEVICE_OPENED + 200000);
    assert_int_equal(host_device_peak(0), HOST_DEVICE_OPENED);
    host_device_set_free(needed - HOST_DEVICE_OPENED);
    assert_int_equal(rkv_eval_check(model, &windows, settings, 2, NULL), RKV_OK);
    rkv_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_evaluation)};
    return cmocka_run_group_tests(tests, make_model, temporary_tear_down);
}
