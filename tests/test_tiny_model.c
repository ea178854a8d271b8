/* test_tiny_model.c: the tiny model that other tests use is what it says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/hash.h"
#include "core/memory.h"
#include "io/gguf.h"
#include "support/tiny_model.h"

static char path[] = "/tmp/rankkv-tiny-XXXXXX";

static int make_path(void **state) {
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

static rkv_gguf *make(const tiny_model_options *options) {
    rkv_gguf *file;
    if (tiny_model_write(path, options) || rkv_gguf_open(&file, path)) fail_msg("%s", rkv_message());
    return file;
}

/* Mean about 0, deviation about the wished one (the recipes are good to 10 %). */
static void assert_spread(const rkv_gguf_tensor *tensor, double deviation) {
    float *values;
    double sum = 0, squares = 0, n = (double)tensor->n_elements;
    assert_int_equal(rkv_alloc(&values, tensor->n_elements, sizeof *values), RKV_OK);
    tensor->type->decode(tensor->data, values, tensor->n_elements);
    for (size_t i = 0; i < tensor->n_elements; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    if (!(fabs(sum / n) < 0.2 * deviation) || !(fabs(sqrt(squares / n) - deviation) < 0.1 * deviation))
        fail_msg("%s %s: mean %g, deviation %g, wished %g", tensor->type->name, tensor->name, sum / n,
                 sqrt(squares / n), deviation);
    free(values);
}

static void test_every_type(void **state) {
    (void)state;
    const rkv_tensor_type *type;
    for (size_t i = 0; (type = rkv_tensor_type_at(i)); i++) {
        rkv_gguf *file = make(&(tiny_model_options){.type = type->name, .seed = i});
        const rkv_gguf_tensor *down = rkv_gguf_tensor_find(file, "blk.1.ffn_down.weight");
        const rkv_gguf_tensor *k = rkv_gguf_tensor_find(file, "blk.0.attn_k.weight");
        assert_non_null(down);
        assert_ptr_equal(down->type, type);
        assert_spread(down, 1 / sqrt((double)down->dims[0]));
        assert_spread(rkv_gguf_tensor_find(file, "token_embd.weight"), 8 / sqrt((double)k->dims[0]));
        assert_true(k->dims[0] == 2 * k->dims[1]);
        assert_int_equal(rkv_gguf_tensor_count(file), 2 * 9 + 3);
        rkv_gguf_close(file);
    }
    assert_int_equal(tiny_model_write(path, &(tiny_model_options){.type = "Q9"}), RKV_USAGE);
}

static void test_options(void **state) {
    (void)state;
    rkv_gguf *file =
        make(&(tiny_model_options){.tied = true, .n_layers = 3, .n_embd = 32, .n_heads = 8, .n_ff = 40});
    uint64_t value;
    assert_null(rkv_gguf_tensor_find(file, "output.weight"));
    assert_int_equal(rkv_gguf_u64(file, "llama.block_count", &value), RKV_OK);
    assert_int_equal(value, 3);
    assert_int_equal(rkv_gguf_u64(file, "llama.rope.dimension_count", &value), RKV_OK);
    assert_int_equal(value, 4);
    assert_int_equal(rkv_gguf_tensor_find(file, "blk.2.ffn_up.weight")->dims[1], 40);
    rkv_gguf_close(file);
}

static void file_hash(char hex[65]) {
    rkv_mapping mapping;
    assert_int_equal(rkv_map_file(&mapping, path), RKV_OK);
    assert_int_equal(rkv_sha256(mapping.bytes, mapping.size, hex), RKV_OK);
    rkv_unmap_file(&mapping);
}

static void test_seed_decides(void **state) {
    (void)state;
    char first[65], again[65], other[65];
    assert_int_equal(tiny_model_write(path, NULL), RKV_OK);
    file_hash(first);
    assert_int_equal(tiny_model_write(path, &(tiny_model_options){0}), RKV_OK);
    file_hash(again);
    assert_int_equal(tiny_model_write(path, &(tiny_model_options){.seed = 1}), RKV_OK);
    file_hash(other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

static bool has_token(const rkv_gguf_string *tokens, size_t n, const char *bytes, size_t length) {
    for (size_t i = 0; i < n; i++)
        if (tokens[i].length == length && memcmp(tokens[i].bytes, bytes, length) == 0) return true;
    return false;
}

/* Tokens are distinct, and every merge joins two tokens that come before its own. */
static void test_vocabulary(void **state) {
    (void)state;
    rkv_gguf *file = make(NULL);
    rkv_gguf_string *tokens, *merges;
    int64_t *kinds;
    size_t n, n_merges, n_kinds;
    assert_int_equal(rkv_gguf_str_array(file, "tokenizer.ggml.tokens", &tokens, &n), RKV_OK);
    assert_int_equal(rkv_gguf_str_array(file, "tokenizer.ggml.merges", &merges, &n_merges), RKV_OK);
    assert_int_equal(rkv_gguf_i64_array(file, "tokenizer.ggml.token_type", &kinds, &n_kinds), RKV_OK);
    assert_int_equal(n, tiny_model_n_vocab());
    assert_int_equal(n, n_kinds);
    assert_int_equal(n, TINY_MODEL_FIRST_BYTE + 256 + n_merges);
    for (size_t i = 0; i < n; i++) {
        assert_false(has_token(tokens, i, tokens[i].bytes, tokens[i].length));
        assert_int_equal(kinds[i], i < TINY_MODEL_FIRST_BYTE ? 3 : 1);
    }
    assert_memory_equal(tokens[TINY_MODEL_FIRST_BYTE].bytes, "!", 1);
    for (size_t i = 0; i < n_merges; i++) {
        const rkv_gguf_string merge = merges[i], merged = tokens[n - n_merges + i];
        size_t left = (size_t)((const char *)memchr(merge.bytes, ' ', merge.length) - merge.bytes);
        assert_true(has_token(tokens, n - n_merges + i, merge.bytes, left));
        assert_true(has_token(tokens, n - n_merges + i, merge.bytes + left + 1, merge.length - left - 1));
        assert_int_equal(merged.length, merge.length - 1);
        assert_memory_equal(merged.bytes, merge.bytes, left);
    }
    free(tokens);
    free(merges);
    free(kinds);
    rkv_gguf_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_seed_decides),
        cmocka_unit_test(test_vocabulary),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
