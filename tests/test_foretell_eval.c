/* test_foretell_eval.c: the memory that an evaluation is foretold to take of a device, and what it takes: on
 * the CUDA module's sources, run on the host, the same bytes; what a device does not hold is refused before
 * any work. On the CPU, what is told adds up. With the name of a device ("cuda") within a tenth of what the
 * device's own pool has seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "cuda_host/gpu.h"
#include "cuda_host/host_device.h"
#include "cuda_host/host_model.h"
#include "model/model.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

enum { PROMPT = 40, NEW = 9 };

static const char *named_device; /* NULL: the host */
static int32_t ids[PROMPT + NEW];

static int make_model(void **state) {
    (void)state;
    return tiny_model_begin(ids, PROMPT + NEW);
}

/* Two contexts, of which the second is not the longest but asks most, and one that is like the first. */
static rkv_question first[] = {{.ids = ids + PROMPT, .n = 4, .first_scored = 1},
                               {.ids = ids + PROMPT, .n = NEW, .first_scored = 0},
                               {.ids = ids + PROMPT, .n = NEW, .first_scored = 3}},
                    second[] = {{.ids = ids + PROMPT - 8, .n = NEW + 8, .first_scored = 1}};
static rkv_window items[] = {
    {.name = (char[]){"long"}, .context = ids, .n_context = PROMPT, .questions = first, .n_questions = 3},
    {.name = (char[]){"short"},
     .context = ids,
     .n_context = PROMPT - 8,
     .questions = second,
     .n_questions = 1},
    {.name = (char[]){"long too"},
     .context = ids + 1,
     .n_context = PROMPT,
     .questions = first,
     .n_questions = 3}};
static const rkv_windows windows = {.items = items, .n = 3};

#define PREFILL   RKV_PROTOCOL_PREFILL
#define STREAMING RKV_PROTOCOL_STREAMING

/* What needs an analysis has budgets that are equal all the same. */
#define BY_RANK "power:signal=erank,exponent=0"

static const struct grid {
    const char *name;
    rkv_setting settings[5];
    size_t n, memory_limit, generate;
    size_t n_sessions; /* at once */
} grids[] = {
    {"one", {{PREFILL, "window+int4", "uniform", 0.25, 0}}, 1, 0, 0, 1},
    {"prefill",
     {{PREFILL, "full", NULL, 1, 0},
      {PREFILL, "h2o", "uniform", 0.5, 0},
      {PREFILL, "snapkv:window=8+int8", NULL, 0, 16}},
     3,
     0,
     0,
     3},
    {"streaming: a session for each question",
     {{STREAMING, "full", NULL, 1, 0}, {STREAMING, "tova+int4", "uniform", 0.5, 0}},
     2,
     0,
     0,
     6},
    {"both, one at a time",
     {{PREFILL, "window", "uniform", 0.5, 0}, {STREAMING, "window", "uniform", 0.5, 0}},
     2,
     1,
     0,
     1},
    {"analysed first", {{PREFILL, "h2o", BY_RANK, 0.5, 0}, {PREFILL, "full", NULL, 1, 0}}, 2, 0, 0, 2},
    {"with texts", {{PREFILL, "window", NULL, 0, 12}, {PREFILL, "full", NULL, 1, 0}}, 2, 0, 6, 2},
};
#define N_GRIDS (sizeof grids / sizeof *grids)

static rkv_eval_options options_of(const struct grid *g) {
    return (rkv_eval_options){.memory_limit = g->memory_limit, .generate = g->generate};
}

static rkv_eval_needs needs_of(rkv_model *model, const struct grid *g) {
    rkv_eval_options options = options_of(g);
    rkv_eval_needs needs;
    if (rkv_eval_foretell(&needs, model, &windows, g->settings, g->n, &options))
        fail_msg("%s: %s", g->name, rkv_message());
    const rkv_session_needs *m = &needs.memory;
    assert_int_equal(m->needed_bytes, m->held_bytes + m->weights_bytes + m->cache_bytes +
                                          m->activations_bytes + m->workspace_bytes);
    assert_true(m->free_bytes > 0 && needs.host_free_bytes > 0);
    assert_true(m->cache.peak_bytes > 0 && needs.largest < g->n);
    assert_int_equal(needs.n_cells, 7 * g->n);
    assert_int_equal(needs.n_sessions, g->n_sessions);
    return needs;
}

