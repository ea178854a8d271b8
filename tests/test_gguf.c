/* test_gguf.c: reading GGUF files: every kind of metadata, tensors, refusals by name, and the default model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include "io/gguf.h"
#include "support/default_model.h"
#include "support/gguf_writer.h"

#define TYPE_F32  0
#define TYPE_Q4_0 2

static char path[] = "/tmp/rankkv-gguf-XXXXXX";

static int make_path(void **state) {
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

/* Saves and opens; the caller closes. */
static rkv_gguf *reopen(gguf_writer *writer) {
    rkv_gguf *file;
    assert_int_equal(gguf_writer_save(writer, path), RKV_OK);
    if (rkv_gguf_open(&file, path)) fail_msg("%s", rkv_message());
    return file;
}

/* ---- values ---- */

static const struct {
    const char *key;
    gguf_kind_id kind;
    int64_t value;
    const char *text;
} integers[] = {
    {"u8", GGUF_UINT8, 255, "255"},
    {"i8", GGUF_INT8, -128, "-128"},
    {"u16", GGUF_UINT16, 65535, "65535"},
    {"i16", GGUF_INT16, -32768, "-32768"},
    {"u32", GGUF_UINT32, UINT32_MAX, "4294967295"},
    {"i32", GGUF_INT32, INT32_MIN, "-2147483648"},
    {"u64", GGUF_UINT64, INT64_MAX, "9223372036854775807"},
    {"i64", GGUF_INT64, INT64_MIN, "-9223372036854775808"},
    {"i64+", GGUF_INT64, 7, "7"},
};
#define N_INTEGERS (sizeof integers / sizeof *integers)

static void assert_text(const rkv_gguf *file, const char *key, const char *expected) {
    char *text;
    assert_int_equal(rkv_gguf_value_text(file, key, &text), RKV_OK);
    assert_string_equal(text, expected);
    free(text);
}

static void test_integers_of_every_kind(void **state) {
    (void)state;
    gguf_writer writer = {0};
    for (size_t i = 0; i < N_INTEGERS; i++)
        gguf_write_integer(&writer, integers[i].key, integers[i].kind, integers[i].value);
    rkv_gguf *file = reopen(&writer);
    for (size_t i = 0; i < N_INTEGERS; i++) {
        const char *key = integers[i].key;
        uint64_t value = 42;
        double wide = 0;
        bool flag;
        assert_string_equal(rkv_gguf_key_at(file, i), key);
        assert_text(file, key, integers[i].text);
        assert_int_equal(rkv_gguf_f64(file, key, &wide), RKV_OK);
        assert_true(wide == (double)integers[i].value);
        rkv_status status = rkv_gguf_u64(file, key, &value);
        assert_int_equal(status, integers[i].value < 0 ? RKV_DATA : RKV_OK);
        assert_true(value == (integers[i].value < 0 ? 42 : (uint64_t)integers[i].value));
        assert_int_equal(rkv_gguf_bool(file, key, &flag), RKV_DATA);
    }
    assert_null(rkv_gguf_key_at(file, N_INTEGERS));
    rkv_gguf_close(file);
}

