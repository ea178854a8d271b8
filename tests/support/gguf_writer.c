/* gguf_writer.c: GGUF files for tests. */
#include "support/gguf_writer.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"

size_t gguf_kind_bytes(gguf_kind_id kind) {
    static const size_t bytes[GGUF_KIND_COUNT] = {
        [GGUF_UINT8] = 1,  [GGUF_INT8] = 1,  [GGUF_UINT16] = 2,  [GGUF_INT16] = 2,
        [GGUF_UINT32] = 4, [GGUF_INT32] = 4, [GGUF_FLOAT32] = 4, [GGUF_BOOL] = 1,
        [GGUF_UINT64] = 8, [GGUF_INT64] = 8, [GGUF_FLOAT64] = 8,
    };
    return bytes[kind];
}

/* Little-endian, as every host that RankKV is built for. */
static void add_u32(rkv_text *text, uint32_t value) {
    rkv_text_add(text, (const char *)&value, sizeof value);
}

static void add_u64(rkv_text *text, uint64_t value) {
    rkv_text_add(text, (const char *)&value, sizeof value);
}

static void add_bytes(rkv_text *text, const char *bytes, size_t length) {
    add_u64(text, length);
    rkv_text_add(text, bytes, length);
}

static void add_zeros_to_multiple(rkv_text *text, size_t alignment) {
    while (text->length % alignment != 0)
        rkv_text_add(text, "", 1);
}

/* ---- metadata ---- */

void gguf_write_raw(gguf_writer *writer, const char *key, size_t length, uint32_t kind, const void *value,
                    size_t bytes) {
    add_bytes(&writer->entries, key, length);
    add_u32(&writer->entries, kind);
    rkv_text_add(&writer->entries, value, bytes);
    writer->n_entries++;
}

void gguf_write_integer(gguf_writer *writer, const char *key, gguf_kind_id kind, int64_t value) {
    gguf_write_raw(writer, key, strlen(key), kind, &value, gguf_kind_bytes(kind));
}

void gguf_write_float(gguf_writer *writer, const char *key, gguf_kind_id kind, double value) {
    float single = (float)value;
    gguf_write_raw(writer, key, strlen(key), kind, kind == GGUF_FLOAT32 ? (void *)&single : &value,
                   gguf_kind_bytes(kind));
}

void gguf_write_bool(gguf_writer *writer, const char *key, bool value) {
    gguf_write_integer(writer, key, GGUF_BOOL, value);
}

void gguf_write_string(gguf_writer *writer, const char *key, const char *value) {
    gguf_write_raw(writer, key, strlen(key), GGUF_STRING, "", 0);
    add_bytes(&writer->entries, value, strlen(value));
}

static void begin_array(gguf_writer *writer, const char *key, gguf_kind_id kind, size_t n) {
    gguf_write_raw(writer, key, strlen(key), GGUF_ARRAY, "", 0);
    add_u32(&writer->entries, kind);
    add_u64(&writer->entries, n);
}

void gguf_write_array(gguf_writer *writer, const char *key, gguf_kind_id kind, const void *values, size_t n) {
    begin_array(writer, key, kind, n);
    rkv_text_add(&writer->entries, values, n * gguf_kind_bytes(kind));
}

void gguf_write_strings(gguf_writer *writer, const char *key, const char *const *values, size_t n) {
    begin_array(writer, key, GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        add_bytes(&writer->entries, values[i], strlen(values[i]));
}

/* ---- tensors ---- */

void gguf_write_tensor_info(gguf_writer *writer, const char *name, size_t length, uint32_t type,
                            uint32_t n_dims, const uint64_t *dims, uint64_t offset) {
    add_bytes(&writer->tensors, name, length);
    add_u32(&writer->tensors, n_dims);
    for (uint32_t i = 0; i < n_dims; i++)
        add_u64(&writer->tensors, dims[i]);
    add_u32(&writer->tensors, type);
    add_u64(&writer->tensors, offset);
    writer->n_tensors++;
}

void gguf_write_tensor(gguf_writer *writer, const char *name, uint32_t type, uint32_t n_dims,
                       const uint64_t *dims, const void *data, size_t bytes) {
    add_zeros_to_multiple(&writer->data, writer->alignment ? writer->alignment : 32);
    gguf_write_tensor_info(writer, name, strlen(name), type, n_dims, dims, writer->data.length);
    rkv_text_add(&writer->data, data, bytes);
}

/* ---- the file ---- */

static void append(rkv_text *file, rkv_text *part) {
    if (part->status) file->status = part->status;
    if (part->length) rkv_text_add(file, part->bytes, part->length);
    free(part->bytes);
    *part = (rkv_text){0};
}

rkv_status gguf_writer_finish(gguf_writer *writer, char **bytes, size_t *size) {
    rkv_text file = {0};
    rkv_text_add(&file, "GGUF", 4);
    add_u32(&file, writer->version ? writer->version : 3);
    add_u64(&file, writer->n_tensors);
    add_u64(&file, writer->n_entries);
    append(&file, &writer->entries);
    append(&file, &writer->tensors);
    add_zeros_to_multiple(&file, writer->alignment ? writer->alignment : 32);
    append(&file, &writer->data);
    *size = file.length;
    *writer = (gguf_writer){0};
    return rkv_text_finish(&file, bytes);
}

rkv_status gguf_writer_save(gguf_writer *writer, const char *path) {
    char *bytes = NULL;
    size_t size;
    rkv_status status = gguf_writer_finish(writer, &bytes, &size);
    if (!status) status = rkv_write_file(path, bytes, size);
    free(bytes);
    return status;
}
