/* test_tokenizer_cases.c: the same ids as llama.cpp, on every line of tests/ref/tokenizer_*.jsonl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/file.h"
#include "core/text.h"
#include "model/pretokenizer.h"
#include "support/byte_vocabulary.h"
#include "support/default_model.h"

static void show(const char *what, const int32_t *ids, size_t n) {
    print_error("  %s:", what);
    for (size_t i = 0; i < n; i++)
        print_error(" %d", ids[i]);
    print_error("\n");
}

/* Whether text gets the ids of the case; says what is wrong. */
static bool case_holds(const rkv_tokenizer *tokenizer, json_t *line) {
    json_t *text = json_object_get(line, "text"), *want = json_object_get(line, "ids");
    rkv_tokenize_options options = {.parse_special = json_is_true(json_object_get(line, "parse_special")),
                                    .add_bos = json_is_true(json_object_get(line, "add_bos"))};
    int32_t *ids, expected[4096];
    size_t n;
    for (size_t i = 0; i < json_array_size(want); i++)
        expected[i] = (int32_t)json_integer_value(json_array_get(want, i));
    assert_int_equal(rkv_tokenizer_encode(tokenizer, json_string_value(text), json_string_length(text),
                                          &options, &ids, &n),
                     RKV_OK);
    bool same = n == json_array_size(want) && memcmp(ids, expected, n * sizeof *ids) == 0;
    if (!same) {
        char *shown = json_dumps(line, JSON_COMPACT);
        print_error("%s\n", shown);
        show("got", ids, n);
        free(shown);
    }
    free(ids);
    return same;
}

/* Calls check for each line of a file; the number of lines. */
static size_t for_each_line(const char *name, void (*check)(void *user, json_t *line), void *user) {
    char path[1024], *bytes, *rest, *at = NULL;
    size_t length, n = 0;
    snprintf(path, sizeof path, RKV_TEST_DIR "/ref/%s", name);
    assert_int_equal(rkv_read_file(path, 1 << 20, &bytes, &length), RKV_OK);
    for (at = strtok_r(bytes, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest), n++) {
        json_error_t error;
        json_t *line = json_loads(at, JSON_ALLOW_NUL, &error);
        if (!line) fail_msg("%s: %s", path, error.text);
        check(user, line);
        json_decref(line);
    }
    free(bytes);
    return n;
}

/* ---- the default model ---- */

typedef struct tally {
    const rkv_tokenizer *tokenizer;
    const char *pre; /* only lines with this one; NULL: every line */
    size_t checked, wrong;
} tally;

static void check_line(void *user, json_t *line) {
    tally *t = user;
    const char *pre = json_string_value(json_object_get(line, "pre"));
    if (t->pre && strcmp(t->pre, pre) != 0) return;
    t->checked++;
    t->wrong += !case_holds(t->tokenizer, line);
}

static void test_default_model(void **state) {
    (void)state;
    rkv_gguf *file;
    rkv_tokenizer *tokenizer;
    if (rkv_gguf_open(&file, default_model_or_skip())) fail_msg("%s", rkv_message());
    if (rkv_tokenizer_new(&tokenizer, file)) fail_msg("%s", rkv_message());
    rkv_gguf_close(file);
    tally t = {.tokenizer = tokenizer};
    assert_int_equal(for_each_line("tokenizer_cases.jsonl", check_line, &t), 80);
    assert_true(for_each_line("tokenizer_model_cases.jsonl", check_line, &t) > 100);
    assert_int_equal(t.wrong, 0);
    rkv_tokenizer_free(tokenizer);
}

/* ---- the vocabulary of pairs, under every pre-tokenizer ---- */

static void test_every_pretokenizer(void **state) {
    (void)state;
    byte_vocabulary vocabulary;
    byte_vocabulary_init(&vocabulary);
    byte_vocabulary_pairs(&vocabulary);
    const rkv_pretokenizer_row *row;
    for (size_t i = 0; (row = rkv_pretokenizer_row_at(i)); i++) {
        tally t = {.pre = row->names[0]};
        vocabulary.source.pre = (rkv_gguf_string){t.pre, strlen(t.pre)};
        rkv_tokenizer *tokenizer = byte_vocabulary_build(&vocabulary);
        t.tokenizer = tokenizer;
        for_each_line("tokenizer_pair_cases.jsonl", check_line, &t);
        if (t.wrong || t.checked < 50) fail_msg("%s: %zu of %zu cases differ", t.pre, t.wrong, t.checked);
        rkv_tokenizer_free(tokenizer);
    }
    byte_vocabulary_clear(&vocabulary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_model),
        cmocka_unit_test(test_every_pretokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
