/* test_cuda_prompts.c: several prompts on several devices, on the CUDA module's sources, run on the host: one
 * prompt on each device at a time, with the same bits, the same order and the same failures as on one device.
 * With "cuda" the results alone, on the first two GPUs. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "core/fail.h"
#include "cuda_host/gpu.h"
#include "cuda_host/host_device.h"
#include "cuda_host/several.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define LAYERS  3
#define HEADS   4
#define LONGEST 7
#define PROMPTS 5

/* Prompts are the first tokens of one text. */
static const size_t lengths[PROMPTS] = {5, LONGEST, 1, 4, 6};
static const char *const names[PROMPTS] = {"a", "b", "c", "d", "e"};

static bool real; /* the devices are GPUs */
static int32_t ids[LONGEST];

static int make_model(void **state) {
    (void)state;
    static const tiny_model_options shape = {
        .type = "Q8_0", .n_layers = LAYERS, .n_embd = 32, .n_heads = HEADS, .n_ff = 160};
    host_device_set_count(3);
    if (tiny_model_begin(ids, LONGEST)) return -1;
    return tiny_model_write(temporary_path("tiny.gguf"), &shape) != RKV_OK;
}

static int remove_model(void **state) {
    (void)state;
    host_device_set_count(1);
    temporary_remove();
    return 0;
}

/* ---- who asks for the analyses ---- */

typedef struct asker asker;

/* What a prompt's functions know. */
typedef struct seen {
    asker *of;
    size_t i;
    size_t layers;
    float attention[LAYERS][HEADS * LONGEST * LONGEST];
    double erank[LAYERS][HEADS];
} seen;

struct asker {
    pthread_t thread;
    rkv_model *model;
    size_t n, begun, ended;
    size_t ahead; /* the most that were begun and not ended */
    seen seen[PROMPTS];
    rkv_analysis *analyses[PROMPTS];
    size_t told; /* the prompt whose progress was told last */
    /* Where it fails, a prompt; SIZE_MAX: nowhere. */
    size_t fails_to_begin, fails_to_end, fails_at_layer;
    size_t reports_left; /* until it wants no more */
};

static asker *asker_new(const char *devices, size_t n) {
    asker *a = calloc(1, sizeof *a);
    *a = (asker){.thread = pthread_self(), .n = n, .reports_left = SIZE_MAX};
    a->fails_to_begin = a->fails_to_end = a->fails_at_layer = SIZE_MAX;
    a->model = host_model_open_several(devices, real);
    for (size_t i = 0; i < n; i++)
        a->seen[i].of = a, a->seen[i].i = i;
    return a;
}

static void asker_close_model(asker *a) {
    if (!a->model) return;
    rkv_model_close(a->model);
    a->model = NULL;
    assert_int_equal(host_device_live(), 0);
}

static void asker_free(asker *a) {
    for (size_t i = 0; i < a->n; i++)
        rkv_analysis_free(a->analyses[i]);
    asker_close_model(a);
    free(a);
}

static rkv_status begin(void *user, size_t i) {
    asker *a = user;
    assert_true(pthread_equal(a->thread, pthread_self()));
    assert_int_equal(i, a->begun++);
    if (a->begun - a->ended > a->ahead) a->ahead = a->begun - a->ended;
    return i == a->fails_to_begin ? rkv_fail(RKV_CANNOT_CREATE, "no folder for %zu", i) : RKV_OK;
}

static rkv_status end(void *user, size_t i, rkv_analysis *analysis) {
    asker *a = user;
    assert_true(pthread_equal(a->thread, pthread_self()));
    assert_int_equal(i, a->ended++);
    a->analyses[i] = analysis;
    return i == a->fails_to_end ? rkv_fail(RKV_IO, "no room for %zu", i) : RKV_OK;
}

static rkv_status keep(void *user, const rkv_layer *layer) {
    seen *s = user;
    size_t n = layer->n_heads * layer->n_tokens * layer->n_tokens;
    assert_true(pthread_equal(s->of->thread, pthread_self()));
    assert_int_equal(layer->index, s->layers++);
    memcpy(s->attention[layer->index], layer->attention, n * sizeof(float));
    memcpy(s->erank[layer->index], layer->erank, sizeof *s->erank);
    if (s->i == s->of->fails_at_layer && layer->index == 1)
        return rkv_fail(RKV_IO, "layer %zu of %zu", layer->index, s->i);
    return RKV_OK;
}

