/* test_tokenizer.c: text to ids and back, from several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/random.h"
#include "model/vocabulary.h"
#include "support/byte_vocabulary.h"
#include "support/default_model.h"

/* The aim is 30 ms; the rest is for a sanitized build on a busy machine. */
#define LOAD_LIMIT_S 1.0

static rkv_tokenizer *default_tokenizer(void) {
    rkv_gguf *file;
    rkv_tokenizer *tokenizer;
    if (rkv_gguf_open(&file, default_model_or_skip())) fail_msg("%s", rkv_message());
    double start = rkv_now_s();
    if (rkv_tokenizer_new(&tokenizer, file)) fail_msg("%s", rkv_message());
    double seconds = rkv_now_s() - start;
    print_message("loaded in %.1f ms\n", 1e3 * seconds);
    assert_true(seconds < LOAD_LIMIT_S);
    rkv_gguf_close(file); /* the tokenizer keeps nothing of it */
    return tokenizer;
}

/* A vocabulary with merges over a .. d, and special tokens. */
static rkv_tokenizer *small_tokenizer(void) {
    byte_vocabulary v;
    byte_vocabulary_init(&v);
    byte_vocabulary_grow(&v, 5, 60);
    v.source.bos = byte_vocabulary_add(&v, "<s>", RKV_TOKEN_CONTROL);
    v.source.eos = byte_vocabulary_add(&v, "</s>", RKV_TOKEN_CONTROL);
    byte_vocabulary_add(&v, "<tab>", RKV_TOKEN_USER_DEFINED);
    rkv_tokenizer *tokenizer = byte_vocabulary_build(&v);
    byte_vocabulary_clear(&v);
    return tokenizer;
}

/* ---- there and back ---- */

/* Bytes that the vocabulary has a token for, marked. */
static void find_bytes(const rkv_tokenizer *t, bool present[256]) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        int32_t *ids;
        size_t n;
        assert_int_equal(rkv_tokenizer_encode(t, &c, 1, NULL, &ids, &n), RKV_OK);
        present[byte] = n == 1;
        rkv_free(ids);
    }
}

/* Encodes and decodes: the text again, without the bytes that have no token. */
static void assert_returns(const rkv_tokenizer *t, const bool present[256], const char *text, size_t length,
                           bool parse_special) {
    int32_t *ids;
    char *back;
    size_t n, back_length, kept = 0;
    rkv_tokenize_options options = {.parse_special = parse_special};
    assert_int_equal(rkv_tokenizer_encode(t, text, length, &options, &ids, &n), RKV_OK);
    assert_int_equal(rkv_tokenizer_decode(t, ids, n, &back, &back_length), RKV_OK);
    for (size_t i = 0; i < length; i++) {
        if (!present[(unsigned char)text[i]]) continue;
        assert_true(kept < back_length);
        assert_int_equal(back[kept++], text[i]);
    }
    assert_int_equal(kept, back_length);
    assert_int_equal(back[back_length], '\0');
    rkv_free(ids);
    rkv_free(back);
}

/* Random bytes; text with single bytes gone wrong; letters, digits, white space and special tokens. */
static size_t random_text(rkv_random *random, char *text, size_t limit) {
    static const char *const parts[] = {"a",        "bcd",          " ",      "  ",           "\n",
                                        "12",       "\0x",          "\u00e9", "\u4e2d\u6587", "\U0001F44D",
                                        "<s>",      "</s",          "<tab>",  "<|im_start|>", "\xF0\x9F",
                                        "\xC0\x80", "\xED\xA0\x80", "\xFF"};
    size_t length = rkv_random_below(random, limit), kind = rkv_random_below(random, 3), at = 0;
    while (kind && at + 16 < length) {
        const char *part = parts[rkv_random_below(random, sizeof parts / sizeof *parts)];
        size_t n = *part ? strlen(part) : 2;
        memcpy(text + at, part, n);
        at += n;
    }
    for (; at < length; at++)
        text[at] = (char)rkv_random_next(random);
    if (kind == 2 && length) text[rkv_random_below(random, length)] = (char)rkv_random_next(random);
    return length;
}

