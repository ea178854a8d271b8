/* gguf_metadata.c: reading and checking the metadata of a GGUF file. */
#include <inttypes.h>

#include "core/memory.h"
#include "io/gguf_file.h"

/* The longest key that the format allows. */
#define KEY_LIMIT 65535

static const rkv_gguf_kind kinds[] = {
    {"uint8", RKV_GGUF_UNSIGNED, 1}, {"int8", RKV_GGUF_SIGNED, 1},     {"uint16", RKV_GGUF_UNSIGNED, 2},
    {"int16", RKV_GGUF_SIGNED, 2},   {"uint32", RKV_GGUF_UNSIGNED, 4}, {"int32", RKV_GGUF_SIGNED, 4},
    {"float32", RKV_GGUF_FLOAT, 4},  {"bool", RKV_GGUF_BOOL, 1},       {"string", RKV_GGUF_STRING, 8},
    {"array", RKV_GGUF_ARRAY, 12},   {"uint64", RKV_GGUF_UNSIGNED, 8}, {"int64", RKV_GGUF_SIGNED, 8},
    {"float64", RKV_GGUF_FLOAT, 8},
};

const rkv_gguf_kind *rkv_gguf_kind_find(uint32_t id) {
    return id < sizeof kinds / sizeof *kinds ? &kinds[id] : NULL;
}

static rkv_status take_kind(rkv_gguf_cursor *cursor, const char *field, const rkv_gguf_kind **kind) {
    size_t at = cursor->at;
    uint32_t id;
    rkv_status status = rkv_gguf_take_u32(cursor, field, &id);
    if (status) return status;
    *kind = rkv_gguf_kind_find(id);
    if (*kind) return RKV_OK;
    return rkv_gguf_refuse(cursor, at, "%s %" PRIu32 " is unknown, the last known is %zu", field, id,
                           sizeof kinds / sizeof *kinds - 1);
}

/* Strings are walked, so that every later reader may trust their lengths. */
static rkv_status take_strings(rkv_gguf_cursor *cursor, uint64_t count) {
    rkv_status status = RKV_OK;
    rkv_gguf_string string;
    for (uint64_t i = 0; !status && i < count; i++)
        status = rkv_gguf_take_string(cursor, "string", &string);
    return status;
}

static rkv_status check_bools(const rkv_gguf_cursor *cursor, const unsigned char *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (values[i] > 1)
            return rkv_gguf_refuse(cursor, (size_t)(values - cursor->file->mapping.bytes) + i,
                                   "bool is %d, 0 and 1 are allowed", values[i]);
    return RKV_OK;
}

static rkv_status take_values(rkv_gguf_cursor *cursor, uint64_t count, rkv_gguf_entry *entry) {
    size_t start = cursor->at;
    const unsigned char *bytes;
    rkv_status status = rkv_gguf_take(cursor, "value", count, entry->kind->bytes, &bytes);
    if (status) return status;
    entry->values = bytes;
    entry->count = (size_t)count;
    if (entry->kind->class == RKV_GGUF_STRING) {
        cursor->at = start; /* so far only the least that the strings take was checked */
        return take_strings(cursor, count);
    }
    return entry->kind->class == RKV_GGUF_BOOL ? check_bools(cursor, bytes, entry->count) : RKV_OK;
}

static rkv_status take_entry(rkv_gguf_cursor *cursor, rkv_gguf_entry *entry) {
    *entry = (rkv_gguf_entry){0};
    uint64_t count = 1;
    rkv_status status = rkv_gguf_take_name(cursor, KEY_LIMIT);
    if (!status) status = take_kind(cursor, "kind", &entry->kind);
    if (status) return status;
    if (entry->kind->class == RKV_GGUF_ARRAY) {
        size_t at = cursor->at;
        entry->is_array = true;
        status = take_kind(cursor, "kind of the array's elements", &entry->kind);
        if (!status && entry->kind->class == RKV_GGUF_ARRAY)
            status = rkv_gguf_refuse(cursor, at, "an array of arrays, which is not supported");
        if (!status) status = rkv_gguf_take_u64(cursor, "length of the array", &count);
    }
    return status ? status : take_values(cursor, count, entry);
}

rkv_status rkv_gguf_read_metadata(rkv_gguf_cursor *cursor, uint64_t count) {
    rkv_gguf *file = cursor->file;
    rkv_status status = RKV_OK;
    cursor->part = "metadata key";
    for (uint64_t i = 0; !status && i < count; i++) {
        cursor->number = i;
        rkv_gguf_entry entry;
        status = take_entry(cursor, &entry);
        if (!status) status = rkv_grow(&file->entries, &file->entry_capacity, file->keys.n + 1, sizeof entry);
        if (status) break;
        file->entries[file->keys.n] = entry;
        status = rkv_name_index_add(&file->keys, cursor->name.bytes, cursor->name.length);
    }
    size_t twice;
    if (!status) status = rkv_name_index_seal(&file->keys, &twice);
    if (status || twice == file->keys.n) return status;
    rkv_gguf_point_at(cursor, "metadata key", rkv_name_index_at(&file->keys, twice));
    return rkv_gguf_refuse(cursor, (size_t)(file->entries[twice].values - file->mapping.bytes),
                           "appears twice");
}