/* One prompt at a time, in their order. */
static int follow(void *user, const char *stage, size_t done, size_t total) {
    seen *s = user;
    assert_true(pthread_equal(s->of->thread, pthread_self()));
    assert_string_equal(stage, "analyze");
    assert_true(done <= total && total == LAYERS);
    assert_true(s->i == s->of->ended && s->i >= s->of->told);
    s->of->told = s->i;
    return s->of->reports_left-- == 0;
}

static rkv_prompt prompt_of(asker *a, size_t i, bool watched) {
    return (rkv_prompt){.ids = ids,
                        .n = lengths[i],
                        .options = {.prompt_name = names[i],
                                    .on_layer = watched ? keep : NULL,
                                    .user = &a->seen[i],
                                    .progress = {follow, &a->seen[i]}}};
}

static rkv_status ask(asker *a, bool watched, bool end_uses_model) {
    rkv_analyze_all_options options = {
        .begin = begin, .end = end, .user = a, .end_uses_model = end_uses_model};
    rkv_prompt prompts[PROMPTS];
    for (size_t i = 0; i < a->n; i++)
        prompts[i] = prompt_of(a, i, watched);
    return rkv_analyze_all(a->model, prompts, a->n, &options);
}

/* What comes of it on one device. */
static asker *ask_one_device(size_t n, bool watched) {
    asker *a = asker_new("cuda:0", n);
    if (ask(a, watched, false)) fail_msg("%s", rkv_message());
    assert_int_equal(a->ended, n);
    assert_int_equal(a->ahead, 1);
    asker_close_model(a);
    return a;
}

/* ---- the same as on one device ---- */

static void assert_same(const asker *a, const asker *b, bool watched) {
    for (size_t i = 0; i < a->n; i++) {
        assert_same_analysis(a->analyses[i], b->analyses[i]);
        if (!watched) continue;
        assert_int_equal(a->seen[i].layers, LAYERS);
        assert_memory_equal(a->seen[i].attention, b->seen[i].attention, sizeof a->seen[i].attention);
        assert_memory_equal(a->seen[i].erank, b->seen[i].erank, sizeof a->seen[i].erank);
    }
}

/* Fewer prompts than devices, as many, more, and some that are left over. */
static void test_as_many_prompts_as_there_are(void **state) {
    (void)state;
    static const char *const devices[] = {"cuda:0,1", "cuda:2,0,1"};
    for (size_t n = 1; n <= PROMPTS; n++)
        for (int watched = 0; watched < 2; watched++) {
            asker *one = ask_one_device(n, watched);
            for (size_t d = 0; d < (real ? 1 : 2); d++) {
                asker *several = asker_new(devices[d], n);
                size_t n_devices = several->model->backend->n_helpers;
                if (ask(several, watched, false)) fail_msg("%s", rkv_message());
                assert_int_equal(several->ended, n);
                assert_true(several->ahead <= 2 * n_devices);
                if (n >= n_devices) assert_true(several->ahead >= n_devices);
                assert_same(one, several, watched);
                assert_string_equal(several->analyses[0]->device, several->model->backend->device);
                asker_free(several);
            }
            asker_free(one);
        }
}

/* Each device holds the weights when it reads prompts, and the first alone when it is helped. */
static void test_every_device_reads(void **state) {
    (void)state;
    for (size_t n = 1; n <= 4; n++) {
        asker *a = asker_new("cuda:0,1,2", n);
        size_t weights = HOST_DEVICE_OPENED +
                         LAYERS * rkv_layer_weights_bytes(a->model->backend, a->model->tensors.layers);
        assert_int_equal(ask(a, false, false), RKV_OK);
        assert_true(host_device_peak(0) > weights);
        for (int device = 1; device < 3; device++)
            assert_int_equal(host_device_peak(device) > weights, n >= 3);
        asker_free(a);
    }
}

/* What ends a prompt may work with the model: nobody else does then. */
static rkv_status end_with_the_model(void *user, size_t i, rkv_analysis *analysis) {
    asker *a = user;
    rkv_prefill_result result;
    a->ended++;
    a->analyses[i] = analysis;
    size_t held = host_device_bytes();
    rkv_status status = rkv_prefill(a->model, ids, LONGEST, NULL, &result);
    if (status) return status;
    assert_int_equal(host_device_bytes(), held); /* a prompt that was read there meanwhile would show */
    rkv_prefill_result_clear(&result);
    return RKV_OK;
}

