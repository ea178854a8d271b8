/* test_cuda_scores.c: the operations that selections score entries with on the CUDA module's sources, run on
 * the host: memory that is lacking, memory that is foretold, and how often something is launched and waited
 * for. What they compute is test_backend's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/fail.h"
#include "cuda/open.h"
#include "cuda_host/host_device.h"
#include "support/scored_heads.h"

static rkv_backend *backend;

static int begin(void **state) {
    (void)state;
    return rkv_cuda_open(&backend, 0);
}

static int end(void **state) {
    (void)state;
    rkv_backend_close(backend);
    return host_device_live() > 0;
}

/* A window's queries over 4 KV heads; and queries in more than one block. */
static const size_t lengths[] = {33, 20, 0, 7}, few[] = {3};
static const scored_shape shapes[] = {{4, 2, 8, 12, lengths, 4}, {1, 1, 2, 513, few, 1}};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

/* Device memory that runs out at any allocation is told, and nothing is left behind. */
static void test_every_allocation_may_fail(void **state) {
    (void)state;
    for (size_t i = 0; i < N_SHAPES * n_scored_operations; i++) {
        const scored_operation *op = &scored_operations[i / N_SHAPES];
        scored_heads s = scored_heads_new(backend, &shapes[i % N_SHAPES]);
        size_t before = host_device_live();
        bool failed = true;
        for (size_t k = 1; failed; k++) {
            host_device_fail_at(k);
            rkv_status status = op->run(backend, &s);
            failed = host_device_fail_at(0) == 0;
            assert_int_equal(host_device_live(), before);
            if (status != (failed ? RKV_NO_MEMORY : RKV_OK))
                fail_msg("%s, allocation %zu: status %d, %s", op->name, k, (int)status, rkv_message());
        }
        scored_heads_free(&s);
    }
}

/* A rehearsal counts what the operation takes, to the byte, and gives zeros. */
static void test_memory_is_foretold(void **state) {
    (void)state;
    for (size_t i = 0; i < N_SHAPES * n_scored_operations; i++) {
        const scored_operation *op = &scored_operations[i / N_SHAPES];
        scored_heads s = scored_heads_new(backend, &shapes[i % N_SHAPES]);
        rkv_backend *rehearsal;
        rkv_memory_use use;
        assert_int_equal(backend->ops->rehearse(backend, &rehearsal), RKV_OK);
        assert_int_equal(op->run(rehearsal, &s), RKV_OK);
        assert_true(s.norms[0][0] == 0 && s.cosines[0][0] == 0 && s.results[0][0] == 0 && s.sum == 0);
        rehearsal->ops->memory_use(rehearsal, &use);
        rkv_backend_close(rehearsal);
        host_device_forget_peak();
        assert_int_equal(op->run(backend, &s), RKV_OK);
        if (use.peak != host_device_peak(0))
            fail_msg("%s: %zu bytes foretold, %zu taken", op->name, use.peak, host_device_peak(0));
        scored_heads_free(&s);
    }
}

/* Launches and waits of an operation over the heads of a layer do not depend on how many there are; of a few
 * queries, logits are one kernel. */
static void test_one_launch_for_all_heads(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t launches, waits;
    } most[] = {{"row_norms", 1, 1},
                {"mean_cosines", 4, 1},
                {"attention_means", 3, 3},
                {"kept_attention", 3, 2},
                {"turn", 1, 1}};
    static const size_t length[] = {20};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++)
        for (size_t heads = 1; heads <= 8; heads += 7) {
            scored_shape shape = {heads, 2, 8, 1, length, 1};
            scored_heads s = scored_heads_new(backend, &shape);
            size_t launches = host_device_launches(), waits = host_device_waits();
            scored_heads_run(&s, most[i].name);
            assert_int_equal(host_device_launches() - launches, most[i].launches);
            assert_int_equal(host_device_waits() - waits, most[i].waits);
            scored_heads_free(&s);
        }
}

/* What is asked of a head's queries is waited for twice, however many blocks of them there are. */
static void test_one_answer_for_all_queries(void **state) {
    (void)state;
    static const size_t length[] = {20};
    for (size_t m = 1; m <= 1101; m += 550) {
        scored_shape shape = {1, 2, 8, m, length, 1};
        scored_heads s = scored_heads_new(backend, &shape);
        size_t waits = host_device_waits(), copies = host_device_copies();
        scored_heads_run(&s, "kept_attention");
        assert_int_equal(host_device_waits() - waits, 2);
        assert_int_equal(host_device_copies() - copies, 2);
        scored_heads_free(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_memory_is_foretold),
        cmocka_unit_test(test_one_launch_for_all_heads),
        cmocka_unit_test(test_one_answer_for_all_queries),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
