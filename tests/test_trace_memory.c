/* test_trace_memory.c: the k-th allocation fails, for every k: writing and reading a trace say so, leave no
 * file behind and nothing leaks (the sanitizers' build looks). HDF5's own allocations are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <omp.h>
#include <unistd.h>

#include "support/failing_allocator.h"
#include "support/sample_trace.h"
#include "support/temporary.h"

static rkv_status write_trace(void) {
    rkv_status status = sample_trace_write(temporary_path("w.h5"), 20, RKV_FLOAT16, true);
    assert_int_equal(access(temporary_path("w.h5"), F_OK) == 0, status == RKV_OK);
    unlink(temporary_path("w.h5"));
    return status;
}

static rkv_status read_trace(void) {
    rkv_trace *trace;
    static float head[20 * 20];
    rkv_status status = rkv_trace_open(&trace, temporary_path("r.h5"));
    assert_int_equal(status == RKV_OK, trace != NULL);
    for (size_t i = 0; i < 3 && !status; i++)
        status = rkv_trace_read_head(trace, 0, i, head);
    rkv_trace_close(trace);
    return status;
}

/* The child of rkv_trace_open has its own copy of the counter: a failure there shows in the status alone. A
 * failure that a call can do without (asking for the free space, syncing the folder) shows in neither. */
static void fail_each(rkv_status (*call)(void)) {
    size_t failures = 0;
    for (long k = 0;; k++) {
        assert_true(k < 10000);
        allocation_failed = false;
        allocations_left = k;
        rkv_status status = call();
        allocations_left = -1;
        failures += status != RKV_OK;
        if (!allocation_failed && status == RKV_OK) break;
    }
    print_message("%zu of the failures ended the call\n", failures);
    assert_true(failures > 5);
}

static void test_writing(void **state) {
    (void)state;
    fail_each(write_trace);
}

static void test_reading(void **state) {
    (void)state;
    assert_int_equal(sample_trace_write(temporary_path("r.h5"), 20, RKV_FLOAT16, false), RKV_OK);
    fail_each(read_trace);
}

static int set_up(void **state) {
    (void)state;
    temporary_make();
    omp_set_num_threads(2);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_reading),
    };
    return cmocka_run_group_tests(tests, set_up, temporary_tear_down);
}