static void test_the_model_is_left_alone(void **state) {
    (void)state;
    asker *one = ask_one_device(PROMPTS, false), *two = asker_new("cuda:0,1", PROMPTS);
    rkv_prompt prompts[PROMPTS];
    for (size_t i = 0; i < PROMPTS; i++)
        prompts[i] = prompt_of(two, i, false);
    rkv_analyze_all_options options = {.end = end_with_the_model, .user = two, .end_uses_model = true};
    if (rkv_analyze_all(two->model, prompts, PROMPTS, &options)) fail_msg("%s", rkv_message());
    assert_same(one, two, false);
    asker_free(one);
    asker_free(two);
}

/* ---- failures ---- */

/* Those before the one that fails have ended, it has not, and nothing is left. */
static void check_failure(asker *a, rkv_status expected, const char *words, size_t ended) {
    assert_int_equal(ask(a, true, false), expected);
    if (!strstr(rkv_message(), words)) fail_msg("%s", rkv_message());
    assert_int_equal(a->ended, ended);
    asker_free(a);
}

static void test_a_prompt_fails(void **state) {
    (void)state;
    for (size_t i = 0; i < PROMPTS; i++) {
        char words[64];
        asker *a = asker_new("cuda:0,1,2", PROMPTS);
        a->fails_to_begin = i;
        snprintf(words, sizeof words, "no folder for %zu", i);
        check_failure(a, RKV_CANNOT_CREATE, words, i);
        a = asker_new("cuda:0,1,2", PROMPTS);
        a->fails_to_end = i;
        snprintf(words, sizeof words, "no room for %zu", i);
        check_failure(a, RKV_IO, words, i + 1);
        a = asker_new("cuda:0,1,2", PROMPTS);
        a->fails_at_layer = i;
        snprintf(words, sizeof words, "layer 1 of %zu", i);
        check_failure(a, RKV_IO, words, i);
    }
}

/* The first of two that fail is told, whichever comes to it first. */
static void test_two_prompts_fail(void **state) {
    (void)state;
    asker *a = asker_new("cuda:0,1", 4);
    a->fails_at_layer = 1; /* the longest */
    a->fails_to_begin = 2;
    check_failure(a, RKV_IO, "layer 1 of 1", 1);
}

static void test_a_prompt_that_cannot_be(void **state) {
    (void)state;
    asker *a = asker_new("cuda:0,1", 4);
    rkv_prompt prompts[4];
    rkv_analyze_all_options options = {.begin = begin, .end = end, .user = a};
    for (size_t i = 0; i < 4; i++)
        prompts[i] = prompt_of(a, i, false);
    const int32_t foreign[] = {0, -3};
    prompts[2].ids = foreign, prompts[2].n = 2;
    assert_int_equal(rkv_analyze_all(a->model, prompts, 4, &options), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "token 1 of the prompt is -3"));
    assert_int_equal(a->ended, 2);
    asker_free(a);
}

/* Memory of the second device runs out, at any allocation. */
static void test_the_second_device_fails(void **state) {
    (void)state;
    size_t failures = 0;
    for (size_t k = 1;; k += 17) {
        asker *a = asker_new("cuda:0,1", 4);
        host_device_fail_at_on(1, k);
        rkv_status status = ask(a, true, false);
        bool failed = host_device_fail_at(0) == 0;
        if (status) {
            assert_int_equal(status, RKV_NO_MEMORY);
            assert_non_null(strstr(rkv_message(), "out of memory on cuda:1 host"));
            assert_true(a->ended < 4);
            failures++;
        }
        asker_free(a);
        if (!failed) break;
    }
    assert_true(failures > 3);
}

/* Wherever the prompts are when it is no longer wanted. */
static void test_stopped_meanwhile(void **state) {
    (void)state;
    for (size_t k = 0; k < 2 * LAYERS; k++) {
        asker *a = asker_new("cuda:0,1,2", PROMPTS);
        a->reports_left = k;
        rkv_status status = ask(a, k % 2, false);
        assert_true(status == RKV_CANCELLED);
        assert_true(a->ended < PROMPTS);
        asker_free(a);
    }
}

/* ---- memory ---- */