static void test_floats_bools_and_strings(void **state) {
    (void)state;
    gguf_writer writer = {.version = 2};
    gguf_write_float(&writer, "f32", GGUF_FLOAT32, 1e-5);
    gguf_write_float(&writer, "f64", GGUF_FLOAT64, -0.1);
    gguf_write_bool(&writer, "yes", true);
    gguf_write_bool(&writer, "no", false);
    gguf_write_string(&writer, "s", "caf\u00E9\n");
    gguf_write_string(&writer, "empty", "");
    rkv_gguf *file = reopen(&writer);
    double value;
    uint64_t integer;
    bool flag;
    rkv_gguf_string string;
    assert_int_equal(rkv_gguf_f64(file, "f32", &value), RKV_OK);
    assert_true(value == (double)1e-5f);
    assert_int_equal(rkv_gguf_f64(file, "f64", &value), RKV_OK);
    assert_true(value == -0.1);
    assert_int_equal(rkv_gguf_u64(file, "f32", &integer), RKV_DATA);
    assert_int_equal(rkv_gguf_bool(file, "yes", &flag), RKV_OK);
    assert_true(flag);
    assert_int_equal(rkv_gguf_bool(file, "no", &flag), RKV_OK);
    assert_false(flag);
    assert_int_equal(rkv_gguf_f64(file, "yes", &value), RKV_DATA);
    assert_int_equal(rkv_gguf_str(file, "s", &string), RKV_OK);
    assert_int_equal(string.length, 6);
    assert_memory_equal(string.bytes, "caf\u00E9\n", 6);
    assert_int_equal(rkv_gguf_str(file, "empty", &string), RKV_OK);
    assert_int_equal(string.length, 0);
    assert_text(file, "f32", "1e-05");
    assert_text(file, "f64", "-0.1");
    assert_text(file, "yes", "true");
    assert_text(file, "s", "caf\u00E9\u23CE");
    assert_text(file, "empty", "");
    rkv_gguf_close(file);
}

static void test_long_strings_are_cut_between_characters(void **state) {
    (void)state;
    char text[201] = "", shown[201];
    for (int i = 0; i < 66; i++)
        strcat(text, "\u20AC"); /* 3 bytes: 72 is a multiple, so shift by one */
    memmove(text + 1, text, strlen(text) + 1);
    text[0] = 'x';
    gguf_writer writer = {0};
    gguf_write_string(&writer, "s", text);
    rkv_gguf *file = reopen(&writer);
    snprintf(shown, sizeof shown, "%.70s\u2026", text);
    assert_text(file, "s", shown);
    rkv_gguf_close(file);
}

static void test_arrays(void **state) {
    (void)state;
    const int8_t bytes[] = {-1, 0, 127};
    const uint64_t wide[] = {1, UINT64_MAX};
    const float singles[] = {0.5f, -2};
    gguf_writer writer = {0};
    gguf_write_array(&writer, "i8", GGUF_INT8, bytes, 3);
    gguf_write_array(&writer, "u64", GGUF_UINT64, wide, 2);
    gguf_write_array(&writer, "f32", GGUF_FLOAT32, singles, 2);
    gguf_write_array(&writer, "none", GGUF_INT32, "", 0);
    gguf_write_strings(&writer, "s", (const char *const[]){"a", "", "bcd"}, 3);
    rkv_gguf *file = reopen(&writer);
    int64_t *integers_read;
    double *numbers;
    rkv_gguf_string *strings;
    size_t n = 99;
    assert_int_equal(rkv_gguf_i64_array(file, "i8", &integers_read, &n), RKV_OK);
    assert_true(n == 3 && integers_read[0] == -1 && integers_read[2] == 127);
    free(integers_read);
    assert_int_equal(rkv_gguf_f64_array(file, "i8", &numbers, &n), RKV_OK);
    assert_true(n == 3 && numbers[0] == -1);
    free(numbers);
    assert_int_equal(rkv_gguf_f64_array(file, "f32", &numbers, &n), RKV_OK);
    assert_true(n == 2 && numbers[0] == 0.5 && numbers[1] == -2);
    free(numbers);
    assert_int_equal(rkv_gguf_i64_array(file, "u64", &integers_read, &n), RKV_DATA);
    assert_null(integers_read);
    assert_non_null(strstr(rkv_message(), "element 1 is 18446744073709551615"));
    assert_int_equal(rkv_gguf_i64_array(file, "f32", &integers_read, &n), RKV_DATA);
    assert_int_equal(rkv_gguf_i64_array(file, "none", &integers_read, &n), RKV_OK);
    assert_int_equal(n, 0);
    free(integers_read);
    assert_int_equal(rkv_gguf_str_array(file, "s", &strings, &n), RKV_OK);
    assert_true(n == 3 && strings[0].length == 1 && strings[1].length == 0);
    assert_memory_equal(strings[2].bytes, "bcd", 3);
    free(strings);
    assert_text(file, "s", "[3] of string");
    assert_text(file, "none", "[0] of int32");
    rkv_gguf_close(file);
}

