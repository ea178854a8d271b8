/* test_vocabulary.c: the spelling of bytes, and tokens found, decoded and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/byte_map.h"
#include "model/pair_map.h"
#include "model/vocabulary.h"

static void test_every_byte_has_its_spelling(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char spelling[RKV_BYTE_SPELLING_MAX], bytes[RKV_BYTE_SPELLING_MAX];
        size_t n;
        size_t length = rkv_byte_spell((unsigned char)byte, spelling);
        assert_true(rkv_byte_unspell(spelling, length, bytes, &n));
        assert_int_equal(n, 1);
        assert_int_equal((unsigned char)bytes[0], byte);
    }
}

/* As in GPT-2's vocabulary. */
static void test_known_spellings(void **state) {
    (void)state;
    static const struct {
        unsigned char byte;
        const char *text;
    } known[] = {{'a', "a"},       {'!', "!"},       {' ', "\u0120"},  {'\n', "\u010A"}, {0x00, "\u0100"},
                 {0x7F, "\u0121"}, {0x80, "\u0122"}, {0xA0, "\u0142"}, {0xAD, "\u0143"}, {0xA1, "\u00A1"},
                 {0xAC, "\u00AC"}, {0xAE, "\u00AE"}, {0xFF, "\u00FF"}, {'~', "~"},       {'\t', "\u0109"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char spelling[RKV_BYTE_SPELLING_MAX];
        assert_int_equal(rkv_byte_spell(known[i].byte, spelling), strlen(known[i].text));
        assert_memory_equal(spelling, known[i].text, strlen(known[i].text));
    }
}

static void test_what_spells_no_bytes(void **state) {
    (void)state;
    static const char *const wrong[] = {" ",        "\n",     "a b",  "\u0144", "\u00AD",
                                        "\xC2\x80", "\u4e2d", "\xC4", "a\xFF"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char bytes[16];
        size_t n = 99;
        assert_false(rkv_byte_unspell(wrong[i], strlen(wrong[i]), bytes, &n));
        assert_int_equal(n, 99);
    }
}

static void assert_bytes(const rkv_vocabulary *v, int32_t id, const char *bytes, size_t length) {
    size_t n;
    const char *got = rkv_vocabulary_bytes(v, id, &n);
    assert_int_equal(n, length);
    assert_memory_equal(got, bytes, length);
    assert_int_equal(got[length], '\0');
}

static void test_tokens(void **state) {
    (void)state;
    static const rkv_gguf_string tokens[] = {
        {"<s>", 3}, {"\u0120the", 5}, {"", 0},          {"\u0120x", 3},  {"two words", 9},
        {"", 0},    {"\u4e2d", 3},    {"\u0100\0y", 4}, {"\xC3\xA9", 2}, {"u", 1}};
    static const int64_t types[] = {3, 1, 1, 4, 1, 77, -5, 1, INT64_MAX, 2};
    size_t n = sizeof tokens / sizeof *tokens;
    rkv_vocabulary *v;
    assert_int_equal(rkv_vocabulary_new(&v, tokens, n, types), RKV_OK);
    assert_int_equal(rkv_vocabulary_size(v), n);
    assert_int_equal(rkv_vocabulary_longest(v), 9);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(rkv_vocabulary_find(v, tokens[i].bytes, tokens[i].length),
                         tokens[i].length ? (int)i : -1);
    assert_int_equal(rkv_vocabulary_find(v, "the", 3), -1);
    assert_int_equal(rkv_vocabulary_find(v, "two words!", 10), -1);
    assert_bytes(v, 0, "<s>", 3);
    assert_bytes(v, 1, " the", 4);
    assert_bytes(v, 2, "", 0);
    assert_bytes(v, 3, "\u0120x", 3);   /* user-defined: as it stands */
    assert_bytes(v, 4, "two words", 9); /* spells no bytes: as it stands */
    assert_bytes(v, 6, "\u4e2d", 3);
    assert_bytes(v, 7, "\u0100\0y", 4);
    assert_bytes(v, 8, "\xE9", 1);
    assert_true(rkv_vocabulary_is_special(v, 0) && rkv_vocabulary_is_special(v, 9));
    assert_false(rkv_vocabulary_is_special(v, 3) || rkv_vocabulary_is_special(v, 5));
    assert_int_equal(rkv_vocabulary_type(v, 5), RKV_TOKEN_NORMAL);
    rkv_vocabulary_free(v);
}

static void test_tokens_refused(void **state) {
    (void)state;
    static const rkv_gguf_string twice[] = {{"a", 1}, {"b", 1}, {"", 0}, {"", 0}, {"b", 1}};
    rkv_vocabulary *v = (rkv_vocabulary *)8;
    assert_int_equal(rkv_vocabulary_new(&v, twice, 5, NULL), RKV_DATA);
    assert_null(v);
    assert_string_equal(rkv_message(), "tokenizer.ggml.tokens[4] has the same text as token 1");
    assert_int_equal(rkv_vocabulary_new(&v, twice, 0, NULL), RKV_DATA);
    assert_string_equal(rkv_message(), "tokenizer.ggml.tokens is empty");
    assert_int_equal(rkv_vocabulary_new(&v, twice, (size_t)INT32_MAX + 1, NULL), RKV_DATA);
}

static void test_pair_map(void **state) {
    (void)state;
    rkv_pair_map map;
    assert_int_equal(rkv_pair_map_init(&map, 1000), RKV_OK);
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(rkv_pair_map_add(&map, i % 10, i / 10, i));
    for (uint32_t i = 0; i < 1000; i++) {
        assert_false(rkv_pair_map_add(&map, i % 10, i / 10, 7));
        assert_int_equal(rkv_pair_map_get(&map, i % 10, i / 10), i);
    }
    assert_true(rkv_pair_map_get(&map, 10, 0) == RKV_PAIR_NONE);
    assert_true(rkv_pair_map_get(&map, 0, 100) == RKV_PAIR_NONE);
    rkv_pair_map_clear(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_has_its_spelling),
        cmocka_unit_test(test_known_spellings),
        cmocka_unit_test(test_what_spells_no_bytes),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_tokens_refused),
        cmocka_unit_test(test_pair_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
