/* test_bpe.c: merges held to the plain loop, long words, and merges that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/random.h"
#include "model/bpe.h"
#include "support/byte_vocabulary.h"

/* Generous, for a sanitized build on a busy machine: the plain loop would take minutes. */
#define LONG_WORD_BYTES   200000
#define LONG_WORD_LIMIT_S 5.0

typedef struct parts {
    byte_vocabulary source;
    rkv_vocabulary *vocabulary;
    rkv_bpe *bpe;
    rkv_bpe_scratch scratch;
    rkv_id_list ids;
} parts;

static void build(parts *p, bool whole_words) {
    const rkv_tokenizer_source *s = &p->source.source;
    if (rkv_vocabulary_new(&p->vocabulary, s->tokens, s->n_tokens, s->types)) fail_msg("%s", rkv_message());
    if (rkv_bpe_new(&p->bpe, p->vocabulary, s->merges, s->n_merges, whole_words))
        fail_msg("%s", rkv_message());
    p->scratch = (rkv_bpe_scratch){0};
    p->ids = (rkv_id_list){0};
}

static void clear(parts *p) {
    free(p->ids.ids);
    rkv_bpe_scratch_clear(&p->scratch);
    rkv_bpe_free(p->bpe);
    rkv_vocabulary_free(p->vocabulary);
    byte_vocabulary_clear(&p->source);
}

static void encode(parts *p, const char *word, size_t length) {
    p->ids.count = 0;
    if (rkv_bpe_encode(p->bpe, &p->scratch, word, length, &p->ids)) fail_msg("%s", rkv_message());
}

static void assert_ids(parts *p, const char *word, const int32_t *ids, size_t n) {
    encode(p, word, strlen(word));
    assert_int_equal(p->ids.count, n);
    assert_memory_equal(p->ids.ids, ids, n * sizeof *ids);
}

/* ---- the plain loop: strings, every pair looked up in the list of merges ---- */

typedef struct pieces {
    rkv_gguf_string at[64];
    size_t n;
} pieces;

/* The rank of LEFT RIGHT, n_merges when there is none. */
static size_t plain_rank(const rkv_tokenizer_source *s, rkv_gguf_string left, rkv_gguf_string right) {
    for (size_t i = 0; i < s->n_merges; i++) {
        const char *merge = s->merges[i].bytes;
        if (s->merges[i].length == left.length + right.length + 1 && merge[left.length] == ' ' &&
            memcmp(merge, left.bytes, left.length) == 0 &&
            memcmp(merge + left.length + 1, right.bytes, right.length) == 0)
            return i;
    }
    return s->n_merges;
}

static bool plain_step(const rkv_tokenizer_source *s, pieces *p) {
    size_t best = s->n_merges, where = 0;
    for (size_t i = 0; i + 1 < p->n; i++) {
        size_t rank = plain_rank(s, p->at[i], p->at[i + 1]);
        if (rank < best) best = rank, where = i;
    }
    if (best == s->n_merges) return false;
    p->at[where].length += p->at[where + 1].length;
    p->n--;
    memmove(p->at + where + 1, p->at + where + 2, (p->n - where - 1) * sizeof *p->at);
    return true;
}

/* word is of letters, which spell themselves. */
static void assert_as_plain(parts *p, const char *word, size_t length) {
    pieces plain = {.n = length};
    for (size_t i = 0; i < length; i++)
        plain.at[i] = (rkv_gguf_string){word + i, 1};
    while (plain_step(&p->source.source, &plain))
        ;
    encode(p, word, length);
    assert_int_equal(p->ids.count, plain.n);
    for (size_t i = 0; i < plain.n; i++) {
        size_t n;
        const char *text = rkv_vocabulary_text(p->vocabulary, p->ids.ids[i], &n);
        assert_int_equal(n, plain.at[i].length);
        assert_memory_equal(text, plain.at[i].bytes, n);
    }
}

static void test_merges_as_the_plain_loop(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        parts p;
        byte_vocabulary_init(&p.source);
        byte_vocabulary_grow(&p.source, seed, 10 * seed);
        build(&p, false);
        rkv_random random = {seed};
        for (int i = 0; i < 400; i++) {
            char word[48];
            size_t length = 1 + rkv_random_below(&random, sizeof word);
            for (size_t j = 0; j < length; j++)
                word[j] = (char)('a' + rkv_random_below(&random, i % 4 + 1));
            assert_as_plain(&p, word, length);
        }
        clear(&p);
    }
}

static void test_long_words_take_little_time(void **state) {
    (void)state;
    parts p;
    byte_vocabulary_init(&p.source);
    byte_vocabulary_grow(&p.source, 3, 100);
    build(&p, true);
    char *word;
    assert_int_equal(rkv_alloc_raw(&word, LONG_WORD_BYTES, 1), RKV_OK);
    rkv_random random = {1};
    for (unsigned letters = 1; letters <= 4; letters++) {
        for (size_t i = 0; i < LONG_WORD_BYTES; i++)
            word[i] = (char)('a' + rkv_random_below(&random, letters));
        double start = rkv_now_s();
        encode(&p, word, LONG_WORD_BYTES);
        double seconds = rkv_now_s() - start;
        print_message("a word of %d bytes over %u letters: %.1f ms\n", LONG_WORD_BYTES, letters,
                      1e3 * seconds);
        assert_true(seconds < LONG_WORD_LIMIT_S);
        size_t total = 0, length;
        for (size_t i = 0; i < p.ids.count; i++, total += length)
            rkv_vocabulary_text(p.vocabulary, p.ids.ids[i], &length);
        assert_int_equal(total, LONG_WORD_BYTES);
    }
    free(word);
    clear(&p);
}

