/* test_gguf_hostile.c: GGUF files cut short, changed and made to be slow: refused or read, with little
 * memory. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/random.h"
#include "io/gguf.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

/* ---- every allocation of core/memory.h passes here (see CMakeLists.txt) ---- */

static size_t bytes_asked_for;

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    bytes_asked_for += size;
    return __real_aligned_alloc(alignment, size);
}

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size) {
    bytes_asked_for += size;
    return __real_realloc(memory, size);
}

/* ---- a mapping becomes a copy, so that a read one byte past the file is seen ---- */

void *__wrap_mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset);
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    (void)address, (void)protection, (void)flags;
    char *copy = malloc(length);
    if (copy && pread(descriptor, copy, length, offset) == (ssize_t)length) return copy;
    free(copy);
    return MAP_FAILED;
}

int __wrap_munmap(void *memory, size_t length);
int __wrap_munmap(void *memory, size_t length) {
    (void)length;
    free(memory);
    return 0;
}

/* What opening a file of so many bytes may ask for, all requests added up: the densest header has a tensor in
 * 33 bytes, for which 96 bytes of record (up to 4 times over, as the array doubles) and 80 of index are
 * needed. */
static size_t open_limit(size_t size) {
    return 16 * size + 8192;
}

/* ---- the file under attack ---- */

static char path[] = "/tmp/rankkv-hostile-XXXXXX";

