/* test_tokenizer_files.c: tokenizers of GGUF files good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/random.h"
#include "model/tokenizer.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

static char path[] = "/tmp/rankkv-tokenizer-XXXXXX";

static int make_path(void **state) {
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

/* One key of a small good file, written otherwise or not at all. */
typedef struct change {
    const char *key;                                     /* without "tokenizer.ggml." */
    void (*write)(gguf_writer *writer, const char *key); /* NULL: left out */
    rkv_status status;
    const char *message; /* what the message has after the path; NULL: any */
} change;

static void write_spm(gguf_writer *w, const char *key) {
    gguf_write_string(w, key, "llama");
}
static void write_nonsense(gguf_writer *w, const char *key) {
    gguf_write_string(w, key, "no\tsuch");
}
static void write_number(gguf_writer *w, const char *key) {
    gguf_write_integer(w, key, GGUF_UINT32, 5);
}
static void write_minus_one(gguf_writer *w, const char *key) {
    gguf_write_integer(w, key, GGUF_INT32, -1);
}
static void write_true(gguf_writer *w, const char *key) {
    gguf_write_bool(w, key, true);
}
static void write_no_strings(gguf_writer *w, const char *key) {
    gguf_write_strings(w, key, NULL, 0);
}
static void write_two_types(gguf_writer *w, const char *key) {
    gguf_write_array(w, key, GGUF_INT32, (int32_t[]){1, 1}, 2);
}
static void write_wild_types(gguf_writer *w, const char *key) {
    gguf_write_array(w, key, GGUF_INT32, (int32_t[]){INT32_MIN, 0, 99, 3}, 4);
}
static void write_twins(gguf_writer *w, const char *key) {
    gguf_write_strings(w, key, (const char *[]){"a", "b", "ab", "a"}, 4);
}
static void write_empty_tokens(gguf_writer *w, const char *key) {
    gguf_write_strings(w, key, (const char *[]){"a", "b", "ab", ""}, 4);
}
static void write_bad_merge(gguf_writer *w, const char *key) {
    gguf_write_strings(w, key, (const char *[]){"a b", "b a"}, 2);
}

static const change changes[] = {
    {"none", NULL, RKV_OK, NULL},
    {"model", NULL, RKV_DATA, NULL},
    {"model", write_spm, RKV_DATA, "tokenizer.ggml.model is \"llama\"; only \"gpt2\""},
    {"model", write_number, RKV_DATA, NULL},
    {"pre", NULL, RKV_OK, NULL},
    {"pre", write_nonsense, RKV_DATA, "tokenizer.ggml.pre is \"no\u21E5such\", none of smollm"},
    {"pre", write_number, RKV_DATA, NULL},
    {"tokens", NULL, RKV_DATA, NULL},
    {"tokens", write_number, RKV_DATA, NULL},
    {"tokens", write_no_strings, RKV_DATA, NULL},
    {"tokens", write_twins, RKV_DATA, "tokenizer.ggml.tokens[3] has the same text as token 0"},
    {"tokens", write_empty_tokens, RKV_OK, NULL},
    {"merges", NULL, RKV_DATA, NULL},
    {"merges", write_no_strings, RKV_OK, NULL},
    {"merges", write_bad_merge, RKV_DATA, "tokenizer.ggml.merges[1]: its result \"ba\" is not in"},
    {"token_type", NULL, RKV_OK, NULL},
    {"token_type", write_two_types, RKV_DATA, "tokenizer.ggml.token_type has 2 entries for 4 tokens"},
    {"token_type", write_wild_types, RKV_OK, NULL},
    {"token_type", write_true, RKV_DATA, NULL},
    {"bos_token_id", NULL, RKV_OK, NULL},
    {"bos_token_id", write_number, RKV_DATA,
     "tokenizer.ggml.bos_token_id is 5, but tokenizer.ggml.tokens has 4"},
    {"bos_token_id", write_minus_one, RKV_DATA, NULL},
    {"eos_token_id", NULL, RKV_OK, NULL},
    {"eos_token_id", write_number, RKV_DATA,
     "tokenizer.ggml.eos_token_id is 5, but tokenizer.ggml.tokens has 4"},
    {"eos_token_id", write_nonsense, RKV_DATA, NULL},
    {"add_bos_token", write_true, RKV_OK, NULL},
    {"add_bos_token", write_number, RKV_DATA, NULL},
};