static void test_rank_then_place_decide(void **state) {
    (void)state;
    parts p;
    byte_vocabulary_init(&p.source);
    byte_vocabulary_merge(&p.source, "b", "c");
    byte_vocabulary_merge(&p.source, "a", "a");
    byte_vocabulary_merge(&p.source, "a", "b");
    byte_vocabulary_merge(&p.source, "b", "c"); /* again: the first counts */
    int32_t bc = byte_vocabulary_add(&p.source, "bc", RKV_TOKEN_NORMAL);
    int32_t aa = byte_vocabulary_add(&p.source, "aa", RKV_TOKEN_NORMAL);
    int32_t ab = byte_vocabulary_add(&p.source, "ab", RKV_TOKEN_NORMAL);
    build(&p, false);
    assert_ids(&p, "abc", (int32_t[]){'a', bc}, 2);
    assert_ids(&p, "aaa", (int32_t[]){aa, 'a'}, 2);
    assert_ids(&p, "aab", (int32_t[]){aa, 'b'}, 2);
    assert_ids(&p, "abab", (int32_t[]){ab, ab}, 2);
    assert_ids(&p, "", NULL, 0);
    clear(&p);
}

static void test_whole_words(void **state) {
    (void)state;
    for (int whole = 0; whole <= 1; whole++) {
        parts p;
        byte_vocabulary_init(&p.source);
        int32_t word = byte_vocabulary_add(&p.source, "\u0120xyz", RKV_TOKEN_NORMAL);
        byte_vocabulary_add(&p.source, "xyz", RKV_TOKEN_CONTROL);
        build(&p, whole);
        if (whole)
            assert_ids(&p, " xyz", &word, 1);
        else
            assert_ids(&p, " xyz", (int32_t[]){' ', 'x', 'y', 'z'}, 4);
        assert_ids(&p, "xyz", (int32_t[]){'x', 'y', 'z'}, 3); /* never a control token */
        clear(&p);
    }
}

/* As llama.cpp; the two sides of such a byte do not merge over it. */
static void test_bytes_without_a_token_are_left_out(void **state) {
    (void)state;
    parts p;
    byte_vocabulary_init(&p.source);
    p.source.source.types['x'] = RKV_TOKEN_CONTROL;
    byte_vocabulary_merge(&p.source, "a", "b");
    byte_vocabulary_merge(&p.source, "a", "x");
    int32_t ab = byte_vocabulary_add(&p.source, "ab", RKV_TOKEN_NORMAL);
    byte_vocabulary_add(&p.source, "ax", RKV_TOKEN_NORMAL);
    build(&p, false);
    assert_ids(&p, "axbxab", (int32_t[]){'a', 'b', ab}, 3);
    assert_ids(&p, "xx", NULL, 0);
    clear(&p);
}

static void test_merges_that_do_not_fit(void **state) {
    (void)state;
    static const struct {
        const char *merge, *message;
    } wrong[] = {
        {"ab", "tokenizer.ggml.merges[1] is not two tokens with a space between"},
        {"", "tokenizer.ggml.merges[1] is not two tokens with a space between"},
        {" a", "tokenizer.ggml.merges[1] is not two tokens with a space between"},
        {"a ", "tokenizer.ggml.merges[1] is not two tokens with a space between"},
        {"qq a", "tokenizer.ggml.merges[1]: its left part \"qq\" is not in tokenizer.ggml.tokens"},
        {"a b c", "tokenizer.ggml.merges[1]: its right part \"b c\" is not in tokenizer.ggml.tokens"},
        {"a c", "tokenizer.ggml.merges[1]: its result \"ac\" is not in tokenizer.ggml.tokens"},
        {"\x01\xFF a",
         "tokenizer.ggml.merges[1]: its left part \"\\x01\\xFF\" is not in tokenizer.ggml.tokens"},
    };
    byte_vocabulary v;
    byte_vocabulary_init(&v);
    byte_vocabulary_add(&v, "ab", RKV_TOKEN_NORMAL);
    rkv_vocabulary *vocabulary;
    assert_int_equal(rkv_vocabulary_new(&vocabulary, v.source.tokens, v.source.n_tokens, NULL), RKV_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rkv_bpe *bpe = (rkv_bpe *)8;
        rkv_gguf_string merges[] = {{"a b", 3}, {wrong[i].merge, strlen(wrong[i].merge)}};
        assert_int_equal(rkv_bpe_new(&bpe, vocabulary, merges, 2, false), RKV_DATA);
        assert_null(bpe);
        assert_string_equal(rkv_message(), wrong[i].message);
    }
    rkv_vocabulary_free(vocabulary);
    byte_vocabulary_clear(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges_as_the_plain_loop),
        cmocka_unit_test(test_long_words_take_little_time),
        cmocka_unit_test(test_rank_then_place_decide),
        cmocka_unit_test(test_whole_words),
        cmocka_unit_test(test_bytes_without_a_token_are_left_out),
        cmocka_unit_test(test_merges_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
