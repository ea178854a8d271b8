/* gguf.c: opening and closing GGUF files; their header and their tensors. */
#include "io/gguf.h"

#include <inttypes.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/gguf_file.h"
#include "io/little_endian.h"

/* The least bytes of a metadata entry (key length, a byte of key, kind, a byte of value) and of a tensor
 * (name length, a byte of name, number of dimensions, a dimension, type, offset). */
#define ENTRY_MIN  (8 + 1 + 4 + 1)
#define TENSOR_MIN (8 + 1 + 4 + 8 + 4 + 8)

static rkv_status take_magic(rkv_gguf_cursor *cursor) {
    const unsigned char *magic;
    rkv_status status = rkv_gguf_take(cursor, "magic number", 4, 1, &magic);
    if (status || memcmp(magic, "GGUF", 4) == 0) return status;
    return rkv_gguf_refuse(cursor, 0, "starts with the bytes %02X %02X %02X %02X: not a GGUF file", magic[0],
                           magic[1], magic[2], magic[3]);
}

static rkv_status take_version(rkv_gguf_cursor *cursor) {
    size_t at = cursor->at;
    uint32_t version;
    rkv_status status = rkv_gguf_take_u32(cursor, "version", &version);
    if (status || version == 2 || version == 3) return status;
    uint32_t swapped = __builtin_bswap32(version);
    if (swapped >= 1 && swapped <= 3)
        return rkv_gguf_refuse(cursor, at, "a big-endian file, only little-endian ones are read");
    return rkv_gguf_refuse(cursor, at, "version %" PRIu32 ", only 2 and 3 are read", version);
}

/* A number of things of at least least_bytes each. */
static rkv_status take_count(rkv_gguf_cursor *cursor, const char *what, size_t least_bytes, uint64_t *count) {
    size_t at = cursor->at;
    rkv_status status = rkv_gguf_take_u64(cursor, what, count);
    if (status) return status;
    size_t left = cursor->file->mapping.size - cursor->at;
    if (*count <= left / least_bytes) return RKV_OK;
    return rkv_gguf_refuse(cursor, at, "%s is %" PRIu64 ", the %zu bytes that remain hold %zu at most", what,
                           *count, left, left / least_bytes);
}

static rkv_status read_all(rkv_gguf *file) {
    rkv_gguf_cursor cursor = {.file = file, .part = "header", .number = UINT64_MAX};
    uint64_t n_tensors, n_entries;
    rkv_status status = take_magic(&cursor);
    if (!status) status = take_version(&cursor);
    if (!status) status = take_count(&cursor, "number of tensors", TENSOR_MIN, &n_tensors);
    if (!status) status = take_count(&cursor, "number of metadata entries", ENTRY_MIN, &n_entries);
    if (!status) status = rkv_gguf_read_metadata(&cursor, n_entries);
    if (!status) status = rkv_gguf_read_tensors(&cursor, n_tensors);
    return status;
}

rkv_status rkv_gguf_open(rkv_gguf **out, const char *path) {
    rkv_gguf *file = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&file, 1, sizeof *file);
    if (status) return status;
    status = rkv_copy_string(&file->path, path);
    if (!status) status = rkv_map_file(&file->mapping, path);
    if (!status) status = read_all(file);
    if (status)
        rkv_gguf_close(file);
    else
        *out = file;
    return status;
}

void rkv_gguf_close(rkv_gguf *file) {
    if (!file) return;
    free(file->records);
    rkv_name_index_clear(&file->tensors);
    free(file->entries);
    rkv_name_index_clear(&file->keys);
    rkv_unmap_file(&file->mapping);
    free(file->path);
    free(file);
}

const char *rkv_gguf_path(const rkv_gguf *file) {
    return file->path;
}

void rkv_gguf_forget_pages(const rkv_gguf *file) {
    rkv_mapping_forget(&file->mapping);
}

const void *rkv_gguf_bytes(const rkv_gguf *file, size_t *size) {
    *size = file->mapping.size;
    return file->mapping.bytes;
}

size_t rkv_gguf_tensor_count(const rkv_gguf *file) {
    return file->tensors.n;
}

const rkv_gguf_tensor *rkv_gguf_tensor_at(const rkv_gguf *file, size_t index) {
    return index < file->tensors.n ? &file->records[index].tensor : NULL;
}

const rkv_gguf_tensor *rkv_gguf_tensor_find(const rkv_gguf *file, const char *name) {
    size_t position;
    return rkv_name_index_find(&file->tensors, name, &position) ? &file->records[position].tensor : NULL;
}
