/* test_foretell.c: the memory that sessions are foretold to take, and what they take: on the CUDA module's
 * sources, run on the host, the same bytes; on the CPU what the session itself counts. With the name of a
 * device ("cuda") within a tenth of what the device's own pool has seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "backend/rows_counted.h"
#include "core/random.h"
#include "cuda_host/gpu.h"
#include "cuda_host/host_device.h"
#include "cuda_host/host_model.h"
#include "model/model.h"
#include "support/session_pair.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

enum { PROMPT = 40, NEW = 9 };

static const char *named_device; /* NULL: the host */
static int32_t ids[PROMPT + NEW];

static int make_model(void **state) {
    (void)state;
    return tiny_model_begin(ids, PROMPT + NEW);
}

/* ---- what sessions are asked to do ---- */

/* Method number i of the table, then some that are more than one; false: there is no such number. */
static bool options_of(size_t i, rkv_session_options *out, char spec[64]) {
    static const rkv_session_options others[] = {
        {.method = "window+int8", .ratio = 0.25},
        {.method = "lowrank:rank=4+h2o+int4", .budget = 24, .positions = RKV_POSITIONS_CACHE},
        {.method = "snapkv:window=8+int4", .budget = 16, .hold = RKV_HOLD_PROMPT},
        {.method = "streaming-llm", .budget = 16, .interval = 5},
        {.method = "window", .budget = 4096}, /* keeps all */
        {.adaptive = "0:full,44:snapkv:window=8,46:window+int8", .budget = 32}};
    size_t n = 0;
    while (rkv_method_at(n))
        n++;
    if (i >= n + sizeof others / sizeof *others) return false;
    *out = i < n
               ? (rkv_session_options){.method = session_pair_spec(rkv_method_at(i), spec, 64), .budget = 24}
               : others[i - n];
    return true;
}

static const char *label_of(const rkv_session_options *options) {
    return options->adaptive ? options->adaptive : options->method;
}

/* Keeps as much as it finds: of noise everything, and never more than that. */
static bool depends_on_numbers(const rkv_session_options *options) {
    return strcmp(label_of(options), "fastgen") == 0 || strcmp(label_of(options), "lowrank") == 0;
}

static rkv_session_needs needs_of(rkv_model *model, const rkv_session_options *options) {
    rkv_session_needs needs;
    if (rkv_session_foretell(&needs, model, options, ids, PROMPT, NEW))
        fail_msg("%s: %s", label_of(options), rkv_message());
    assert_int_equal(needs.needed_bytes, needs.held_bytes + needs.weights_bytes + needs.cache_bytes +
                                             needs.activations_bytes + needs.workspace_bytes);
    assert_true(needs.free_bytes > 0);
    return needs;
}

/* What a session counts of itself at the end of its life. */
static rkv_cache_stats live_through(rkv_model *model, const rkv_session_options *options) {
    rkv_session *s = NULL;
    rkv_cache_stats stats;
    if (rkv_session_new(&s, model, options) || rkv_session_prefill(s, ids, PROMPT))
        fail_msg("%s: %s", label_of(options), rkv_message());
    for (size_t i = 0; i + 1 < NEW; i++)
        assert_int_equal(rkv_session_decode(s, ids[PROMPT + i]), RKV_OK);
    assert_int_equal(rkv_session_get_stats(s, &stats), RKV_OK);
    rkv_session_free(s);
    return stats;
}

/* Shares budgets between heads by what it finds. */
static bool shares_by_numbers(const rkv_session_options *options) {
    return strstr(label_of(options), "ada-") != NULL;
}

static void assert_near(size_t foretold, size_t found) {
    double ratio = (double)foretold / (double)found;
    assert_true(ratio > 0.9 && ratio < 1.1);
}

static void assert_same_cache(const rkv_cache_stats *foretold, const rkv_cache_stats *found) {
    assert_int_equal(foretold->n_tokens, found->n_tokens);
    assert_int_equal(foretold->n_entries, found->n_entries);
    assert_int_equal(foretold->longest, found->longest);
    assert_int_equal(foretold->allocated_bytes, found->allocated_bytes);
    assert_int_equal(foretold->kv_bytes, found->kv_bytes);
    assert_int_equal(foretold->state_bytes, found->state_bytes);
    assert_int_equal(foretold->peak_bytes, found->peak_bytes);
    assert_int_equal(foretold->full_bytes_16, found->full_bytes_16);
}

static void check(rkv_model *model, const rkv_session_options *options, const rkv_session_needs *needs) {
    print_message("%s\n", label_of(options));
    rkv_cache_stats stats = live_through(model, options);
    if (depends_on_numbers(options))
        assert_true(stats.peak_bytes <= needs->cache.peak_bytes);
    else if (shares_by_numbers(options))
        assert_near(needs->cache.peak_bytes, stats.peak_bytes);
    else
        assert_same_cache(&needs->cache, &stats);
}

/* ---- a device's memory, to the byte ---- */