static void test_missing_and_wrong_kinds_are_named(void **state) {
    (void)state;
    gguf_writer writer = {0};
    gguf_write_string(&writer, "s", "text");
    gguf_write_array(&writer, "a", GGUF_UINT8, "xyz", 3);
    rkv_gguf *file = reopen(&writer);
    uint64_t value;
    char expected[256];
    assert_int_equal(rkv_gguf_u64(file, "llama.block_count", &value), RKV_DATA);
    snprintf(expected, sizeof expected, "%s: metadata key 'llama.block_count' is missing", path);
    assert_string_equal(rkv_message(), expected);
    assert_int_equal(rkv_gguf_u64(file, "s", &value), RKV_DATA);
    snprintf(expected, sizeof expected,
             "%s: metadata key 's': is string, an integer is needed (at offset %d)", path, 24 + 8 + 1 + 4);
    assert_string_equal(rkv_message(), expected);
    assert_int_equal(rkv_gguf_u64(file, "a", &value), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "is array of uint8, an integer is needed"));
    rkv_gguf_string string;
    assert_int_equal(rkv_gguf_str(file, "a", &string), RKV_DATA);
    assert_true(rkv_gguf_has(file, "s") && !rkv_gguf_has(file, "S") && !rkv_gguf_has(file, ""));
    rkv_gguf_close(file);
}

/* ---- tensors ---- */

static void test_tensors(void **state) {
    (void)state;
    float a[6] = {1, 2, 3, 4, 5, 6};
    char b[36] = "";
    gguf_writer writer = {.alignment = 64};
    gguf_write_integer(&writer, "general.alignment", GGUF_UINT32, 64);
    gguf_write_tensor(&writer, "b", TYPE_Q4_0, 1, (uint64_t[]){64}, b, sizeof b);
    gguf_write_tensor(&writer, "a", TYPE_F32, 2, (uint64_t[]){3, 2}, a, sizeof a);
    rkv_gguf *file = reopen(&writer);
    assert_int_equal(rkv_gguf_tensor_count(file), 2);
    assert_null(rkv_gguf_tensor_at(file, 2));
    assert_null(rkv_gguf_tensor_find(file, "c"));
    const rkv_gguf_tensor *first = rkv_gguf_tensor_at(file, 0), *second = rkv_gguf_tensor_find(file, "a");
    assert_string_equal(first->name, "b");
    assert_true(first->n_elements == 64 && first->bytes == 36 && first->dims[1] == 1);
    assert_ptr_equal(second, rkv_gguf_tensor_at(file, 1));
    assert_true(second->n_dims == 2 && second->dims[0] == 3 && second->dims[1] == 2 &&
                second->n_elements == 6);
    assert_memory_equal(second->data, a, sizeof a);
    size_t size;
    const char *bytes = rkv_gguf_bytes(file, &size);
    assert_memory_equal(bytes, "GGUF", 4);
    assert_int_equal(((const char *)second->data - bytes) % 64, 0);
    assert_string_equal(rkv_gguf_path(file), path);
    rkv_gguf_close(file);
}

/* ---- refusals ---- */

typedef struct refusal {
    const char *message;                /* what the message must contain */
    void (*write)(gguf_writer *writer); /* makes the wrong file */
} refusal;

static void write_f32(gguf_writer *writer, const char *name, size_t n) {
    static const float zeros[64];
    gguf_write_tensor(writer, name, TYPE_F32, 1, (uint64_t[]){n}, zeros, n * sizeof *zeros);
}

static void write_info(gguf_writer *writer, uint32_t type, uint32_t n_dims, uint64_t dim0, uint64_t dim1,
                       uint64_t offset) {
    const uint64_t dims[5] = {dim0, dim1, 1, 1, 1};
    write_f32(writer, "first", 64);
    gguf_write_tensor_info(writer, "t", 1, type, n_dims, dims, offset);
}

