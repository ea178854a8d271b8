/* test_pretokenizer.c: the words of every pre-tokenizer, with PCRE2's compiler and without it. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"
#include "model/pretokenizer.h"

#define LONG_TEXT_BYTES   1000000
#define LONG_TEXT_LIMIT_S 20.0 /* for a sanitized build on a busy machine; a split takes some 10 ms */

/* Stands before PCRE2's own, to let a test refuse what a hardened system refuses. */
int pcre2_jit_compile_8(void *code, uint32_t options);

static bool refuse_jit;
static int jit_result;

int pcre2_jit_compile_8(void *code, uint32_t options) {
    int (*real)(void *, uint32_t);
    *(void **)&real = dlsym(RTLD_NEXT, "pcre2_jit_compile_8");
    return jit_result = refuse_jit || !real ? -48 /* PCRE2_ERROR_NOMEMORY */ : real(code, options);
}

static rkv_pretokenizer *make(const char *name) {
    rkv_pretokenizer *p;
    if (rkv_pretokenizer_new(&p, name, strlen(name))) fail_msg("%s", rkv_message());
    return p;
}

static rkv_status add_word(void *user, const char *word, size_t length) {
    rkv_text *words = user;
    if (words->length) rkv_text_add(words, "|", 1);
    rkv_text_add(words, word, length);
    return RKV_OK;
}

/* The words of text with "|" between them; the caller frees them. */
static char *split(const rkv_pretokenizer *p, const char *text, size_t length, size_t *n) {
    rkv_text words = {0};
    char *out;
    if (rkv_pretokenizer_split(p, text, length, add_word, &words)) fail_msg("%s", rkv_message());
    *n = words.length;
    assert_int_equal(rkv_text_finish(&words, &out), RKV_OK);
    return out;
}

static const struct {
    const char *name, *text, *words;
} known[] = {
    {"smollm", "Hello  world's 1234 x\n", "Hello| | world|'s| |1|2|3|4| x|\n"},
    {"smollm", "a  1", "a|  |1"}, /* a digit is an end: nothing is left over for it */
    {"gpt-2", "Hello  world's 1234 x\n", "Hello| | world|'s| 1234| x|\n"},
    {"gpt-2",
     "a\u180E \u3000\u3000b\xC2\x85"
     "c",
     "a|\u180E| \u3000|\u3000|b|\xC2\x85|c"},
    {"gpt-2", "don'T !?...  ", "don|'|T| !?...|  "},
    {"llama-bpe", "Hello  world'S 1234 x\n\n y", "Hello| | world|'S| |123|4| x|\n\n| y"},
    {"llama-bpe", "(a) $b ;;\n\nc", "(a|)| $|b| ;;\n\n|c"},
    {"dbrx", "1234567", "123|456|7"},
    {"qwen2", "Hello  world'S 12 x \n \n y", "Hello| | world|'S| |1|2| x| \n \n| y"},
    {"default", "$5.00 it's 12345x", "$|5|.|00| it|'|s| |123|45|x"},
    {"gpt-2", "\U00031350\U0002EBF0a \U0001E4F01", "\U00031350\U0002EBF0a| \U0001E4F01"}, /* Unicode 15 */
};

static void check_known(void) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        rkv_pretokenizer *p = make(known[i].name);
        size_t n;
        char *words = split(p, known[i].text, strlen(known[i].text), &n);
        assert_string_equal(words, known[i].words);
        free(words);
        rkv_pretokenizer_free(p);
    }
}

static void test_known_words(void **state) {
    (void)state;
    check_known();
    print_message("pcre2_jit_compile gave %d\n", jit_result);
}

static void test_known_words_without_jit(void **state) {
    (void)state;
    refuse_jit = true;
    check_known();
    refuse_jit = false;
    assert_int_not_equal(jit_result, 0);
}

/* ---- what hostile text would need: long runs of everything that a pattern repeats ---- */

static const char *const units[] = {" ",   "\n", "a",      "1",      "!",       " a",
                                    " \n", "'",  "'s",     "\r\n ",  "a1",      "\t !",
                                    "$",   "\0", "\u00e9", "\u3000", "\u4e2d1", "\xC2\x85 x"};

static rkv_status add_length(void *user, const char *word, size_t length) {
    const char **at = user;
    assert_ptr_equal(word, *at);
    assert_true(length > 0);
    *at += length;
    return RKV_OK;
}

/* All rows on a long text of unit: its words are the text, and come in time. */
static void check_long(char *text, const char *unit) {
    size_t step = strlen(unit) ? strlen(unit) : 1, n = LONG_TEXT_BYTES / step * step;
    for (size_t i = 0; i < n; i += step)
        memcpy(text + i, unit, step);
    const rkv_pretokenizer_row *row;
    for (size_t i = 0; (row = rkv_pretokenizer_row_at(i)); i++) {
        rkv_pretokenizer *p = make(row->names[0]);
        const char *at = text;
        double start = rkv_now_s();
        if (rkv_pretokenizer_split(p, text, n, add_length, &at)) fail_msg("%s", rkv_message());
        double seconds = rkv_now_s() - start;
        assert_ptr_equal(at, text + n);
        if (seconds > LONG_TEXT_LIMIT_S)
            fail_msg("%s on a run of \"%s\": %.1f s", row->names[0], unit, seconds);
        rkv_pretokenizer_free(p);
    }
}

static void test_long_runs(void **state) {
    (void)state;
    char *text;
    assert_int_equal(rkv_alloc_raw(&text, LONG_TEXT_BYTES, 1), RKV_OK);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        check_long(text, units[i]);
    refuse_jit = true;
    check_long(text, " ");
    check_long(text, "a");
    refuse_jit = false;
    free(text);
}

/* ---- the table ---- */

static void test_every_name_is_known_once(void **state) {
    (void)state;
    const rkv_pretokenizer_row *row;
    for (size_t i = 0; (row = rkv_pretokenizer_row_at(i)); i++)
        for (const char *const *name = row->names; *name; name++) {
            rkv_pretokenizer *p = make(*name);
            assert_ptr_equal(rkv_pretokenizer_get_row(p), row);
            rkv_pretokenizer_free(p);
        }
}

static void test_unknown_names(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "gpt", "gpt-2x", "SMOLLM", "no\nsuch"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rkv_pretokenizer *p = (rkv_pretokenizer *)8;
        assert_int_equal(rkv_pretokenizer_new(&p, wrong[i], strlen(wrong[i])), RKV_DATA);
        assert_null(p);
        assert_non_null(strstr(rkv_message(), "tokenizer.ggml.pre is \""));
        assert_non_null(strstr(rkv_message(), "none of smollm"));
        assert_null(strchr(rkv_message(), '\n'));
    }
}

static rkv_status stop_at_b(void *user, const char *word, size_t length) {
    ++*(int *)user;
    return length == 2 && word[1] == 'b' ? rkv_fail(RKV_CANCELLED, "at b") : RKV_OK;
}

static void test_the_visitor_may_stop(void **state) {
    (void)state;
    int calls = 0;
    rkv_pretokenizer *p = make("smollm");
    assert_int_equal(rkv_pretokenizer_split(p, "a b c d", 7, stop_at_b, &calls), RKV_CANCELLED);
    assert_int_equal(calls, 2);
    rkv_pretokenizer_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_words),   cmocka_unit_test(test_known_words_without_jit),
        cmocka_unit_test(test_long_runs),     cmocka_unit_test(test_every_name_is_known_once),
        cmocka_unit_test(test_unknown_names), cmocka_unit_test(test_the_visitor_may_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