static void evaluate(rkv_model *model, const struct grid *g) {
    rkv_eval_options options = options_of(g);
    if (rkv_eval_run(model, &windows, g->settings, g->n, &options))
        fail_msg("%s: %s", g->name, rkv_message());
}

/* ---- a device's memory, to the byte ---- */

static void test_devices(void **state) {
    (void)state;
    for (size_t i = 0; i < N_GRIDS; i++) {
        const struct grid *g = &grids[i];
        rkv_model *model = host_model_open(NULL, i % 2 ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT);
        rkv_eval_needs needs = needs_of(model, g);
        print_message("%s: %zu bytes\n", g->name, needs.memory.needed_bytes);
        assert_int_equal(needs.memory.resident, i % 2 == 0);
        assert_int_equal(host_device_peak(0), HOST_DEVICE_OPENED); /* nothing was taken for it */
        evaluate(model, g);
        assert_int_equal(host_device_peak(0), needs.memory.needed_bytes);
        rkv_model_close(model);
        assert_int_equal(host_device_live(), 0);
    }
}

/* The largest cache, and the host's memory that answers are held against. */
static void test_parts(void **state) {
    (void)state;
    rkv_model *model = host_model_open(NULL, RKV_WEIGHTS_RESIDENT);
    size_t n_vocab = rkv_model_get_info(model)->n_vocab;
    rkv_eval_needs one = needs_of(model, &grids[0]), three = needs_of(model, &grids[1]);
    assert_int_equal(three.largest, 0);
    assert_true(three.memory.cache.peak_bytes > one.memory.cache.peak_bytes);
    assert_true(three.memory.cache_bytes > one.memory.cache_bytes);
    size_t answers = (NEW + 2 * (3 + NEW + NEW - 3)) * n_vocab * sizeof(float);
    assert_true(one.memory.host_bytes > answers && one.memory.host_bytes < 2 * answers);
    assert_true(one.limit_bytes > 0);
    assert_int_equal(needs_of(model, &grids[3]).limit_bytes, 1);
    rkv_model_close(model);
}

/* ---- too little of it ---- */

/* By the number that was foretold; where there is as much, it is enough. */
static void test_refused(void **state) {
    (void)state;
    rkv_model *model = host_model_open(NULL, RKV_WEIGHTS_RESIDENT);
    const struct grid *g = &grids[1];
    size_t needed = 0, at_hand = 0;
    host_device_set_free(200000);
    rkv_eval_needs needs = needs_of(model, &grids[0]);
    assert_int_equal(rkv_eval_check(model, &windows, g->settings, 1, NULL), RKV_NO_MEMORY);
    assert_int_equal(rkv_eval_run(model, &windows, g->settings, 1, NULL), RKV_NO_MEMORY);
    assert_int_equal(sscanf(rkv_message(),
                            "the evaluation needs %zu bytes of the memory of cuda:0 host, where %zu", &needed,
                            &at_hand),
                     2);
    assert_non_null(strstr(rkv_message(), "the largest under full, ratio 1, prefill"));
    assert_int_equal(at_hand, HOST_DEVICE_OPENED + 200000);
    assert_int_equal(needs.memory.free_bytes, at_hand);
    assert_int_equal(host_device_peak(0), HOST_DEVICE_OPENED);
    host_device_set_free(needed - HOST_DEVICE_OPENED);
    assert_int_equal(rkv_eval_check(model, &windows, g->settings, 1, NULL), RKV_OK);
    host_device_set_free(0);
    rkv_model_close(model);
}

static int stop_at_once(void *user, const char *stage, size_t done, size_t total) {
    (void)total;
    assert_string_equal(stage, "memory");
    assert_int_equal(done, 0);
    return ++*(size_t *)user > 1;
}

/* What is asked for before the work may take long: it is told of, and may be ended. */
static void test_the_check_is_stopped(void **state) {
    (void)state;
    rkv_model *model = host_model_open(NULL, RKV_WEIGHTS_RESIDENT);
    size_t told = 0;
    const rkv_eval_options options = {.progress = {stop_at_once, &told}};
    assert_int_equal(rkv_eval_check(model, &windows, grids[1].settings, grids[1].n, &options), RKV_CANCELLED);
    assert_int_equal(told, 2);
    rkv_model_close(model);
}

