/* gguf_writer.h: GGUF files for tests, also wrong ones: nothing is checked.
 *
 *     gguf_writer writer = {0};
 *     gguf_write_integer(&writer, "llama.block_count", GGUF_UINT32, 2);
 *     gguf_write_tensor(&writer, "w", 0, 2, (uint64_t[]){64, 4}, data, 1024);
 *     gguf_writer_save(&writer, "w.gguf"); */
#ifndef RKV_TESTS_GGUF_WRITER_H
#define RKV_TESTS_GGUF_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"

/* The ids of the kinds of metadata. */
typedef enum gguf_kind_id {
    GGUF_UINT8,
    GGUF_INT8,
    GGUF_UINT16,
    GGUF_INT16,
    GGUF_UINT32,
    GGUF_INT32,
    GGUF_FLOAT32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_UINT64,
    GGUF_INT64,
    GGUF_FLOAT64,
    GGUF_KIND_COUNT
} gguf_kind_id;

/* Start from {0}; version 0 writes 3, alignment 0 writes 32. A general.alignment is written by the caller. */
typedef struct gguf_writer {
    uint32_t version;
    size_t alignment;
    uint64_t n_entries, n_tensors;
    rkv_text entries, tensors, data;
} gguf_writer;

/* Bytes of one number of this kind; 0 for strings and arrays. */
size_t gguf_kind_bytes(gguf_kind_id kind);

void gguf_write_integer(gguf_writer *writer, const char *key, gguf_kind_id kind, int64_t value);
void gguf_write_float(gguf_writer *writer, const char *key, gguf_kind_id kind, double value);
void gguf_write_bool(gguf_writer *writer, const char *key, bool value);
void gguf_write_string(gguf_writer *writer, const char *key, const char *value);
/* n numbers of kind, as they lie in memory. */
void gguf_write_array(gguf_writer *writer, const char *key, gguf_kind_id kind, const void *values, size_t n);
void gguf_write_strings(gguf_writer *writer, const char *key, const char *const *values, size_t n);
/* Anything: a key of length bytes, a kind, and the bytes that follow. */
void gguf_write_raw(gguf_writer *writer, const char *key, size_t length, uint32_t kind, const void *value,
                    size_t bytes);

/* type: a tensor type's id. The data follows what was written before, aligned. */
void gguf_write_tensor(gguf_writer *writer, const char *name, uint32_t type, uint32_t n_dims,
                       const uint64_t *dims, const void *data, size_t bytes);
/* Any name, dims and offset, without data of its own. */
void gguf_write_tensor_info(gguf_writer *writer, const char *name, size_t length, uint32_t type,
                            uint32_t n_dims, const uint64_t *dims, uint64_t offset);

/* The whole file; the caller frees *bytes. Empties the writer. */
rkv_status gguf_writer_finish(gguf_writer *writer, char **bytes, size_t *size);
/* The same into a file. */
rkv_status gguf_writer_save(gguf_writer *writer, const char *path);

#endif