static void check_round_trips(const rkv_tokenizer *t, size_t missing) {
    bool present[256];
    size_t absent = 0;
    char text[256];
    rkv_random random = {11};
    find_bytes(t, present);
    for (unsigned byte = 0; byte < 256; byte++)
        absent += !present[byte];
    assert_int_equal(absent, missing);
    for (int i = 0; i < 4000; i++) {
        size_t length = random_text(&random, text, sizeof text);
        assert_returns(t, present, text, length, i % 2);
    }
}

static void test_every_byte_string_returns(void **state) {
    (void)state;
    rkv_tokenizer *t = small_tokenizer();
    check_round_trips(t, 0);
    rkv_tokenizer_free(t);
}

/* SmolLM2 has no token for 0x04, 0x06, 0x13, 0x14, 0x16, 0x1D and 15 bytes that UTF-8 hardly or never uses.
 */
static void test_every_byte_string_returns_from_default_model(void **state) {
    (void)state;
    rkv_tokenizer *t = default_tokenizer();
    check_round_trips(t, 21);
    assert_int_equal(rkv_tokenizer_vocabulary_size(t), 49152);
    assert_int_equal(rkv_tokenizer_bos(t), 1);
    assert_int_equal(rkv_tokenizer_eos(t), 2);
    rkv_tokenizer_free(t);
}

/* ---- malformed UTF-8: byte by byte, a word of its own ---- */

static void test_malformed_bytes_are_kept(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int32_t ids[8];
        size_t n;
    } cases[] = {
        {"\xFF", {0xFF}, 1},
        {"\xC3", {0xC3}, 1},
        {"\xC0\x80", {0xC0, 0x80}, 2},
        {"\xED\xA0\x80z", {0xED, 0xA0, 0x80, 'z'}, 4},
        {"z\xF4\x90\x80\x80", {'z', 0xF4, 0x90, 0x80, 0x80}, 5},
        {"\xE4\xB8\xE4\xB8\xAD", {0xE4, 0xB8, 0xE4, 0xB8, 0xAD}, 5},
    };
    rkv_tokenizer *t = small_tokenizer();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t *ids;
        size_t n;
        assert_int_equal(rkv_tokenizer_encode(t, cases[i].text, strlen(cases[i].text), NULL, &ids, &n),
                         RKV_OK);
        assert_int_equal(n, cases[i].n);
        assert_memory_equal(ids, cases[i].ids, n * sizeof *ids);
        rkv_free(ids);
    }
    rkv_tokenizer_free(t);
}

/* ---- special tokens and begin of sequence ---- */

static void assert_encodes(const rkv_tokenizer *t, const char *text, rkv_tokenize_options options,
                           const int32_t *want, size_t n_want) {
    int32_t *ids;
    size_t n;
    assert_int_equal(rkv_tokenizer_encode(t, text, strlen(text), &options, &ids, &n), RKV_OK);
    assert_non_null(ids);
    assert_int_equal(n, n_want);
    assert_memory_equal(ids, want, n * sizeof *ids);
    rkv_free(ids);
}

static void test_special_tokens(void **state) {
    (void)state;
    rkv_tokenizer *t = small_tokenizer();
    int32_t bos = rkv_tokenizer_bos(t), eos = rkv_tokenizer_eos(t), tab = eos + 1;
    rkv_tokenize_options parse = {.parse_special = true}, plain = {0};
    assert_encodes(t, "", parse, NULL, 0);
    assert_encodes(t, "<s>x</s>", parse, (int32_t[]){bos, 'x', eos}, 3);
    assert_encodes(t, "<s>", plain, (int32_t[]){'<', 's', '>'}, 3);
    assert_encodes(t, "x<tab>", plain, (int32_t[]){'x', tab}, 2);
    assert_true(rkv_tokenizer_is_special(t, bos) && rkv_tokenizer_is_special(t, eos));
    assert_false(rkv_tokenizer_is_special(t, tab) || rkv_tokenizer_is_special(t, 'x'));
    assert_false(rkv_tokenizer_is_special(t, -1) || rkv_tokenizer_is_special(t, tab + 1));
    rkv_tokenizer_free(t);
}