static void no_such_version(gguf_writer *writer) {
    writer->version = 1;
}
static void big_endian(gguf_writer *writer) {
    writer->version = __builtin_bswap32(3);
}
static void many_tensors(gguf_writer *writer) {
    writer->n_tensors = UINT64_MAX;
}
static void many_entries(gguf_writer *writer) {
    write_f32(writer, "t", 64);
    writer->n_entries = UINT64_MAX / 2;
}
static void one_entry_too_many(gguf_writer *writer) {
    write_f32(writer, "t", 64);
    writer->n_entries = 1;
}
static void unknown_kind(gguf_writer *writer) {
    gguf_write_raw(writer, "k", 1, 13, "1234", 4);
}
static void bad_bool(gguf_writer *writer) {
    gguf_write_raw(writer, "k", 1, GGUF_BOOL, "\x02", 1);
}
static void bad_bool_in_array(gguf_writer *writer) {
    gguf_write_array(writer, "k", GGUF_BOOL, "\x00\x01\xFF", 3);
}
static void nested_array(gguf_writer *writer) {
    gguf_write_array(writer, "k", GGUF_ARRAY, "", 0);
}
static void huge_array(gguf_writer *writer) {
    gguf_write_raw(writer, "k", 1, GGUF_ARRAY, "\x05\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x3F", 12);
}
static void huge_string_array(gguf_writer *writer) {
    gguf_write_raw(writer, "k", 1, GGUF_ARRAY, "\x08\0\0\0\x01\0\0\0\0\0\0\x20", 12);
}
static void huge_string(gguf_writer *writer) {
    gguf_write_raw(writer, "k", 1, GGUF_STRING, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
}
static void empty_key(gguf_writer *writer) {
    gguf_write_raw(writer, "", 0, GGUF_UINT8, "12", 2);
}
static void nul_in_key(gguf_writer *writer) {
    gguf_write_raw(writer, "a\0b", 3, GGUF_UINT8, "1", 1);
}
static void key_twice(gguf_writer *writer) {
    gguf_write_bool(writer, "b", true);
    gguf_write_bool(writer, "a\x1B[2J", true); /* which a terminal must not see */
    gguf_write_bool(writer, "a\x1B[2J", true);
}
static void alignment_of_zero(gguf_writer *writer) {
    gguf_write_integer(writer, "general.alignment", GGUF_UINT32, 0);
}
static void alignment_of_24(gguf_writer *writer) {
    gguf_write_integer(writer, "general.alignment", GGUF_UINT32, 24);
}
static void alignment_too_large(gguf_writer *writer) {
    gguf_write_integer(writer, "general.alignment", GGUF_UINT64, INT64_MIN);
}
static void alignment_of_text(gguf_writer *writer) {
    gguf_write_string(writer, "general.alignment", "32");
}
static void nul_in_name(gguf_writer *writer) {
    write_f32(writer, "first", 64);
    gguf_write_tensor_info(writer, "t\0u", 3, TYPE_F32, 1, (uint64_t[]){1}, 0);
}
static void long_name(gguf_writer *writer) {
    write_f32(writer, "0123456789012345678901234567890123456789012345678901234567890123456789", 64);
}
static void name_twice(gguf_writer *writer) {
    write_f32(writer, "w", 1);
    write_f32(writer, "v", 1);
    write_f32(writer, "w", 1);
}
static void no_dims(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 0, 0, 0, 0);
}
static void five_dims(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 5, 1, 1, 0);
}
static void zero_dim(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 2, 1, 0, 0);
}
static void elements_overflow(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 2, UINT64_C(1) << 32, UINT64_C(1) << 32, 0);
}
static void bytes_overflow(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 2, UINT64_C(1) << 31, UINT64_C(1) << 31, 0);
}
static void partial_block(gguf_writer *writer) {
    write_info(writer, TYPE_Q4_0, 2, 16, 2, 0);
}
static void unsupported_type(gguf_writer *writer) {
    write_info(writer, 11, 1, 256, 1, 0);
}
static void unknown_type(gguf_writer *writer) {
    write_info(writer, 4000, 1, 256, 1, 0);
}
static void misaligned(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 1, 1, 1, 4);
}
static void offset_past_end(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 1, 1, 1, UINT64_MAX - 31);
}
static void data_past_end(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 1, 17, 1, 192);
}
static void overlap(gguf_writer *writer) {
    write_info(writer, TYPE_F32, 1, 1, 1, 224);
}

