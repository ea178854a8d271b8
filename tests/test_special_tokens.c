/* test_special_tokens.c: special tokens in text, held to a search for one token after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/text.h"
#include "model/special_tokens.h"

#define TEXT_MAX          64
#define LONG_TEXT_BYTES   1000000
#define LONG_TEXT_LIMIT_S 20.0 /* for a sanitized build on a busy machine */

/* ---- the plain search: what llama.cpp does ---- */

typedef struct plain {
    int32_t owner[TEXT_MAX]; /* the token that a byte is in, -1: none */
    bool start[TEXT_MAX];    /* a token starts here */
} plain;

static bool is_free(const plain *p, size_t at, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (p->owner[at + i] >= 0) return false;
    return true;
}

static void plain_place(const rkv_vocabulary *v, int32_t id, const char *text, size_t length, plain *p) {
    size_t n;
    const char *token = rkv_vocabulary_text(v, id, &n);
    for (size_t at = 0; at + n <= length; at++) {
        if (memcmp(text + at, token, n) != 0 || !is_free(p, at, n)) continue;
        for (size_t i = 0; i < n; i++)
            p->owner[at + i] = id;
        p->start[at] = true;
    }
}

static void plain_find(const rkv_vocabulary *v, const char *text, size_t length, bool control, plain *p) {
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < TEXT_MAX; i++)
        p->owner[i] = -1;
    for (size_t n = rkv_vocabulary_longest(v); n > 0; n--)
        for (int32_t id = 0; id < (int32_t)rkv_vocabulary_size(v); id++) {
            size_t size;
            rkv_vocabulary_text(v, id, &size);
            bool sought = rkv_vocabulary_type(v, id) == RKV_TOKEN_USER_DEFINED ||
                          (control && rkv_vocabulary_is_special(v, id));
            if (sought && size == n) plain_place(v, id, text, length, p);
        }
}

static void assert_as_plain(const rkv_vocabulary *v, const rkv_special_tokens *tokens, const char *text,
                            size_t length, bool control) {
    plain want;
    rkv_special_match *matches;
    size_t n, next = 0;
    plain_find(v, text, length, control, &want);
    assert_int_equal(rkv_special_tokens_find(tokens, text, length, control, &matches, &n), RKV_OK);
    for (size_t i = 0; i < length; i++) {
        if (!want.start[i]) continue;
        assert_true(next < n);
        assert_int_equal(matches[next].offset, i);
        assert_int_equal(matches[next++].id, want.owner[i]);
    }
    assert_int_equal(next, n);
    free(matches);
}

/* ---- */

static void make(rkv_vocabulary **v, rkv_special_tokens **tokens, const rkv_gguf_string *texts, size_t n,
                 const int64_t *types) {
    if (rkv_vocabulary_new(v, texts, n, types)) fail_msg("%s", rkv_message());
    if (rkv_special_tokens_new(tokens, *v)) fail_msg("%s", rkv_message());
}

static void random_word(rkv_random *random, char *word, size_t length, unsigned letters) {
    for (size_t i = 0; i < length; i++)
        word[i] = (char)('a' + rkv_random_below(random, letters));
}

static void test_finds_as_the_plain_search(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        rkv_random random = {seed};
        unsigned letters = 1 + seed % 3;
        char words[12][8], text[TEXT_MAX];
        rkv_gguf_string texts[12];
        int64_t types[12];
        size_t n = 0;
        for (int attempt = 0; attempt < 12; attempt++) {
            size_t length = 1 + rkv_random_below(&random, 7);
            random_word(&random, words[n], length, letters);
            texts[n] = (rkv_gguf_string){words[n], length};
            types[n] = 1 + (int64_t)rkv_random_below(&random, 4);
            bool again = false;
            for (size_t i = 0; i < n; i++)
                again |= texts[i].length == length && memcmp(words[i], words[n], length) == 0;
            n += !again;
        }
        rkv_vocabulary *v;
        rkv_special_tokens *tokens;
        make(&v, &tokens, texts, n, types);
        for (int i = 0; i < 50; i++) {
            size_t length = rkv_random_below(&random, TEXT_MAX + 1);
            random_word(&random, text, length, letters);
            assert_as_plain(v, tokens, text, length, i % 2);
        }
        rkv_special_tokens_free(tokens);
        rkv_vocabulary_free(v);
    }
}