static void test_devices(void **state) {
    (void)state;
    rkv_session_options options;
    char spec[64];
    for (size_t i = 0; options_of(i, &options, spec); i++) {
        rkv_model *model = host_model_open(named_device, i % 2 ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT);
        rkv_session_needs needs = needs_of(model, &options);
        assert_int_equal(needs.resident, i % 2 == 0);
        assert_string_equal(needs.device, "cuda:0 host");
        assert_int_equal(needs.held_bytes, HOST_DEVICE_OPENED);
        assert_int_equal(host_device_peak(0), HOST_DEVICE_OPENED); /* nothing was taken for it */
        check(model, &options, &needs);
        if (depends_on_numbers(&options))
            assert_true(host_device_peak(0) <= needs.needed_bytes);
        else if (shares_by_numbers(&options))
            assert_near(needs.needed_bytes - HOST_DEVICE_OPENED, host_device_peak(0) - HOST_DEVICE_OPENED);
        else
            assert_int_equal(host_device_peak(0), needs.needed_bytes);
        rkv_model_close(model);
        assert_int_equal(host_device_live(), 0);
    }
}

/* ---- the host's, as sessions count it ---- */

static void test_the_host(void **state) {
    (void)state;
    rkv_session_options options;
    char spec[64];
    rkv_model *model = host_model_open("cpu", RKV_WEIGHTS_RESIDENT);
    for (size_t i = 0; options_of(i, &options, spec); i++) {
        rkv_session_needs needs = needs_of(model, &options);
        assert_int_equal(needs.weights_bytes > 0, i == 0); /* they were decoded on the way */
        assert_true(needs.cache_bytes > 0 && needs.activations_bytes > 0);
        check(model, &options, &needs);
    }
    rkv_model_close(model);
}

/* ---- the host's, as the allocator counts it ---- */

#ifndef __SANITIZE_ADDRESS__ /* whose allocator does not say */
#include <malloc.h>

static size_t in_use(void) {
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

static int note_peak(void *user, const char *stage, size_t done, size_t total) {
    (void)stage, (void)done, (void)total;
    size_t *peak = user, now = in_use();
    if (now > *peak) *peak = now;
    return 0;
}

/* The most that is allocated between two layers is within a tenth of what was foretold. */
static void test_the_host_allocates_no_more(void **state) {
    (void)state;
    static const char *const methods[] = {"full", "window+int8", "h2o", "snapkv+int4"};
    enum { N = 500 };
    static const tiny_model_options shape = {
        .n_layers = 4, .n_embd = 256, .n_heads = 8, .n_kv_heads = 4, .n_ff = 768, .n_context = 512};
    int32_t text[N];
    for (size_t i = 0; i < N; i++)
        text[i] = ids[i % PROMPT];
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), &shape), RKV_OK);
    for (size_t i = 0; i < 4; i++) {
        rkv_model *model = host_model_open("cpu", i % 2 ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT);
        size_t before = in_use(), peak = before;
        rkv_session_options options = {.method = methods[i], .budget = 100, .progress = {note_peak, &peak}};
        rkv_session_needs needs;
        rkv_session *s = NULL;
        if (rkv_session_foretell(&needs, model, &options, text, N, 1)) fail_msg("%s", rkv_message());
        before = peak = in_use();
        if (rkv_session_new(&s, model, &options) || rkv_session_prefill(s, text, N))
            fail_msg("%s", rkv_message());
        print_message("%s: %zu bytes foretold, %zu allocated\n", methods[i], needs.needed_bytes,
                      peak - before);
        assert_near(needs.needed_bytes, peak - before);
        rkv_session_free(s);
        rkv_model_close(model);
    }
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), NULL), RKV_OK);
}
#endif

/* ---- lists that are only counted ---- */

/* A list that is only counted has the bytes of one that is there, whatever is done with both. */
static void count_up(void *user, size_t bytes) {
    *(size_t *)user += bytes;
}

static void count_down(void *user, size_t bytes) {
    *(size_t *)user -= bytes;
}

static void test_counted_rows(void **state) {
    (void)state;
    enum { WIDTH = 6, MOST = 40 };
    static const rkv_row_format formats[] = {{RKV_ROWS_F32, RKV_AXIS_TOKEN, 0},
                                             {RKV_ROWS_BF16, RKV_AXIS_TOKEN, 0},
                                             {RKV_ROWS_INT4, RKV_AXIS_TOKEN, 3},
                                             {RKV_ROWS_INT8, RKV_AXIS_CHANNEL, 4},
                                             {RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 16}};
    static const float zeros[MOST * WIDTH] = {0};
    rkv_random random = {7};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        rkv_rows *there, *counted, *copy;
        size_t bytes = 0;
        rkv_rows_counter counter = {count_up, count_down, &bytes};
        assert_int_equal(rkv_rows_new(&there, &formats[f], WIDTH), RKV_OK);
        assert_int_equal(rkv_rows_counted_new(&counted, &formats[f], WIDTH, &counter), RKV_OK);
        for (size_t step = 0; step < 500; step++) {
            size_t n = rkv_random_below(&random, MOST) + 1, count = rkv_rows_count(there), kept = 0;
            uint32_t index[4096];
            if (rkv_random_below(&random, 2) && count + n < 4096) {
                assert_int_equal(rkv_rows_append(there, zeros, n, WIDTH), RKV_OK);
                assert_int_equal(rkv_rows_append(counted, zeros, n, WIDTH), RKV_OK);
            } else {
                size_t part = rkv_random_below(&random, 5); /* of 4 stay */
                for (size_t i = 0; i < count; i++)
                    if (rkv_random_below(&random, 4) < part) index[kept++] = (uint32_t)i;
                assert_int_equal(rkv_rows_keep(there, index, kept), RKV_OK);
                assert_int_equal(rkv_rows_keep(counted, index, kept), RKV_OK);
            }
            assert_int_equal(rkv_rows_count(counted), rkv_rows_count(there));
            assert_int_equal(rkv_rows_used_bytes(counted), rkv_rows_used_bytes(there));
            assert_int_equal(rkv_rows_allocated_bytes(counted), rkv_rows_allocated_bytes(there));
            assert_int_equal(bytes, rkv_rows_allocated_bytes(counted));
        }
        assert_int_equal(rkv_rows_copy(&copy, counted), RKV_OK);
        rkv_rows_free(counted);
        rkv_rows_free(copy);
        rkv_rows_free(there);
        assert_int_equal(bytes, 0);
    }
}