static void write_good(gguf_writer *w, const char *key) {
    const char *name = key + strlen("tokenizer.ggml.");
    if (!strcmp(name, "model"))
        gguf_write_string(w, key, "gpt2");
    else if (!strcmp(name, "pre"))
        gguf_write_string(w, key, "smollm");
    else if (!strcmp(name, "tokens"))
        gguf_write_strings(w, key, (const char *[]){"a", "b", "ab", "<s>"}, 4);
    else if (!strcmp(name, "merges"))
        gguf_write_strings(w, key, (const char *[]){"a b"}, 1);
    else if (!strcmp(name, "token_type"))
        gguf_write_array(w, key, GGUF_INT32, (int32_t[]){1, 1, 1, 3}, 4);
    else if (!strcmp(name, "add_bos_token"))
        gguf_write_bool(w, key, false);
    else
        gguf_write_integer(w, key, GGUF_UINT32, 3);
}

static void save_changed(const change *c) {
    static const char *const names[] = {"model",      "pre",          "tokens",       "merges",
                                        "token_type", "bos_token_id", "eos_token_id", "add_bos_token"};
    gguf_writer writer = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char key[64];
        snprintf(key, sizeof key, "tokenizer.ggml.%s", names[i]);
        if (strcmp(c->key, names[i]) != 0)
            write_good(&writer, key);
        else if (c->write)
            c->write(&writer, key);
    }
    assert_int_equal(gguf_writer_save(&writer, path), RKV_OK);
}

/* "ab" is one token only where the merges are there; "c" has none. */
static void assert_encodes_cab(const rkv_tokenizer *t, bool merges) {
    int32_t *ids;
    size_t n;
    assert_int_equal(rkv_tokenizer_encode(t, "cab", 3, NULL, &ids, &n), RKV_OK);
    assert_int_equal(n, merges ? 1 : 2);
    assert_int_equal(ids[0], merges ? 2 : 0);
    rkv_free(ids);
}

static void test_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const change *c = &changes[i];
        rkv_gguf *file;
        rkv_tokenizer *t = (rkv_tokenizer *)8;
        save_changed(c);
        if (rkv_gguf_open(&file, path)) fail_msg("%s", rkv_message());
        rkv_status status = rkv_tokenizer_new(&t, file);
        if (status != c->status) fail_msg("%s, row %zu: %d, %s", c->key, i, status, rkv_message());
        if (status) assert_null(t);
        if (status && !strstr(rkv_message(), path)) fail_msg("row %zu names no file: %s", i, rkv_message());
        if (status && !strstr(rkv_message(), c->key)) fail_msg("row %zu names no key: %s", i, rkv_message());
        if (c->message && !strstr(rkv_message(), c->message)) fail_msg("row %zu: %s", i, rkv_message());
        rkv_gguf_close(file);
        if (!status) assert_encodes_cab(t, strcmp(c->key, "merges") != 0);
        if (!status) rkv_tokenizer_free(t);
    }
}

static void encode_every_byte(const rkv_tokenizer *t) {
    char text[256];
    int32_t *ids;
    size_t n;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    assert_int_equal(rkv_tokenizer_encode(t, text, sizeof text, NULL, &ids, &n), RKV_OK);
    for (size_t i = 0; i < n; i++)
        assert_in_range(ids[i], 0, rkv_tokenizer_vocabulary_size(t) - 1);
    rkv_free(ids);
}

/* A model file with bytes changed at random: refused or read, and what is read works. */
static void test_mutated_files(void **state) {
    (void)state;
    char *bytes;
    size_t size, opened = 0;
    rkv_random random = {21};
    assert_int_equal(tiny_model_write(path, NULL), RKV_OK);
    assert_int_equal(rkv_read_file(path, 1 << 28, &bytes, &size), RKV_OK);
    size_t metadata = size < 20000 ? size : 20000;
    for (int i = 0; i < 300; i++) {
        char kept[8];
        size_t at = rkv_random_below(&random, metadata - sizeof kept),
               n = 1 + rkv_random_below(&random, sizeof kept);
        memcpy(kept, bytes + at, n);
        for (size_t j = 0; j < n; j++)
            bytes[at + j] = (char)rkv_random_next(&random);
        assert_int_equal(rkv_write_file(path, bytes, size), RKV_OK);
        memcpy(bytes + at, kept, n);
        rkv_gguf *file;
        rkv_tokenizer *t;
        if (rkv_gguf_open(&file, path)) continue;
        if (rkv_tokenizer_new(&t, file) == RKV_OK) {
            opened++;
            encode_every_byte(t);
            rkv_tokenizer_free(t);
        }
        rkv_gguf_close(file);
    }
    print_message("%zu of 300 changed files were read\n", opened);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_mutated_files),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
