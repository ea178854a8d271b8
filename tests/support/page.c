/* page.c: looks into the page of a report as a browser would. */
#include "support/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>

char *page_between(const char *page, const char *open, const char *close) {
    const char *from = strstr(page, open), *to = from ? strstr(from + strlen(open), close) : NULL;
    if (!to) fail_msg("the page has no %s...%s", open, close);
    from += strlen(open);
    char *text = strndup(from, (size_t)(to - from));
    assert_non_null(text);
    return text;
}

static char *block(const char *page, const char *type, const char *id) {
    char open[120];
    snprintf(open, sizeof open, "<script type=\"application/%s\" id=\"%s\">", type, id);
    return page_between(page, open, "</script>");
}

json_t *page_json(const char *page, const char *id) {
    json_error_t error;
    char *text = block(page, "json", id);
    json_t *value = json_loads(text, 0, &error);
    if (!value) fail_msg("%s: line %d: %s", id, error.line, error.text);
    free(text);
    return value;
}

static size_t count(const char *page, const char *word) {
    size_t n = 0;
    for (const char *at = page; (at = strstr(at, word)); at++)
        n++;
    return n;
}

void page_check(const char *page) {
    json_t *manifest = page_json(page, "manifest");
    size_t n_documents = json_array_size(json_object_get(manifest, "documents"));
    size_t n_arrays = json_array_size(json_object_get(manifest, "arrays"));
    char id[40];
    for (size_t i = 0; i < n_documents; i++) {
        snprintf(id, sizeof id, "document-%zu", i);
        json_decref(page_json(page, id));
    }
    assert_int_equal(count(page, "<script>"), 1);
    assert_int_equal(count(page, "<script type="), 1 + n_documents + n_arrays);
    assert_int_equal(count(page, "</script"), 2 + n_documents + n_arrays);
    assert_int_equal(count(page, "<style"), 1);
    json_decref(manifest);
}

/* ---- arrays ---- */

size_t page_find_array(const char *page, const char *name) {
    json_t *manifest = page_json(page, "manifest"), *arrays = json_object_get(manifest, "arrays");
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < json_array_size(arrays) && found == SIZE_MAX; i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(arrays, i), "name")), name) == 0)
            found = i;
    json_decref(manifest);
    if (found == SIZE_MAX) fail_msg("the page has no array %s", name);
    return found;
}

size_t page_array_bytes(const char *page, size_t index) {
    json_t *manifest = page_json(page, "manifest");
    json_t *array = json_array_get(json_object_get(manifest, "arrays"), index);
    json_t *shape = json_object_get(array, "shape");
    size_t bytes = strcmp(json_string_value(json_object_get(array, "type")), "u8") == 0 ? 1 : 4;
    for (size_t i = 0; i < json_array_size(shape); i++)
        bytes *= (size_t)json_integer_value(json_array_get(shape, i));
    json_decref(manifest);
    return bytes;
}

/* base64 [length] as bytes; gives their number. */
static size_t decode(const char *base64, size_t length, unsigned char *out) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    size_t n_bits = 0, n = 0;
    for (size_t i = 0; i < length && base64[i] != '='; i++) {
        const char *letter = strchr(letters, base64[i]);
        assert_true(letter && *letter);
        bits = bits << 6 | (unsigned)(letter - letters);
        n_bits += 6;
        if (n_bits < 8) continue;
        n_bits -= 8;
        out[n++] = (unsigned char)(bits >> n_bits);
    }
    return n;
}

static size_t inflate(const char *line, size_t length, unsigned char *out, size_t capacity) {
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    unsigned char *packed = malloc(length + 1);
    assert_true(decompressor && packed && length % 4 == 0);
    size_t n = decode(line, length, packed), got = 0;
    assert_int_equal(libdeflate_zlib_decompress(decompressor, packed, n, out, capacity, &got),
                     LIBDEFLATE_SUCCESS);
    libdeflate_free_decompressor(decompressor);
    free(packed);
    return got;
}

size_t page_array(const char *page, size_t index, unsigned char *out, size_t capacity) {
    char id[40];
    snprintf(id, sizeof id, "array-%zu", index);
    char *lines = block(page, "octet-stream", id), *line = lines;
    size_t total = 0;
    while (*line) {
        size_t length = strcspn(line, "\n");
        assert_int_equal(line[length], '\n');
        total += inflate(line, length, out + total, capacity - total);
        line += length + 1;
    }
    free(lines);
    return total;
}
