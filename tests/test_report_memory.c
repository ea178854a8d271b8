/* test_report_memory.c: the k-th allocation fails, for every k: a report says so and leaves no page behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <rankkv/rankkv.h>

#include "support/failing_allocator.h"
#include "support/temporary.h"

enum { L = 2, H = 2, N = 20 };

static const float attention[H * N * N];
static const double sigma[H * N];

static rkv_status add_layers(rkv_report *report) {
    rkv_report_layers *layers = NULL;
    rkv_status status = rkv_report_layers_new(&layers, L, H, N);
    for (size_t l = 0; l < L && !status; l++) {
        rkv_layer layer = {.index = l, .n_layers = L, .n_heads = H, .n_tokens = N};
        layer.attention = attention;
        layer.sigma = sigma;
        status = rkv_report_layers_add(layers, &layer);
    }
    if (!status) status = rkv_report_add_layers(report, layers);
    rkv_report_layers_free(layers);
    return status;
}

static rkv_status make_page(const char *path) {
    static const char *const words[] = {"rankkv", "analyze"};
    const rkv_report_file file = {.name = "model", .sha256 = "00", .bytes = 7};
    const rkv_report_made made = {
        .command = words, .n_words = 2, .device = "cpu", .files = &file, .n_files = 1};
    rkv_report *report = NULL;
    rkv_status status = rkv_report_new(&report, "title");
    if (!status) status = rkv_report_add_document(report, "analysis", "a", "{\"a\": \"<\"}");
    if (!status) status = add_layers(report);
    if (!status) status = rkv_report_add_made(report, &made);
    if (!status) status = rkv_report_save(report, path);
    rkv_report_free(report);
    return status;
}

/* A page that is in place stays, even where memory for syncing its folder is missing: one success is allowed.
 */
static void test_every_allocation_may_fail(void **state) {
    (void)state;
    const char *path = temporary_path("report.html");
    int successes = 0;
    for (long k = 0;; k++) {
        allocations_left = k;
        allocation_failed = false;
        rkv_status status = make_page(path);
        allocations_left = -1;
        if (!allocation_failed) {
            assert_int_equal(status, RKV_OK);
            return;
        }
        if (status == RKV_OK && ++successes <= 1) continue;
        if (status != RKV_NO_MEMORY) fail_msg("allocation %ld: %s", k, rkv_message());
        if (successes == 0) assert_int_equal(access(path, F_OK), -1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("report_memory", tests, temporary_set_up, temporary_tear_down);
}