/* ---- what cannot be ---- */

static int stop(void *user, const char *stage, size_t done, size_t total) {
    (void)total;
    return strcmp(stage, "generate") == 0 && done == *(size_t *)user;
}

static void test_stopped(void **state) {
    (void)state;
    size_t at = 3;
    rkv_session_needs needs;
    rkv_session_options options = {.method = "window", .budget = 8, .progress = {stop, &at}};
    rkv_model *model = host_model_open(named_device, RKV_WEIGHTS_RESIDENT);
    assert_int_equal(rkv_session_foretell(&needs, model, &options, ids, PROMPT, NEW), RKV_CANCELLED);
    at = NEW;
    assert_int_equal(rkv_session_foretell(&needs, model, &options, ids, PROMPT, NEW), RKV_OK);
    rkv_model_close(model);
    assert_int_equal(host_device_live(), 0);
}

static void test_refusals(void **state) {
    (void)state;
    rkv_session_needs needs;
    rkv_model *model = host_model_open("cpu", RKV_WEIGHTS_RESIDENT);
    rkv_session_options options = {.method = "streaming-llm", .budget = 2};
    assert_int_equal(rkv_session_foretell(&needs, model, &options, ids, PROMPT, NEW), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "streaming-llm always keeps"));
    options = (rkv_session_options){.method = "no-such"};
    assert_int_equal(rkv_session_foretell(&needs, model, &options, ids, PROMPT, NEW), RKV_USAGE);
    assert_int_equal(rkv_session_foretell(&needs, model, NULL, ids, 0, NEW), RKV_USAGE);
    rkv_model_close(model);
}

/* ---- a device ---- */

static int make_larger_model(void **state) {
    (void)state;
    static const tiny_model_options shape = {
        .n_layers = 4, .n_embd = 576, .n_heads = 9, .n_kv_heads = 3, .n_ff = 1536, .n_context = 2048};
    if (tiny_model_begin(ids, PROMPT + NEW)) return -1;
    return tiny_model_write(temporary_path("tiny.gguf"), &shape) != RKV_OK;
}

static void test_within_a_tenth(void **state) {
    (void)state;
    static const char *const methods[] = {"full", "snapkv+int4", "h2o"};
    enum { N = 2000 };
    int32_t *text = calloc(N, sizeof *text);
    for (size_t i = 0; i < N; i++)
        text[i] = ids[i % PROMPT];
    for (size_t i = 0; i < 3; i++) {
        rkv_model *model = host_model_open(named_device, RKV_WEIGHTS_RESIDENT);
        rkv_session_options options = {.method = methods[i], .budget = 500};
        rkv_session_needs needs;
        rkv_session *s = NULL;
        rkv_memory_use use;
        if (rkv_session_foretell(&needs, model, &options, text, N, 2)) fail_msg("%s", rkv_message());
        if (rkv_session_new(&s, model, &options) || rkv_session_prefill(s, text, N) ||
            rkv_session_decode(s, text[0]))
            fail_msg("%s", rkv_message());
        model->backend->ops->memory_use(model->backend, &use);
        printf("%s: %zu bytes foretold, %zu in use, %zu of the device by all\n", methods[i],
               needs.needed_bytes, use.peak, use.device);
        double ratio = (double)needs.needed_bytes / (double)use.peak;
        assert_true(ratio > 0.9 && ratio < 1.1);
        rkv_session_free(s);
        rkv_model_close(model);
    }
    free(text);
}

static int test_on_named_device(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_within_a_tenth)};
    if (!gpu_is_there(named_device)) return GPU_IS_MISSING;
    return cmocka_run_group_tests(tests, make_larger_model, temporary_tear_down);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_the_host),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_the_host_allocates_no_more),
#endif
        cmocka_unit_test(test_counted_rows),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_stopped),
    };
    named_device = argc > 1 ? argv[1] : NULL;
    return named_device ? test_on_named_device()
                        : cmocka_run_group_tests(tests, make_model, temporary_tear_down);
}
