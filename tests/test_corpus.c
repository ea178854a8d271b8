/* test_corpus.c: texts from plain files and JSON lines, and files that are neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/eval.h>

#include "core/random.h"
#include "support/temporary.h"

static const char *put_bytes(const char *name, const char *bytes, size_t length) {
    const char *path = temporary_path(name);
    temporary_write(path, bytes, length);
    return path;
}

static const char *put(const char *name, const char *text) {
    return put_bytes(name, text, strlen(text));
}

static void assert_document(const rkv_document *document, const char *name, const char *text) {
    assert_string_equal(document->name, name);
    assert_string_equal(document->text, text);
    assert_int_equal(document->length, strlen(text));
}

/* ---- what is read ---- */

static void test_a_plain_file_is_one_document(void **state) {
    (void)state;
    static const struct {
        const char *file, *name;
    } names[] = {{"emma.txt", "emma"}, {"emma", "emma"},   {".emma", ".emma"}, {"a.b.md", "a.b"},
                 {"x.json", "x"},      {"jsonl", "jsonl"}, {"emma.", "emma"},  {"x.jsonl.txt", "x.jsonl"}};
    static const char text[] = "{\"text\": \"is no JSON line here\"}\n\nn\u00e4\u00efve \U0001F600\r\n";
    rkv_corpus corpus = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(rkv_corpus_load(&corpus, put(names[i].file, text)), RKV_OK);
        assert_int_equal(corpus.n, i + 1);
        assert_document(&corpus.items[i], names[i].name, text);
    }
    rkv_corpus_clear(&corpus);
    assert_null(corpus.items);
}

static void test_every_json_line_is_a_document(void **state) {
    (void)state;
    rkv_corpus corpus = {0};
    const char *path =
        put("pg19.jsonl", "{\"text\": \"One.\"}\n"
                          "\n \t\r\n"
                          "{\"title\": 7, \"name\": \"Emma\", \"text\": \"Two\\n\\u00e4.\"}\r\n"
                          "{\"name\": null, \"text\": \"\"}");
    assert_int_equal(rkv_corpus_load(&corpus, path), RKV_OK);
    assert_int_equal(corpus.n, 3);
    assert_document(&corpus.items[0], "pg19:1", "One.");
    assert_document(&corpus.items[1], "Emma", "Two\n\u00e4.");
    assert_document(&corpus.items[2], "pg19:5", "");
    assert_int_equal(rkv_corpus_load(&corpus, put("more.ndjson", "{\"text\": \"x\"}\n")), RKV_OK);
    assert_document(&corpus.items[3], "more:1", "x");
    rkv_corpus_clear(&corpus);
}

static void test_a_byte_order_mark_is_left_out(void **state) {
    (void)state;
    rkv_corpus corpus = {0};
    assert_int_equal(rkv_corpus_load(&corpus, put("a.txt", "\xEF\xBB\xBFtext")), RKV_OK);
    assert_int_equal(rkv_corpus_load(&corpus, put("a.jsonl", "\xEF\xBB\xBF{\"text\": \"text\"}")), RKV_OK);
    assert_document(&corpus.items[0], "a", "text");
    assert_document(&corpus.items[1], "a:1", "text");
    rkv_corpus_clear(&corpus);
}

static void test_a_long_line(void **state) {
    (void)state;
    static const char head[] = "{\"text\": \"", tail[] = "\"}\n{\"text\": \"short\"}\n";
    size_t n = 20 << 20, at = sizeof head - 1;
    char *bytes = malloc(at + n + sizeof tail);
    memcpy(bytes, head, at);
    memset(bytes + at, 'a', n);
    memcpy(bytes + at + n, tail, sizeof tail);
    rkv_corpus corpus = {0};
    assert_int_equal(rkv_corpus_load(&corpus, put("long.jsonl", bytes)), RKV_OK);
    assert_int_equal(corpus.n, 2);
    assert_int_equal(corpus.items[0].length, n);
    assert_document(&corpus.items[1], "long:2", "short");
    rkv_corpus_clear(&corpus);
    memset(bytes, '[', at + n);
    assert_int_equal(rkv_corpus_load(&corpus, put("deep.jsonl", bytes)), RKV_DATA);
    free(bytes);
}

/* ---- what is refused ---- */