static int make_path(void **state) {
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

/* A file with every kind of metadata, alone and in arrays, and two tensors. */
static void write_all_kinds(void) {
    gguf_writer writer = {.alignment = 64};
    const uint64_t numbers[4] = {1};
    char key[16];
    for (gguf_kind_id kind = 0; kind < GGUF_KIND_COUNT; kind++) {
        if (kind == GGUF_STRING || kind == GGUF_ARRAY) continue;
        snprintf(key, sizeof key, "k%d", kind);
        gguf_write_raw(&writer, key, strlen(key), kind, numbers, gguf_kind_bytes(kind));
        snprintf(key, sizeof key, "a%d", kind);
        gguf_write_array(&writer, key, kind, numbers, 2);
    }
    gguf_write_string(&writer, "s",
                      "some text that is long enough to be cut where a value is shown as one line \u20AC");
    gguf_write_strings(&writer, "as", (const char *const[]){"x", "", "yz"}, 3);
    gguf_write_integer(&writer, "general.alignment", GGUF_UINT32, 64);
    gguf_write_tensor(&writer, "w", 0, 2, (uint64_t[]){4, 2}, numbers, sizeof numbers);
    gguf_write_tensor(&writer, "v", 2, 4, (uint64_t[]){32, 1, 1, 1}, "0123456789abcdefgh", 18);
    assert_int_equal(gguf_writer_save(&writer, path), RKV_OK);
}

/* ---- using all of a file that opened ---- */

static void read_string(rkv_gguf_string string) {
    static volatile unsigned sink;
    for (size_t i = 0; i < string.length; i++)
        sink += (unsigned char)string.bytes[i];
}

/* Asks for every key as everything: most are of another kind, and say so. */
static void touch_key(const rkv_gguf *file, const char *key) {
    char *text;
    uint64_t integer;
    double number, *numbers;
    bool flag;
    int64_t *integers;
    rkv_gguf_string string, *strings;
    size_t n;
    assert_int_equal(rkv_gguf_value_text(file, key, &text), RKV_OK);
    assert_true(strlen(text) < 512);
    free(text);
    (void)!rkv_gguf_u64(file, key, &integer);
    (void)!rkv_gguf_f64(file, key, &number);
    (void)!rkv_gguf_bool(file, key, &flag);
    if (!rkv_gguf_str(file, key, &string)) read_string(string);
    if (!rkv_gguf_str_array(file, key, &strings, &n))
        for (size_t i = 0; i < n; i++)
            read_string(strings[i]);
    free(strings);
    (void)!rkv_gguf_i64_array(file, key, &integers, &n);
    free(integers);
    (void)!rkv_gguf_f64_array(file, key, &numbers, &n);
    free(numbers);
}

static void touch_all(const rkv_gguf *file) {
    const char *key;
    for (size_t i = 0; (key = rkv_gguf_key_at(file, i)); i++)
        touch_key(file, key);
    for (size_t i = 0; i < rkv_gguf_tensor_count(file); i++) {
        const rkv_gguf_tensor *tensor = rkv_gguf_tensor_at(file, i);
        assert_ptr_equal(rkv_gguf_tensor_find(file, tensor->name), tensor);
        float *values;
        assert_int_equal(rkv_alloc_raw(&values, tensor->n_elements, sizeof *values), RKV_OK);
        tensor->type->decode(tensor->data, values, tensor->n_elements);
        free(values);
    }
}

/* Opens and, where that works, uses everything. RKV_OK, or RKV_DATA with a message that has the file and an
 * offset. */
static rkv_status try_file(size_t size) {
    rkv_gguf *file;
    bytes_asked_for = 0;
    rkv_status status = rkv_gguf_open(&file, path);
    if (bytes_asked_for > open_limit(size))
        fail_msg("opening %zu bytes asked for %zu bytes of memory", size, bytes_asked_for);
    if (status == RKV_OK) {
        touch_all(file);
    } else if (status != RKV_DATA || !strstr(rkv_message(), path) || !strstr(rkv_message(), "(at offset ")) {
        fail_msg("status %d, message '%s'", status, rkv_message());
    }
    rkv_gguf_close(file);
    return status;
}

/* ---- the attacks ---- */

/* Size of the file, and of what comes before the data of its first tensor. */
static size_t file_size(size_t *header) {
    rkv_gguf *file;
    size_t size;
    if (rkv_gguf_open(&file, path)) fail_msg("%s", rkv_message());
    const unsigned char *bytes = rkv_gguf_bytes(file, &size);
    *header = (size_t)((const unsigned char *)rkv_gguf_tensor_at(file, 0)->data - bytes);
    rkv_gguf_close(file);
    return size;
}

/* Cut at every length, longest first: always refused. */
static void cut_everywhere(void) {
    size_t header, size = file_size(&header);
    assert_int_equal(try_file(size), RKV_OK);
    while (size-- > 0) {
        assert_int_equal(truncate(path, (off_t)size), 0);
        if (try_file(size) == RKV_OK) fail_msg("a file cut to %zu bytes was read", size);
    }
}

/* Every bit of the header turned, and every byte set to extremes, one at a time. */
static void change_everywhere(void) {
    static const unsigned char values[] = {0xFF, 0x7F, 0x00};
    size_t header, size = file_size(&header);
    int descriptor = open(path, O_RDWR);
    assert_true(descriptor >= 0);
    for (off_t at = 0; at < (off_t)header; at++) {
        unsigned char old;
        assert_int_equal(pread(descriptor, &old, 1, at), 1);
        for (int i = 0; i < 8 + (int)sizeof values; i++) {
            unsigned char changed = i < 8 ? old ^ (unsigned char)(1 << i) : values[i - 8];
            assert_int_equal(pwrite(descriptor, &changed, 1, at), 1);
            try_file(size);
        }
        assert_int_equal(pwrite(descriptor, &old, 1, at), 1);
    }
    assert_int_equal(try_file(size), RKV_OK);
    close(descriptor);
}

static void write_tiny_model(void) {
    const tiny_model_options options = {
        .type = "Q4_1", .n_layers = 1, .n_embd = 32, .n_heads = 2, .n_kv_heads = 1, .n_ff = 32, .tied = true};
    assert_int_equal(tiny_model_write(path, &options), RKV_OK);
}

static void test_all_kinds_cut(void **state) {
    (void)state;
    write_all_kinds();
    cut_everywhere();
}

static void test_all_kinds_changed(void **state) {
    (void)state;
    write_all_kinds();
    change_everywhere();
}

static void test_tiny_model_cut(void **state) {
    (void)state;
    write_tiny_model();
    cut_everywhere();
}

static void test_tiny_model_changed(void **state) {
    (void)state;
    write_tiny_model();
    change_everywhere();
}

/* Several bytes changed at once, to reach what one change does not. */
static void test_random_changes(void **state) {
    (void)state;
    write_all_kinds();
    size_t header, size = file_size(&header);
    rkv_random random = {2024};
    int descriptor = open(path, O_RDWR);
    char *whole, *changed;
    size_t length;
    assert_int_equal(rkv_read_file(path, size, &whole, &length), RKV_OK);
    assert_int_equal(rkv_copy_bytes(&changed, whole, size), RKV_OK);
    for (int round = 0; round < 5000; round++) {
        memcpy(changed, whole, size);
        for (size_t n = 2 + rkv_random_below(&random, 6); n > 0; n--)
            changed[4 + rkv_random_below(&random, header - 4)] = (char)(rkv_random_next(&random) & 0x83);
        assert_int_equal(pwrite(descriptor, changed, size, 0), size);
        try_file(size);
    }
    close(descriptor);
    free(whole);
    free(changed);
}

/* ---- as many small parts as fit: time n log n, memory bounded ---- */

#define MANY 100000

static void write_many(bool tensors, size_t twice) {
    static const char prefix[] = "the-same-beginning-of-every-name-";
    gguf_writer writer = {0};
    for (size_t i = 0; i < MANY; i++) {
        char name[64];
        int length = snprintf(name, sizeof name, "%s%zu", prefix, i == twice ? 0 : i);
        if (tensors)
            gguf_write_tensor(&writer, name, 0, 1, (uint64_t[]){1}, "\0\0\0", 4);
        else
            gguf_write_raw(&writer, name, (size_t)length, GGUF_UINT8, "", 1);
    }
    assert_int_equal(gguf_writer_save(&writer, path), RKV_OK);
}

static void test_many_keys_and_tensors(void **state) {
    (void)state;
    rkv_gguf *file;
    for (int tensors = 0; tensors < 2; tensors++) {
        write_many(tensors, MANY - 1);
        assert_int_equal(rkv_gguf_open(&file, path), RKV_DATA);
        assert_non_null(strstr(rkv_message(), "the-same-beginning-of-every-name-0': appears twice"));
        write_many(tensors, MANY);
        assert_int_equal(rkv_gguf_open(&file, path), RKV_OK);
        touch_all(file);
        rkv_gguf_close(file);
    }
}

/* The densest headers: names of three bytes. */
static void test_memory_of_dense_headers(void **state) {
    (void)state;
    for (int tensors = 0; tensors < 2; tensors++) {
        gguf_writer writer = {.alignment = 8};
        gguf_write_integer(&writer, "general.alignment", GGUF_UINT32, 8);
        for (unsigned i = 1; i < 65536; i++) {
            char name[4];
            for (int k = 0; k < 3; k++)
                name[k] = (char)('0' + (i >> 6 * k & 63));
            if (tensors)
                gguf_write_tensor_info(&writer, name, 3, 0, 1, (uint64_t[]){1}, 8 * i);
            else
                gguf_write_raw(&writer, name, 3, GGUF_UINT8, "", 1);
        }
        for (unsigned i = 0; tensors && i < 65537; i++)
            rkv_text_add(&writer.data, "12345678", 8);
        char *bytes;
        size_t size;
        assert_int_equal(gguf_writer_finish(&writer, &bytes, &size), RKV_OK);
        assert_int_equal(rkv_write_file(path, bytes, size), RKV_OK);
        free(bytes);
        rkv_gguf *file;
        bytes_asked_for = 0;
        if (rkv_gguf_open(&file, path)) fail_msg("%s", rkv_message());
        assert_in_range(bytes_asked_for, size, open_limit(size)); /* at least size: the counting works */
        rkv_gguf_close(file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds_cut),           cmocka_unit_test(test_all_kinds_changed),
        cmocka_unit_test(test_tiny_model_cut),          cmocka_unit_test(test_tiny_model_changed),
        cmocka_unit_test(test_random_changes),          cmocka_unit_test(test_many_keys_and_tensors),
        cmocka_unit_test(test_memory_of_dense_headers),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