static const refusal refusals[] = {
    {"header: version 1, only 2 and 3 are read (at offset 4)", no_such_version},
    {"big-endian", big_endian},
    {"header: number of tensors is 18446744073709551615", many_tensors},
    {"header: number of metadata entries is 9223372036854775807", many_entries},
    {"tensor number 0: a name of 0 bytes, 1 to 64 are allowed", one_entry_too_many},
    {"metadata key 'k': kind 13 is unknown, the last known is 12 (at offset 33)", unknown_kind},
    {"metadata key 'k': bool is 2, 0 and 1 are allowed (at offset 37)", bad_bool},
    {"bool is 255", bad_bool_in_array},
    {"metadata key 'k': an array of arrays", nested_array},
    {"metadata key 'k': value: 4611686018427387903 x 4 bytes are needed", huge_array},
    {"metadata key 'k': value: 2305843009213693953 x 8 bytes are needed", huge_string_array},
    {"metadata key 'k': string: 18446744073709551615 x 1 bytes are needed", huge_string},
    {"metadata key number 0: a name of 0 bytes, 1 to 65535 are allowed (at offset 24)", empty_key},
    {"a NUL byte in the name", nul_in_key},
    {"metadata key 'a\\x1B[2J': appears twice", key_twice},
    {"metadata key 'general.alignment': 0 is not a power of two from 8 to 65536", alignment_of_zero},
    {"24 is not a power of two", alignment_of_24},
    {"9223372036854775808 is not a power of two", alignment_too_large},
    {"metadata key 'general.alignment': is string, an integer is needed", alignment_of_text},
    {"a NUL byte in the name", nul_in_name},
    {"a name of 70 bytes, 1 to 64 are allowed", long_name},
    {"tensor 'w': appears twice", name_twice},
    {"tensor 't': 0 dimensions, 1 to 4 are allowed", no_dims},
    {"tensor 't': 5 dimensions", five_dims},
    {"tensor 't': dimension 1 is 0", zero_dim},
    {"tensor 't': dimension 1 is 4294967296: more elements than can be counted", elements_overflow},
    {"tensor 't': 4611686018427387904 elements of type F32: more bytes than can be counted", bytes_overflow},
    {"tensor 't': rows of 16 elements, Q4_0 needs a multiple of 32", partial_block},
    {"tensor 't': type 11 (Q3_K) is not one that RankKV reads", unsupported_type},
    {"tensor 't': type 4000 (unknown)", unknown_type},
    {"tensor 't': data offset 4 is not a multiple of the alignment 32", misaligned},
    {"tensor 't': data offset 18446744073709551584 is past the data section's 256 bytes", offset_past_end},
    {"tensor 't': 68 bytes of data from byte", data_past_end},
    {"tensor 't': data offset 224 lies inside the 256 bytes of another tensor at 0", overlap},
};

/* Opens what must not open; the message has the file, the expected words and an offset. */
static void assert_refused(const char *expected) {
    rkv_gguf *file = (rkv_gguf *)path;
    rkv_status status = rkv_gguf_open(&file, path);
    if (status != RKV_DATA) fail_msg("'%s' was not refused: %d", expected, status);
    assert_null(file);
    if (strncmp(rkv_message(), path, strlen(path)) != 0 || !strstr(rkv_message(), expected) ||
        !strstr(rkv_message(), "(at offset "))
        fail_msg("'%s' is not in the message '%s'", expected, rkv_message());
}

