/* test_viz_memory.c: the k-th allocation fails, for every k: every kind of picture says so and leaves nothing
 * behind. Cairo's and Pango's own allocations are left alone. */
#include "support/failing_allocator.h"
#include "test_viz_kinds.h"

/* A picture that is in place stays, even where memory for syncing its folder is missing: one success is
 * allowed. */
static void fail_each(size_t kind, const char *path, const rkv_heatmap_options *options) {
    int successes = 0;
    for (long k = 0;; k++) {
        allocations_left = k;
        allocation_failed = false;
        rkv_status status = kinds[kind].write(path, 6, options);
        allocations_left = -1;
        if (!allocation_failed) {
            assert_int_equal(status, RKV_OK);
            return;
        }
        if (status == RKV_OK && ++successes <= 1) continue;
        if (status != RKV_NO_MEMORY) fail_msg("%s, allocation %ld: %s", kinds[kind].name, k, rkv_message());
        if (successes == 0) assert_int_equal(access(path, F_OK), -1);
    }
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    char *folder = make_test_folder(), *path = path_in(folder, "a.png");
    static char token[] = " a";
    char *tokens[] = {token, token, token, token, token, token};
    for (size_t k = 0; k < COUNT(kinds); k++)
        for (int plain = 0; plain < 2; plain++) {
            rkv_heatmap_options options = {
                .plain = plain, .erank = erank, .size_px = 60, .token_text = tokens};
            options.model_name = options.model_sha256 = options.prompt_name = "name";
            if (kinds[k].write(path, 6, &options) == RKV_UNAVAILABLE) continue;
            unlink(path);
            fail_each(k, path, &options);
            unlink(path);
        }
    free(path);
    remove_test_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
