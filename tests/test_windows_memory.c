/* test_windows_memory.c: the k-th allocation fails, for every k: cutting, hiding, writing and reading windows
 * and reading texts say so and leave what there was; nothing leaks (the sanitizers' build looks). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/eval.h>

#include "support/failing_allocator.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define N 2000

static rkv_model *model;
static int32_t ids[N];

static rkv_status cut(rkv_windows *windows) {
    const rkv_cut how = {.context = 50, .continuation = 10, .count = 3, .random = true};
    return rkv_windows_cut(windows, "text", ids, N, &how);
}

static rkv_status copy(rkv_windows *windows) {
    return rkv_windows_add_copy(windows, 0, 5, 10);
}

static rkv_status hide_passkeys(rkv_windows *windows) {
    const rkv_haystack how = {.task = RKV_TASK_PASSKEY, .context = 400, .count = 1};
    return rkv_windows_add_haystack(windows, model, "text", ids, N, &how);
}

static rkv_status hide_pairs(rkv_windows *windows) {
    const rkv_haystack how = {
        .task = RKV_TASK_RECALL, .context = 800, .count = 1, .n_pairs = 3, .query_aware = true};
    return rkv_windows_add_haystack(windows, model, "text", ids, N, &how);
}

static rkv_status save(rkv_windows *windows) {
    return rkv_windows_save(windows, temporary_path("windows.json"));
}

static rkv_status load(rkv_windows *windows) {
    return rkv_windows_load(windows, temporary_path("more.json"), 3, tiny_model_n_vocab());
}

static rkv_status read_texts(rkv_windows *windows) {
    (void)windows;
    rkv_corpus corpus = {0};
    rkv_status status = rkv_corpus_load(&corpus, temporary_path("text.txt"));
    size_t before = corpus.n;
    if (!status) status = rkv_corpus_load(&corpus, temporary_path("text.jsonl"));
    assert_int_equal(corpus.n, status ? before : 3);
    rkv_corpus_clear(&corpus);
    return status;
}

static const struct work {
    rkv_status (*run)(rkv_windows *windows);
    bool does_without; /* syncing the folder of a file that is written is an extra, whose memory may be
                          missing */
} works[] = {{cut, false}, {copy, false}, {hide_passkeys, false}, {hide_pairs, false},
             {save, true}, {load, false}, {read_texts, false}};

static size_t count_questions(const rkv_windows *windows) {
    size_t n = 0;
    for (size_t i = 0; i < windows->n; i++)
        n += windows->items[i].n_questions;
    return n;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        rkv_windows windows = {0};
        assert_int_equal(cut(&windows), RKV_OK);
        for (long k = 0;; k++) {
            size_t n = windows.n, questions = count_questions(&windows);
            allocation_failed = false;
            allocations_left = k;
            rkv_status status = works[i].run(&windows);
            allocations_left = -1;
            if (!allocation_failed) {
                assert_int_equal(status, RKV_OK);
                assert_true(k > 2);
                break;
            }
            if (!works[i].does_without || status) assert_int_equal(status, RKV_NO_MEMORY);
            assert_int_equal(windows.n, n);
            assert_int_equal(count_questions(&windows), questions);
        }
        rkv_windows_clear(&windows);
    }
}

static void put(const char *name, const char *bytes) {
    temporary_write(temporary_path(name), bytes, strlen(bytes));
}

static int make_files(void **state) {
    (void)state;
    static const char sentence[] = " It goes by.";
    const rkv_model_options vocabulary = {.vocabulary_only = true};
    temporary_make();
    put("text.txt", "Text.");
    put("text.jsonl", "{\"text\": \"One.\"}\n{\"name\": \"two\", \"text\": \"Two.\"}\n");
    put("more.json",
        "[{\"book\": \"emma\", \"token_ids\": [1, 2, 3, 4, 5]}, {\"name\": \"a\", \"context\": [1], "
        "\"questions\": [{\"ids\": [1]}, {\"ids\": [2]}, {\"ids\": [3]}]}]");
    for (size_t i = 0; i < N; i++)
        ids[i] = TINY_MODEL_FIRST_BYTE + sentence[i % (sizeof sentence - 1)];
    if (tiny_model_write(temporary_path("tiny.gguf"), NULL)) return 1;
    return rkv_model_open(&model, temporary_path("tiny.gguf"), &vocabulary) != RKV_OK;
}

static int drop_files(void **state) {
    (void)state;
    rkv_model_close(model);
    temporary_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, make_files, drop_files);
}
