/* test_forward_memory.c: the k-th allocation of a forward pass fails, for every k: it says so, nothing leaks,
 * and the model can be used again: what was half done is done anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <omp.h>

#include <rankkv/rankkv.h>

#include "model/forward.h"
#include "support/failing_allocator.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

static float logits[512];

static rkv_status attend_nothing(void *user, const rkv_projection *p, float *out) {
    (void)user;
    memset(out, 0, p->shape.n_tokens * p->shape.n_heads * p->shape.head_dim * sizeof *out);
    return RKV_OK;
}

/* A long pass, which decodes weights, and a short one, which need not. */
static rkv_status work(rkv_model *model) {
    const int32_t ids[6] = {5, 6, 7, 8, 9, 10};
    rkv_forward *forward = NULL;
    rkv_losses losses = {0};
    rkv_pass pass = {.ids = ids, .n = 6, .attend = attend_nothing, .last_logits = logits, .losses = &losses};
    rkv_status status = rkv_forward_new(&forward, model, 6);
    if (!status) status = rkv_losses_new(&losses, ids, 6);
    if (!status) status = rkv_forward_run(forward, &pass, NULL);
    pass.n = 1;
    pass.losses = NULL;
    if (!status) status = rkv_forward_run(forward, &pass, NULL);
    rkv_losses_clear(&losses);
    rkv_forward_free(forward);
    return status;
}

static rkv_model *open_model(rkv_weights weights) {
    rkv_model *model;
    rkv_model_options options = {.device = "cpu", .weights = weights};
    assert_int_equal(rkv_model_open(&model, temporary_path("tiny.gguf"), &options), RKV_OK);
    return model;
}

static void fail_each(rkv_weights weights) {
    static float right[sizeof logits / sizeof *logits];
    rkv_model *model = open_model(weights);
    assert_int_equal(work(model), RKV_OK);
    memcpy(right, logits, sizeof right);
    rkv_model_close(model);
    long k = 0;
    for (bool failed = true; failed; k++) {
        model = open_model(weights);
        allocation_failed = false;
        allocations_left = k;
        rkv_status status = work(model);
        allocations_left = -1;
        failed = allocation_failed;
        assert_int_equal(status, failed ? RKV_NO_MEMORY : RKV_OK);
        assert_int_equal(work(model), RKV_OK);
        assert_memory_equal(logits, right, sizeof right);
        rkv_model_close(model);
    }
    assert_true(k > 20);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    omp_set_num_threads(1); /* which of several threads meets the failure would vary */
    fail_each(RKV_WEIGHTS_RESIDENT);
    fail_each(RKV_WEIGHTS_STREAMED);
}

static int make(void **state) {
    (void)state;
    temporary_make();
    return tiny_model_write(temporary_path("tiny.gguf"), &(tiny_model_options){.type = "Q4_1"}) != RKV_OK;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, make, temporary_tear_down);
}