static void test_every_refusal(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        gguf_writer writer = {0};
        refusals[i].write(&writer);
        assert_int_equal(gguf_writer_save(&writer, path), RKV_OK);
        assert_refused(refusals[i].message);
    }
}

static void test_other_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } files[] = {
        {"", 0, "header: magic number: 4 x 1 bytes are needed, 0 remain (at offset 0)"},
        {"GG", 2, "header: magic number"},
        {"\x89PNG\r\n\x1A\n", 8, "starts with the bytes 89 50 4E 47: not a GGUF file"},
        {"GGUF\x03\0\0\0", 8, "header: number of tensors: 1 x 8 bytes are needed, 0 remain (at offset 8)"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        assert_int_equal(rkv_write_file(path, files[i].bytes, files[i].size), RKV_OK);
        assert_refused(files[i].message);
    }
    rkv_gguf *file;
    assert_int_equal(rkv_gguf_open(&file, "/nonexistent/model.gguf"), RKV_NO_INPUT);
    assert_int_equal(rkv_gguf_open(&file, "/tmp"), RKV_NO_INPUT);
}

/* A header alone, without the padding to a data section that is not there, is a whole file. */
static void test_no_tensors(void **state) {
    (void)state;
    rkv_gguf *file;
    assert_int_equal(rkv_write_file(path, "GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24), RKV_OK);
    assert_int_equal(rkv_gguf_open(&file, path), RKV_OK);
    assert_int_equal(rkv_gguf_tensor_count(file), 0);
    assert_null(rkv_gguf_tensor_find(file, "x"));
    assert_false(rkv_gguf_has(file, "x"));
    assert_null(rkv_gguf_key_at(file, 0));
    rkv_gguf_close(file);
}

/* ---- the default model ---- */

static void test_default_model(void **state) {
    (void)state;
    rkv_gguf *file;
    if (rkv_gguf_open(&file, default_model_or_skip())) fail_msg("%s", rkv_message());
    uint64_t layers;
    rkv_gguf_string *tokens;
    size_t n_tokens, n_elements = 0;
    assert_int_equal(rkv_gguf_tensor_count(file), 272);
    assert_int_equal(rkv_gguf_u64(file, "llama.block_count", &layers), RKV_OK);
    assert_int_equal(layers, 30);
    assert_int_equal(rkv_gguf_str_array(file, "tokenizer.ggml.tokens", &tokens, &n_tokens), RKV_OK);
    assert_int_equal(n_tokens, 49152);
    assert_memory_equal(tokens[1].bytes, "<|im_start|>", tokens[1].length);
    free(tokens);
    const rkv_gguf_tensor *q = rkv_gguf_tensor_find(file, "blk.0.attn_q.weight");
    assert_string_equal(q->type->name, "Q4_1");
    assert_true(q->n_dims == 2 && q->dims[0] == 576 && q->dims[1] == 576);
    uint64_t sum = 0; /* of the bits of all weights, as the Python package gguf decodes them */
    for (size_t i = 0; i < 272; i++) {
        const rkv_gguf_tensor *tensor = rkv_gguf_tensor_at(file, i);
        float *values;
        assert_int_equal(rkv_alloc_raw(&values, tensor->n_elements, sizeof *values), RKV_OK);
        tensor->type->decode(tensor->data, values, tensor->n_elements);
        for (size_t k = 0; k < tensor->n_elements; k++) {
            uint32_t bits;
            memcpy(&bits, values + k, sizeof bits);
            sum += bits;
        }
        n_elements += tensor->n_elements;
        free(values);
    }
    assert_int_equal(n_elements, 134515008);
    assert_true(sum == UINT64_C(282636107335735488));
    rkv_gguf_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_of_every_kind),
        cmocka_unit_test(test_floats_bools_and_strings),
        cmocka_unit_test(test_long_strings_are_cut_between_characters),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_missing_and_wrong_kinds_are_named),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_every_refusal),
        cmocka_unit_test(test_other_files_are_refused),
        cmocka_unit_test(test_no_tensors),
        cmocka_unit_test(test_default_model),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