/* ---- the host's ---- */

static int stop(void *user, const char *stage, size_t done, size_t total) {
    (void)stage, (void)total;
    return done == *(size_t *)user;
}

static void test_the_host(void **state) {
    (void)state;
    rkv_model *model = host_model_open("cpu", RKV_WEIGHTS_RESIDENT);
    size_t before = 0;
    for (size_t i = 0; i < N_GRIDS; i++) {
        rkv_eval_needs needs = needs_of(model, &grids[i]);
        assert_string_equal(needs.memory.device, "cpu");
        assert_int_equal(needs.memory.host_bytes, 0);
        assert_int_equal(needs.memory.held_bytes, 0);
        if (i == 1) assert_true(needs.memory.needed_bytes > before);
        before = needs.memory.needed_bytes;
    }
    rkv_model_close(model);
}

/* What an evaluation refuses, and the caller's wish to stop. */
static void test_refusals(void **state) {
    (void)state;
    rkv_model *model = host_model_open("cpu", RKV_WEIGHTS_RESIDENT);
    const rkv_setting wrong = {PREFILL, "windows", NULL, 0.5, 0};
    rkv_eval_needs needs;
    size_t at = 3;
    rkv_eval_options options = {.progress = {stop, &at}};
    assert_int_equal(rkv_eval_foretell(&needs, model, &windows, &wrong, 1, NULL), RKV_USAGE);
    assert_int_equal(rkv_eval_foretell(&needs, model, &(rkv_windows){0}, grids[0].settings, 1, NULL),
                     RKV_USAGE);
    assert_int_equal(rkv_eval_foretell(&needs, model, &windows, grids[1].settings, 3, &options),
                     RKV_CANCELLED);
    rkv_model_close(model);
}

/* ---- a device ---- */

/* A model and contexts as large as those of every day, that take more than the pool's granularity. */
static int make_larger_model(void **state) {
    (void)state;
    static const tiny_model_options shape = {
        .n_layers = 4, .n_embd = 576, .n_heads = 9, .n_kv_heads = 3, .n_ff = 1536, .n_context = 2048};
    if (tiny_model_begin(ids, PROMPT + NEW)) return -1;
    return tiny_model_write(temporary_path("tiny.gguf"), &shape) != RKV_OK;
}

static void test_within_a_tenth(void **state) {
    (void)state;
    enum { N = 1500 };
    static int32_t text[N];
    static const rkv_setting settings[] = {{PREFILL, "full", NULL, 1, 0},
                                           {PREFILL, "h2o", "inverse", 0.5, 0},
                                           {PREFILL, "snapkv+int4", "uniform", 0.25, 0},
                                           {STREAMING, "streaming-llm", "uniform", 0.25, 0}};
    for (size_t i = 0; i < N; i++)
        text[i] = ids[i % PROMPT];
    rkv_window window = {
        .name = (char[]){"w"}, .context = text, .n_context = N, .questions = first, .n_questions = 3};
    rkv_windows one = {.items = &window, .n = 1};
    rkv_model *model = host_model_open(named_device, RKV_WEIGHTS_RESIDENT);
    rkv_eval_needs needs;
    rkv_memory_use use;
    if (rkv_eval_foretell(&needs, model, &one, settings, 4, NULL) ||
        rkv_eval_run(model, &one, settings, 4, NULL))
        fail_msg("%s", rkv_message());
    model->backend->ops->memory_use(model->backend, &use);
    printf("%zu sessions at once: %zu bytes foretold, %zu in use, %zu of the device by all\n",
           needs.n_sessions, needs.memory.needed_bytes, use.peak, use.device);
    double ratio = (double)needs.memory.needed_bytes / (double)use.peak;
    assert_true(ratio > 0.9 && ratio < 1.1);
    rkv_model_close(model);
}

static int test_on_named_device(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_within_a_tenth)};
    if (!gpu_is_there(named_device)) return GPU_IS_MISSING;
    return cmocka_run_group_tests(tests, make_larger_model, temporary_tear_down);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices),  cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_the_check_is_stopped),
        cmocka_unit_test(test_the_host), cmocka_unit_test(test_refusals),
    };
    named_device = argc > 1 ? argv[1] : NULL;
    return named_device ? test_on_named_device()
                        : cmocka_run_group_tests(tests, make_model, temporary_tear_down);
}