/* The longest of the whole text goes first, not the leftmost. */
static void test_longest_goes_first(void **state) {
    (void)state;
    static const rkv_gguf_string texts[] = {{"abc", 3}, {"bcde", 4}, {"a\0b", 3}};
    static const int64_t types[] = {3, 3, 3};
    rkv_vocabulary *v;
    rkv_special_tokens *tokens;
    rkv_special_match *matches;
    size_t n;
    make(&v, &tokens, texts, 3, types);
    assert_int_equal(rkv_special_tokens_find(tokens, "abcdeabca\0b", 11, true, &matches, &n), RKV_OK);
    assert_int_equal(n, 3);
    assert_true(matches[0].offset == 1 && matches[0].id == 1 && matches[0].length == 4);
    assert_true(matches[1].offset == 5 && matches[1].id == 0 && matches[1].length == 3);
    assert_true(matches[2].offset == 8 && matches[2].id == 2 && matches[2].length == 3);
    free(matches);
    assert_int_equal(rkv_special_tokens_find(tokens, "abcde", 5, false, &matches, &n), RKV_OK);
    assert_int_equal(n, 0);
    assert_null(matches);
    rkv_special_tokens_free(tokens);
    rkv_vocabulary_free(v);
}

/* Runs of spaces of every length to 24, as some vocabularies have, over a text of nothing else. */
static void test_long_text_takes_little_time(void **state) {
    (void)state;
    rkv_gguf_string texts[24];
    int64_t types[24];
    char *text;
    assert_int_equal(rkv_alloc_raw(&text, LONG_TEXT_BYTES, 1), RKV_OK);
    memset(text, ' ', LONG_TEXT_BYTES);
    for (size_t i = 0; i < 24; i++) {
        texts[i] = (rkv_gguf_string){text, i + 1};
        types[i] = RKV_TOKEN_USER_DEFINED;
    }
    rkv_vocabulary *v;
    rkv_special_tokens *tokens;
    rkv_special_match *matches;
    size_t n;
    make(&v, &tokens, texts, 24, types);
    double start = rkv_now_s();
    assert_int_equal(rkv_special_tokens_find(tokens, text, LONG_TEXT_BYTES, false, &matches, &n), RKV_OK);
    double seconds = rkv_now_s() - start;
    print_message("a text of %d spaces: %.1f ms\n", LONG_TEXT_BYTES, 1e3 * seconds);
    assert_true(seconds < LONG_TEXT_LIMIT_S);
    assert_int_equal(n, (LONG_TEXT_BYTES + 23) / 24);
    free(matches);
    rkv_special_tokens_free(tokens);
    rkv_vocabulary_free(v);
    free(text);
}

static void test_special_tokens_too_long(void **state) {
    (void)state;
    char text[RKV_SPECIAL_TOKEN_MAX + 1];
    memset(text, 'x', sizeof text);
    rkv_gguf_string tokens[] = {{text, RKV_SPECIAL_TOKEN_MAX}, {text, sizeof text}};
    rkv_vocabulary *v;
    rkv_special_tokens *special;
    assert_int_equal(rkv_vocabulary_new(&v, tokens, 2, (int64_t[]){3, 1}), RKV_OK);
    assert_int_equal(rkv_special_tokens_new(&special, v), RKV_OK);
    rkv_special_tokens_free(special);
    rkv_vocabulary_free(v);
    assert_int_equal(rkv_vocabulary_new(&v, tokens, 2, (int64_t[]){3, 3}), RKV_OK);
    assert_int_equal(rkv_special_tokens_new(&special, v), RKV_DATA);
    assert_null(special);
    assert_string_equal(rkv_message(),
                        "tokenizer.ggml.tokens[1] is a special token of 1025 bytes; the limit is 1024");
    rkv_vocabulary_free(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_as_the_plain_search),
        cmocka_unit_test(test_longest_goes_first),
        cmocka_unit_test(test_long_text_takes_little_time),
        cmocka_unit_test(test_special_tokens_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