/* The file's word counts; where it has none, the pre-tokenizer's; and the model must have the token. */
static void test_begin_of_sequence(void **state) {
    (void)state;
    static const struct {
        const char *pre;
        bool has_bos, has_flag, flag, added;
    } cases[] = {
        {"gpt-2", true, false, false, false},    {"gpt-2", true, true, true, true},
        {"llama-bpe", true, false, false, true}, {"llama-bpe", true, true, false, false},
        {"gpt-2", false, true, true, false},     {"llama-bpe", false, false, false, false},
    };
    byte_vocabulary v;
    byte_vocabulary_init(&v);
    int32_t bos = byte_vocabulary_add(&v, "<s>", RKV_TOKEN_CONTROL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        v.source.pre = (rkv_gguf_string){cases[i].pre, strlen(cases[i].pre)};
        v.source.bos = cases[i].has_bos ? bos : -1;
        v.source.has_add_bos = cases[i].has_flag;
        v.source.add_bos = cases[i].flag;
        rkv_tokenizer *t = byte_vocabulary_build(&v);
        assert_encodes(t, "x", (rkv_tokenize_options){.add_bos = true},
                       (int32_t[]){cases[i].added ? bos : 'x', 'x'}, cases[i].added ? 2 : 1);
        assert_encodes(t, "x", (rkv_tokenize_options){0}, (int32_t[]){'x'}, 1);
        assert_int_equal(rkv_tokenizer_bos(t), v.source.bos);
        rkv_tokenizer_free(t);
    }
    byte_vocabulary_clear(&v);
}

static void test_ids_outside_the_vocabulary(void **state) {
    (void)state;
    rkv_tokenizer *t = small_tokenizer();
    int32_t n = (int32_t)rkv_tokenizer_vocabulary_size(t), wrong[] = {-1, n, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t length = 7;
        char *text = NULL;
        assert_null(rkv_tokenizer_bytes(t, wrong[i], &length));
        assert_int_equal(rkv_tokenizer_decode(t, (int32_t[]){'a', wrong[i]}, 2, &text, &length), RKV_USAGE);
        assert_non_null(strstr(rkv_message(), "token 1 has id"));
    }
    rkv_tokenizer_free(t);
}

static void test_text_too_long(void **state) {
    (void)state;
    rkv_tokenizer *t = small_tokenizer();
    int32_t *ids = NULL;
    size_t n;
    assert_int_equal(rkv_tokenizer_encode(t, "", (size_t)INT32_MAX + 1, NULL, &ids, &n), RKV_USAGE);
    assert_null(ids);
    rkv_tokenizer_free(t);
}

static void test_threads_share_a_tokenizer(void **state) {
    (void)state;
    static const char text[] = "abcd dcba <s> bcbcbc 12 \u4e2d\xFF ddd";
    rkv_tokenizer *t = small_tokenizer();
    int32_t *want;
    size_t n_want;
    int wrong = 0;
    assert_int_equal(rkv_tokenizer_encode(t, text, strlen(text), NULL, &want, &n_want), RKV_OK);
#pragma omp parallel for reduction(+ : wrong)
    for (int i = 0; i < 400; i++) {
        int32_t *ids = NULL;
        size_t n = 0;
        wrong += rkv_tokenizer_encode(t, text, strlen(text), NULL, &ids, &n) != RKV_OK || n != n_want ||
                 memcmp(ids, want, n * sizeof *ids) != 0;
        rkv_free(ids);
    }
    assert_int_equal(wrong, 0);
    rkv_free(want);
    rkv_tokenizer_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_string_returns),
        cmocka_unit_test(test_every_byte_string_returns_from_default_model),
        cmocka_unit_test(test_malformed_bytes_are_kept),
        cmocka_unit_test(test_special_tokens),
        cmocka_unit_test(test_begin_of_sequence),
        cmocka_unit_test(test_ids_outside_the_vocabulary),
        cmocka_unit_test(test_text_too_long),
        cmocka_unit_test(test_threads_share_a_tokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
