/* test_cuda_several.c: several devices of one machine, on the CUDA module's sources, run on the host: layers
 * are ranked on all of them, with the same bits as on one, and what fails on any is told. Each device has
 * memory of its own, which another one cannot reach but by a copy that is in order. With "cuda" copies and
 * the analysis alone, on the first two GPUs. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "cuda_host/host_device.h"
#include "cuda_host/several.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define T      5
#define LAYERS 5
#define HEADS  4

static bool real; /* the devices are GPUs */
static int32_t ids[T];

static int make_model(void **state) {
    (void)state;
    static const tiny_model_options shape = {.n_layers = LAYERS, .n_embd = 16, .n_heads = HEADS, .n_ff = 16};
    host_device_set_count(3);
    if (tiny_model_begin(ids, T)) return -1;
    return tiny_model_write(temporary_path("tiny.gguf"), &shape) != RKV_OK;
}

static int remove_model(void **state) {
    (void)state;
    host_device_set_count(1);
    temporary_remove();
    return 0;
}

/* ---- names ---- */

static void test_lists(void **state) {
    (void)state;
    static const struct {
        const char *name;
        rkv_device_list list;
    } rows[] = {{"cuda", {{0}, 1}},
                {"cuda:0", {{0}, 1}},
                {"cuda:7", {{7}, 1}},
                {"cuda:0,1", {{0, 1}, 2}},
                {"cuda:3,0,12", {{3, 0, 12}, 3}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rkv_device_list list;
        assert_int_equal(rkv_devices_read(rows[i].name, &list), RKV_OK);
        assert_int_equal(list.n, rows[i].list.n);
        assert_memory_equal(list.ordinal, rows[i].list.ordinal, list.n * sizeof *list.ordinal);
    }
}

static void test_malformed_lists(void **state) {
    (void)state;
    static const struct {
        const char *name, *word;
    } rows[] = {{"cuda:0,", "commas"},
                {"cuda:,0", "commas"},
                {"cuda:0;1", "commas"},
                {"cuda:0,0", "0 is named twice"},
                {"cuda:1,0,1", "1 is named twice"},
                {"cuda:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "more than 16"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rkv_device_list list;
        assert_int_equal(rkv_devices_read(rows[i].name, &list), RKV_USAGE);
        assert_non_null(strstr(rkv_message(), rows[i].name));
        assert_non_null(strstr(rkv_message(), rows[i].word));
    }
}

static void test_one_is_missing(void **state) {
    (void)state;
    rkv_backend *backend;
    assert_int_equal(host_devices_open(&backend, "cuda:0,7,1"), RKV_UNAVAILABLE);
    assert_null(backend);
    assert_string_equal(rkv_message(), "there is no cuda:7: this machine has cuda:0 to cuda:2");
    assert_int_equal(host_device_live(), 0);
}

static void test_names_say_all(void **state) {
    (void)state;
    rkv_backend *backend;
    assert_int_equal(host_devices_open(&backend, "cuda:1,0,2"), RKV_OK);
    assert_string_equal(backend->device, "cuda:1,0,2 host");
    assert_int_equal(backend->ops->set_precision(backend, RKV_PRECISION_BF16), RKV_OK);
    assert_string_equal(backend->device, "cuda:1,0,2 host, bf16");
    assert_int_equal(backend->n_helpers, 3);
    static const char *const names[] = {"cuda:1 host", "cuda:0 host", "cuda:2 host"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(backend->helpers[i]->device, names[i]);
    rkv_devices_dismiss(backend);
    assert_int_equal(backend->n_helpers, 0);
    assert_string_equal(backend->device, "cuda:1 host");
    rkv_backend_close(backend);
}

/* ---- memory of their own ---- */

/* What b's work makes arrives as it was, though b writes over it next. */
static void check_copy(rkv_backend *b, rkv_backend *other) {
    enum { N = 100 };
    float host[N], back[N], *here = NULL, *there = NULL;
    for (size_t i = 0; i < N; i++)
        host[i] = (float)i;
    assert_int_equal(b->ops->alloc(b, &here, N), RKV_OK);
    assert_int_equal(other->ops->alloc(other, &there, N), RKV_OK);
    assert_int_equal(b->ops->upload(b, here, host, N), RKV_OK);
    assert_int_equal(other->ops->receive(other, there, b, here, N), RKV_OK);
    assert_int_equal(b->ops->swiglu(b, here, 1, N / 2, here), RKV_OK);
    assert_int_equal(other->ops->download(other, back, there, N), RKV_OK);
    assert_memory_equal(back, host, sizeof host);
    b->ops->release(b, here);
    other->ops->release(other, there);
}

/* To the same device's other stream, and to another device, which reaches the first one's memory or not. */
static void test_copies_between_devices(void **state) {
    (void)state;
    for (size_t apart = 0; apart < 2; apart++) {
        rkv_backend *b;
        host_device_set_apart(apart);
        assert_int_equal(host_devices_open(&b, "cuda:0,1"), RKV_OK);
        for (size_t i = 0; i < 4; i++) /* and a second time */
            check_copy(b, b->helpers[i % 2]);
        rkv_backend_close(b);
        assert_int_equal(host_device_live(), 0);
    }
    host_device_set_apart(false);
}

/* The same on GPUs, as many as there are. */
static void test_copies_between_gpus(void **state) {
    (void)state;
    static const char *const names[] = {"cuda:0", "cuda:1"};
    rkv_backend *b, *other;
    assert_int_equal(rkv_backend_open(&b, names[0]), RKV_OK);
    for (size_t i = 0; i < 2 && rkv_backend_open(&other, names[i]) == RKV_OK; i++) {
        check_copy(b, other);
        check_copy(other, b);
        rkv_backend_close(other);
    }
    rkv_backend_close(b);
}

/* Without a copy another device, or another stream of the same, does not reach it. */
static void test_memory_of_another_device_is_out_of_reach(void **state) {
    (void)state;
    rkv_backend *b;
    float *here, *there[2];
    assert_int_equal(host_devices_open(&b, "cuda:0,1"), RKV_OK);
    assert_int_equal(b->ops->alloc(b, &here, 8), RKV_OK);
    for (size_t h = 0; h < 2; h++) {
        rkv_backend *helper = b->helpers[h];
        assert_int_equal(helper->ops->alloc(helper, &there[h], 8), RKV_OK);
        pid_t child = fork();
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL);
            helper->ops->head_mean(helper, here, 2, 2, there[h]);
            _exit(0);
        }
        int end = 0;
        assert_int_equal(waitpid(child, &end, 0), child);
        assert_true(WIFSIGNALED(end) && WTERMSIG(end) == SIGSEGV);
        helper->ops->release(helper, there[h]);
    }
    b->ops->release(b, here);
    rkv_backend_close(b);
}

/* ---- an analysis ---- */

static rkv_model *open_model(const char *devices) {
    return host_model_open_several(devices, real);
}

/* What a layer function has seen. */
typedef struct shown {
    size_t n;
    float attention[LAYERS][HEADS * T * T];
    double erank[LAYERS][HEADS], sigma[LAYERS][HEADS * T];
} shown;

static rkv_status keep(void *user, const rkv_layer *layer) {
    shown *s = user;
    assert_int_equal(layer->index, s->n++);
    memcpy(s->attention[layer->index], layer->attention, sizeof *s->attention);
    memcpy(s->erank[layer->index], layer->erank, sizeof *s->erank);
    memcpy(s->sigma[layer->index], layer->sigma, sizeof *s->sigma);
    return RKV_OK;
}

/* The same bits on one device, on two and on three, with a layer function and without. */
static void test_as_many_devices_as_there_are(void **state) {
    (void)state;
    static const char *const devices[] = {"cuda:0", "cuda:0,1", "cuda:2,0,1"};
    size_t n = real ? 2 : 3;
    rkv_analysis *first = NULL;
    shown *seen = calloc(2, sizeof *seen);
    for (size_t d = 0; d < n; d++)
        for (size_t looks = 0; looks < 2; looks++) {
            rkv_model *model = open_model(devices[d]);
            rkv_analysis *analysis;
            seen[1] = (shown){0};
            rkv_analyze_options options = {.on_layer = looks ? keep : NULL, .user = &seen[1]};
            if (rkv_analyze(&analysis, model, ids, T, &options)) fail_msg("%s", rkv_message());
            if (d == 1 && !real) assert_true(host_device_peak(1) > HEADS * T * T * sizeof(float));
            if (looks && d == 0) seen[0] = seen[1];
            if (looks) assert_memory_equal(&seen[0], &seen[1], sizeof *seen);
            rkv_model_close(model);
            assert_int_equal(host_device_live(), 0);
            if (first) assert_same_analysis(first, analysis);
            if (first) rkv_analysis_free(analysis);
            if (!first) first = analysis;
        }
    rkv_analysis_free(first);
    free(seen);
}

/* ---- a probe: a prompt for each device ---- */

static rkv_profile *probe(const char *devices, size_t n_seeds) {
    const rkv_probe_options options = {.n_random = 16, .n_seeds = n_seeds, .seed = 3};
    rkv_model *model = open_model(devices);
    rkv_profile *profile;
    if (rkv_probe(&profile, model, &options)) fail_msg("%s", rkv_message());
    rkv_model_close(model);
    assert_int_equal(host_device_live(), 0);
    return profile;
}

/* Fewer sequences than devices, and more. */
static void test_sequences_on_all_devices(void **state) {
    (void)state;
    static const char *const signals[] = {"retr", "retr_duplicate", "retr_induction", "retr_spread"};
    for (size_t n_seeds = 1; n_seeds <= 3; n_seeds += 2) {
        rkv_profile *one = probe("cuda:0", n_seeds), *two = probe("cuda:1,2", n_seeds);
        for (size_t s = 0; s < 4; s++)
            assert_memory_equal(rkv_profile_find(one, signals[s])->values,
                                rkv_profile_find(two, signals[s])->values, LAYERS * HEADS * sizeof(double));
        if (n_seeds > 1) assert_true(host_device_peak(2) > 2 * HEADS * 32 * 32 * sizeof(float));
        rkv_profile_free(one);
        rkv_profile_free(two);
    }
}

static void test_a_sequence_fails(void **state) {
    (void)state;
    const rkv_probe_options options = {.n_random = 16, .n_seeds = 2};
    for (size_t k = 1; k < 40; k += 19) {
        rkv_model *model = open_model("cuda:0,1");
        rkv_profile *profile;
        host_device_fail_at_on(1, k);
        assert_int_equal(rkv_probe(&profile, model, &options), RKV_NO_MEMORY);
        assert_null(profile);
        assert_non_null(strstr(rkv_message(), "out of memory on cuda:1 host"));
        host_device_fail_at(0);
        rkv_model_close(model);
        assert_int_equal(host_device_live(), 0);
    }
}

static int stop_at_once(void *user, const char *stage, size_t done, size_t total) {
    (void)stage, (void)total;
    *(size_t *)user = done;
    return 1;
}

static void test_a_probe_is_stopped(void **state) {
    (void)state;
    size_t done = 0;
    const rkv_probe_options options = {
        .n_random = 16, .n_seeds = 3, .progress = {.report = stop_at_once, .user = &done}};
    rkv_model *model = open_model("cuda:0,1");
    rkv_profile *profile;
    assert_int_equal(rkv_probe(&profile, model, &options), RKV_CANCELLED);
    assert_int_equal(done, LAYERS);
    rkv_model_close(model);
    assert_int_equal(host_device_live(), 0);
}

/* ---- failures ---- */

/* Memory of the second device runs out, at any allocation: that is told, or done without. */
static void test_the_second_device_fails(void **state) {
    (void)state;
    size_t told = 0;
    for (size_t k = 1;; k += k < 30 ? 1 : 9) { /* the device's second layer does as its first */
        rkv_model *model = open_model("cuda:0,1");
        rkv_analysis *analysis;
        host_device_fail_at_on(1, k);
        rkv_status status = rkv_analyze(&analysis, model, ids, T, NULL);
        bool failed = host_device_fail_at(0) == 0;
        if (status) {
            assert_int_equal(status, RKV_NO_MEMORY);
            assert_non_null(strstr(rkv_message(), "out of memory on cuda:1 host"));
            told += strstr(rkv_message(), "layer ") != NULL;
        }
        rkv_analysis_free(analysis);
        rkv_model_close(model);
        assert_int_equal(host_device_live(), 0);
        if (!failed) break;
    }
    assert_true(told > 5);
}

static rkv_status stop(void *user, const rkv_layer *layer) {
    return layer->index == *(size_t *)user ? RKV_CANCELLED : RKV_OK;
}

/* The analysis ends while layers are being ranked: they are waited for. */
static void test_stopped_meanwhile(void **state) {
    (void)state;
    for (size_t at = 0; at < LAYERS; at++) {
        rkv_model *model = open_model("cuda:0,1,2");
        rkv_analysis *analysis;
        rkv_analyze_options options = {.on_layer = stop, .user = &at};
        assert_int_equal(rkv_analyze(&analysis, model, ids, T, &options), RKV_CANCELLED);
        rkv_model_close(model);
        assert_int_equal(host_device_live(), 0);
    }
}

/* The first device's memory, where helpers work beside the forward pass, is not more than was foretold. */
static void test_memory_of_the_first(void **state) {
    (void)state;
    rkv_model *model = open_model("cuda:0,1");
    rkv_memory_needs needs;
    rkv_analysis *analysis;
    assert_int_equal(rkv_analyze_needs(&needs, model, ids, T, NULL), RKV_OK);
    assert_int_equal(needs.attention_bytes, 2 * HEADS * T * T * sizeof(float));
    assert_int_equal(host_device_peak(0), needs.held_bytes);
    assert_int_equal(rkv_analyze(&analysis, model, ids, T, NULL), RKV_OK);
    assert_true(host_device_peak(0) <= needs.needed_bytes);
    assert_true(host_device_peak(0) - needs.held_bytes > (needs.needed_bytes - needs.held_bytes) * 8 / 10);
    assert_true(host_device_peak(1) < host_device_peak(0));
    rkv_analysis_free(analysis);
    rkv_model_close(model);
}

/* What another device has too little of is told before the work, too. */
static void test_memory_of_the_second(void **state) {
    (void)state;
    rkv_model *model = open_model("cuda:0,1");
    rkv_analysis *analysis;
    host_device_set_free_on(1, 700);
    assert_int_equal(rkv_analyze(&analysis, model, ids, T, NULL), RKV_NO_MEMORY);
    assert_int_equal(host_device_peak(1), HOST_DEVICE_OPENED);
    size_t needed = 0, at_hand = 0;
    assert_int_equal(
        sscanf(rkv_message(),
               "to rank a layer of 5 tokens takes %zu bytes of the memory of cuda:1 host, where %zu", &needed,
               &at_hand),
        2);
    assert_int_equal(at_hand, HOST_DEVICE_OPENED + 700);
    host_device_set_free_on(1, needed - HOST_DEVICE_OPENED);
    assert_int_equal(rkv_analyze(&analysis, model, ids, T, NULL), RKV_OK);
    host_device_set_free_on(1, 0);
    rkv_analysis_free(analysis);
    rkv_model_close(model);
}

/* 77: there is not even one. */
static int test_on_gpus(void) {
    const struct CMUnitTest on_one[] = {cmocka_unit_test(test_copies_between_gpus)};
    const struct CMUnitTest on_two[] = {cmocka_unit_test(test_copies_between_gpus),
                                        cmocka_unit_test(test_as_many_devices_as_there_are)};
    char one[256], two[256];
    if (rkv_device_describe("cuda:0", one, sizeof one) == RKV_UNAVAILABLE) {
        printf("skipped: %s\n", rkv_message());
        return 77;
    }
    real = true;
    bool several = rkv_device_describe("cuda:0,1", two, sizeof two) == RKV_OK;
    printf("on %s\n", several ? two : one);
    return several ? cmocka_run_group_tests(on_two, make_model, remove_model)
                   : cmocka_run_group_tests(on_one, make_model, remove_model);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_malformed_lists),
        cmocka_unit_test(test_one_is_missing),
        cmocka_unit_test(test_names_say_all),
        cmocka_unit_test(test_copies_between_devices),
        cmocka_unit_test(test_memory_of_another_device_is_out_of_reach),
        cmocka_unit_test(test_as_many_devices_as_there_are),
        cmocka_unit_test(test_sequences_on_all_devices),
        cmocka_unit_test(test_a_sequence_fails),
        cmocka_unit_test(test_a_probe_is_stopped),
        cmocka_unit_test(test_the_second_device_fails),
        cmocka_unit_test(test_stopped_meanwhile),
        cmocka_unit_test(test_memory_of_the_first),
        cmocka_unit_test(test_memory_of_the_second),
    };
    (void)argv;
    return argc > 1 ? test_on_gpus() : cmocka_run_group_tests(tests, make_model, remove_model);
}