/* A device that does not hold the weights ranks layers. */
static void test_a_device_is_too_small(void **state) {
    (void)state;
    char reason[512];
    size_t lanes, needed = 0;
    asker *one = ask_one_device(4, false), *two = asker_new("cuda:0,1", 4);
    rkv_prompt prompts[4];
    for (size_t i = 0; i < 4; i++)
        prompts[i] = prompt_of(two, i, false);
    assert_int_equal(rkv_analyze_lanes(&lanes, two->model, prompts, 4, reason, sizeof reason), RKV_OK);
    assert_int_equal(lanes, 2);
    assert_string_equal(reason, "");
    assert_int_equal(rkv_analyze_lanes(&lanes, two->model, prompts, 1, reason, sizeof reason), RKV_OK);
    assert_int_equal(lanes, 1);
    assert_string_equal(reason, "");
    size_t weights = LAYERS * rkv_layer_weights_bytes(two->model->backend, two->model->tensors.layers);
    host_device_set_free_on(1, weights);
    assert_int_equal(rkv_analyze_lanes(&lanes, two->model, prompts, 4, reason, sizeof reason), RKV_OK);
    assert_int_equal(lanes, 1);
    const char *number = strstr(reason, "a whole prompt of 7 tokens needs ");
    assert_non_null(number);
    assert_int_equal(
        sscanf(number, "a whole prompt of 7 tokens needs %zu bytes of the memory of cuda:1 host", &needed),
        1);
    assert_int_equal(ask(two, false, false), RKV_OK);
    assert_int_equal(two->ahead, 1);
    assert_true(host_device_peak(1) > HOST_DEVICE_OPENED);
    assert_true(host_device_peak(1) - HOST_DEVICE_OPENED < weights);
    assert_same(one, two, false);
    asker_free(two);

    two = asker_new("cuda:0,1", 4);
    host_device_set_free_on(1, needed - HOST_DEVICE_OPENED);
    assert_int_equal(ask(two, false, false), RKV_OK);
    assert_true(two->ahead > 1);
    assert_int_equal(host_device_peak(1), needed);
    host_device_set_free_on(1, 0);
    asker_free(one);
    asker_free(two);
}

/* The needs of each device, of a prompt that one reads and of one whose layers are spread. */
static void test_needs_of_every_device(void **state) {
    (void)state;
    for (int alone = 0; alone < 2; alone++) {
        asker *a = asker_new("cuda:0,1,2", 3);
        rkv_prompt prompt = prompt_of(a, 1, false);
        rkv_memory_needs *needs;
        size_t n;
        if (rkv_analyze_device_needs(&needs, &n, a->model, &prompt, alone)) fail_msg("%s", rkv_message());
        assert_int_equal(n, 3);
        size_t attention = HEADS * LONGEST * LONGEST * sizeof(float);
        for (size_t i = 0; i < n; i++) {
            char name[32];
            snprintf(name, sizeof name, "cuda:%zu host", i);
            assert_string_equal(needs[i].device, name);
            assert_int_equal(needs[i].attention_bytes, i == 0 && !alone ? 2 * attention : attention);
            assert_int_equal(needs[i].weights_bytes > 0, alone || i == 0);
            assert_int_equal(needs[i].needed_bytes,
                             needs[i].held_bytes + needs[i].weights_bytes + needs[i].attention_bytes +
                                 needs[i].activations_bytes + needs[i].workspace_bytes);
        }
        a->n = alone ? 3 : 1;
        rkv_prompt prompts[] = {prompt, prompt, prompt};
        rkv_analyze_all_options options = {.end = end, .user = a};
        for (size_t i = 0; i < 3; i++)
            prompts[i].options.progress = (rkv_progress){0};
        assert_int_equal(rkv_analyze_all(a->model, prompts, a->n, &options), RKV_OK);
        for (int i = 0; i < 3; i++) {
            assert_true(host_device_peak(i) <= needs[i].needed_bytes);
            size_t held = needs[i].held_bytes;
            assert_true(host_device_peak(i) - held > (needs[i].needed_bytes - held) * 9 / 10);
        }
        rkv_free(needs);
        asker_free(a);
    }
}

/* 77: there are not two. */
static int test_on_gpus(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_many_prompts_as_there_are)};
    if (!gpu_is_there("cuda:0,1")) return GPU_IS_MISSING;
    real = true;
    return cmocka_run_group_tests(tests, make_model, remove_model);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_prompts_as_there_are),
        cmocka_unit_test(test_every_device_reads),
        cmocka_unit_test(test_the_model_is_left_alone),
        cmocka_unit_test(test_a_prompt_fails),
        cmocka_unit_test(test_two_prompts_fail),
        cmocka_unit_test(test_a_prompt_that_cannot_be),
        cmocka_unit_test(test_the_second_device_fails),
        cmocka_unit_test(test_stopped_meanwhile),
        cmocka_unit_test(test_a_device_is_too_small),
        cmocka_unit_test(test_needs_of_every_device),
    };
    (void)argv;
    return argc > 1 ? test_on_gpus() : cmocka_run_group_tests(tests, make_model, remove_model);
}