static const struct refusal {
    const char *name, *bytes, *said;
} refusals[] = {
    {"a.txt", "", "a.txt: no text in it"},
    {"a.txt", "\xEF\xBB\xBF", "no text in it"},
    {"a.txt", "caf\xE9", "a.txt: byte 3 is 0xE9: not UTF-8 text"},
    {"a.txt", "PAR1\x15\x04\x15\xFE", "byte 7 is 0xFE"},
    {"a.txt", "\xED\xA0\x80", "byte 0 is 0xED"},
    {"a.jsonl", "", "a.jsonl: no document in it"},
    {"a.jsonl", " \n\n\r\n", "no document in it"},
    {"a.jsonl", "{\"text\": \"a\"}\n\n{\"text\": 5}\n", "a.jsonl: line 3: text is 5, not a string"},
    {"a.jsonl", "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n", "line 2: text is missing"},
    {"a.jsonl", "{\"text\": null}\n", "line 1: text is null"},
    {"a.jsonl", "{\"text\": [\"a\"]}\n", "line 1: text is an array of 1"},
    {"a.jsonl", "{\"text\": \"a\", \"name\": 3}\n", "line 1: name is 3, not a string"},
    {"a.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\n", "line 2: column"},
    {"a.jsonl", "{\"text\": \"a\"} {\"text\": \"b\"}\n", "line 1: column"},
    {"a.jsonl", "{\n\"text\": \"a\"\n}\n", "line 1: column"},
    {"a.jsonl", "[{\"text\": \"a\"}]\n", "line 1: the document is an array of 1, not an object"},
    {"a.jsonl", "plain text\n", "line 1: column"},
    {"a.jsonl", "{\"text\": \"caf\xE9\"}\n", "line 1: column"},
    {"a.jsonl", "{\"text\": \"\\ud800\"}\n", "line 1: column"},
    {"a.jsonl", "{\"text\": \"a\\u0000b\"}\n", "line 1: column"},
    {"a.jsonl", "{\"text\": \"a\", \"text\": \"b\"}\n", "line 1: column"},
    {"a.jsonl", "{\"text\": \"a\", \"x\": [[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]}\n", "line 1: byte"},
};

static void test_what_is_wrong_is_named(void **state) {
    (void)state;
    rkv_corpus corpus = {0};
    assert_int_equal(rkv_corpus_load(&corpus, put("b.txt", "fine")), RKV_OK);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const char *path = put(refusals[i].name, refusals[i].bytes);
        assert_int_equal(rkv_corpus_load(&corpus, path), RKV_DATA);
        assert_memory_equal(rkv_message(), path, strlen(path));
        if (!strstr(rkv_message(), refusals[i].said))
            fail_msg("\"%s\" is not in \"%s\"", refusals[i].said, rkv_message());
        assert_int_equal(corpus.n, 1);
    }
    char line[1024];
    snprintf(line, sizeof line, "{\"text\": \"\", \"name\": \"%0513d\"}\n", 0);
    assert_int_equal(rkv_corpus_load(&corpus, put("a.jsonl", line)), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "line 1: name has 513 bytes, more than 512"));
    assert_int_equal(rkv_corpus_load(&corpus, put_bytes("zero.txt", "a\0b", 3)), RKV_DATA);
    assert_int_equal(rkv_corpus_load(&corpus, put_bytes("zero.jsonl", "{\"text\": \"a\0\"}", 14)), RKV_DATA);
    assert_int_equal(rkv_corpus_load(&corpus, temporary_path("none.txt")), RKV_NO_INPUT);
    assert_int_equal(rkv_corpus_load(&corpus, "/dev"), RKV_NO_INPUT);
    assert_document(&corpus.items[0], "b", "fine");
    rkv_corpus_clear(&corpus);
}

static void test_too_many_documents(void **state) {
    (void)state;
    static const char line[] = "{\"text\":\"\"}\n";
    size_t n = ((size_t)1 << 20) + 1, length = sizeof line - 1;
    char *bytes = malloc(n * length);
    for (size_t i = 0; i < n; i++)
        memcpy(bytes + i * length, line, length);
    rkv_corpus corpus = {0};
    assert_int_equal(rkv_corpus_load(&corpus, put_bytes("many.jsonl", bytes, n * length)), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "line 1048577: more than the 1048576 documents"));
    assert_int_equal(corpus.n, 0);
    rkv_corpus_clear(&corpus);
    free(bytes);
}

/* Whatever the bytes, the answer is a corpus or RKV_DATA. */
static void test_bytes_changed_at_random(void **state) {
    (void)state;
    static const char fine[] = "{\"text\": \"One \\u00e4 two.\", \"name\": \"x\"}\n{\"text\": \"Three.\"}\n";
    static const char alphabet[] = "{}[]\",:\\u\n\r 0\xE2\x82\xEF";
    rkv_random random = {7};
    size_t read = 0;
    for (int round = 0; round < 4000; round++) {
        char bytes[sizeof fine];
        memcpy(bytes, fine, sizeof fine);
        size_t length =
            sizeof fine - 1 - rkv_random_below(&random, 2) * rkv_random_below(&random, sizeof fine - 1);
        for (size_t k = rkv_random_below(&random, 4); k > 0; k--)
            bytes[rkv_random_below(&random, sizeof fine - 1)] =
                alphabet[rkv_random_below(&random, sizeof alphabet - 1)];
        rkv_corpus corpus = {0};
        rkv_status status =
            rkv_corpus_load(&corpus, put_bytes(round % 2 ? "h.jsonl" : "h.txt", bytes, length));
        assert_true(status == RKV_OK || status == RKV_DATA);
        assert_int_equal(status == RKV_OK, corpus.n > 0);
        read += corpus.n > 0;
        rkv_corpus_clear(&corpus);
    }
    assert_true(read > 400 && read < 3600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_file_is_one_document),
        cmocka_unit_test(test_every_json_line_is_a_document),
        cmocka_unit_test(test_a_byte_order_mark_is_left_out),
        cmocka_unit_test(test_a_long_line),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_too_many_documents),
        cmocka_unit_test(test_bytes_changed_at_random),
    };
    return cmocka_run_group_tests(tests, temporary_set_up, temporary_tear_down);
}
