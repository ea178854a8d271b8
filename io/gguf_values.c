/* gguf_values.c: metadata of a GGUF file as C values and as text. */
#include <inttypes.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/gguf_file.h"
#include "io/little_endian.h"

/* Bytes of a string that rkv_gguf_value_text shows. */
#define SHOWN_STRING 72

/* ---- one value at a place that open has checked ---- */

/* The 1, 2, 4 or 8 bytes of an integer, sign-extended when signed. */
static uint64_t load_integer(const rkv_gguf_kind *kind, const unsigned char *bytes) {
    uint64_t value = 0;
    memcpy(&value, bytes, kind->bytes);
    if (kind->class != RKV_GGUF_SIGNED) return value;
    unsigned shift = 64 - 8 * (unsigned)kind->bytes;
    return (uint64_t)((int64_t)(value << shift) >> shift);
}

static double load_float(const rkv_gguf_kind *kind, const unsigned char *bytes) {
    float single;
    double wide;
    if (kind->bytes == sizeof wide) return memcpy(&wide, bytes, sizeof wide), wide;
    return memcpy(&single, bytes, sizeof single), (double)single;
}

static bool is_integer(const rkv_gguf_kind *kind) {
    return kind->class == RKV_GGUF_UNSIGNED || kind->class == RKV_GGUF_SIGNED;
}

static bool is_number(const rkv_gguf_kind *kind) {
    return is_integer(kind) || kind->class == RKV_GGUF_FLOAT;
}

static bool is_bool(const rkv_gguf_kind *kind) {
    return kind->class == RKV_GGUF_BOOL;
}

static bool is_string(const rkv_gguf_kind *kind) {
    return kind->class == RKV_GGUF_STRING;
}

static double load_number(const rkv_gguf_kind *kind, const unsigned char *bytes) {
    if (kind->class == RKV_GGUF_FLOAT) return load_float(kind, bytes);
    uint64_t value = load_integer(kind, bytes);
    return kind->class == RKV_GGUF_SIGNED ? (double)(int64_t)value : (double)value;
}

static rkv_gguf_string load_string(const unsigned char *bytes) {
    return (rkv_gguf_string){(const char *)bytes + 8, (size_t)rkv_load_u64(bytes)};
}

/* ---- finding it ---- */

static size_t offset_of(const rkv_gguf *file, const rkv_gguf_entry *entry) {
    return (size_t)(entry->values - file->mapping.bytes);
}

static rkv_status find_any(const rkv_gguf *file, const char *key, const rkv_gguf_entry **entry) {
    size_t position;
    if (!rkv_name_index_find(&file->keys, key, &position))
        return rkv_fail(RKV_DATA, "%s: metadata key '%s' is missing", file->path, key);
    *entry = &file->entries[position];
    return RKV_OK;
}

/* The entry of key when it is (or is an array of) something that fits; wanted names that in the message. */
static rkv_status find(const rkv_gguf *file, const char *key, bool array, bool (*fits)(const rkv_gguf_kind *),
                       const char *wanted, const rkv_gguf_entry **entry) {
    rkv_status status = find_any(file, key, entry);
    if (status || ((*entry)->is_array == array && fits((*entry)->kind))) return status;
    return rkv_fail(RKV_DATA, "%s: metadata key '%s': is %s%s, %s is needed (at offset %zu)", file->path, key,
                    (*entry)->is_array ? "array of " : "", (*entry)->kind->name, wanted,
                    offset_of(file, *entry));
}

bool rkv_gguf_has(const rkv_gguf *file, const char *key) {
    size_t position;
    return rkv_name_index_find(&file->keys, key, &position);
}

const char *rkv_gguf_key_at(const rkv_gguf *file, size_t index) {
    return index < file->keys.n ? rkv_name_index_at(&file->keys, index) : NULL;
}

/* ---- scalars ---- */

rkv_status rkv_gguf_u64(const rkv_gguf *file, const char *key, uint64_t *value) {
    const rkv_gguf_entry *entry = NULL;
    rkv_status status = find(file, key, false, is_integer, "an integer", &entry);
    if (status) return status;
    uint64_t loaded = load_integer(entry->kind, entry->values);
    if (entry->kind->class == RKV_GGUF_SIGNED && loaded > INT64_MAX)
        return rkv_fail(RKV_DATA,
                        "%s: metadata key '%s': is %" PRId64 ", must not be negative (at offset %zu)",
                        file->path, key, (int64_t)loaded, offset_of(file, entry));
    *value = loaded;
    return RKV_OK;
}

rkv_status rkv_gguf_f64(const rkv_gguf *file, const char *key, double *value) {
    const rkv_gguf_entry *entry = NULL;
    rkv_status status = find(file, key, false, is_number, "a number", &entry);
    if (!status) *value = load_number(entry->kind, entry->values);
    return status;
}

rkv_status rkv_gguf_bool(const rkv_gguf *file, const char *key, bool *value) {
    const rkv_gguf_entry *entry = NULL;
    rkv_status status = find(file, key, false, is_bool, "a bool", &entry);
    if (!status) *value = *entry->values != 0;
    return status;
}

rkv_status rkv_gguf_str(const rkv_gguf *file, const char *key, rkv_gguf_string *value) {
    const rkv_gguf_entry *entry = NULL;
    rkv_status status = find(file, key, false, is_string, "a string", &entry);
    if (!status) *value = load_string(entry->values);
    return status;
}

/* ---- arrays ---- */

rkv_status rkv_gguf_str_array(const rkv_gguf *file, const char *key, rkv_gguf_string **strings, size_t *n) {
    const rkv_gguf_entry *entry = NULL;
    *strings = NULL;
    rkv_status status = find(file, key, true, is_string, "an array of strings", &entry);
    if (!status) status = rkv_alloc_raw(strings, entry->count, sizeof **strings);
    if (status) return status;
    const unsigned char *bytes = entry->values;
    for (size_t i = 0; i < entry->count; i++) {
        (*strings)[i] = load_string(bytes);
        bytes += 8 + (*strings)[i].length;
    }
    *n = entry->count;
    return RKV_OK;
}

rkv_status rkv_gguf_i64_array(const rkv_gguf *file, const char *key, int64_t **values, size_t *n) {
    const rkv_gguf_entry *entry = NULL;
    *values = NULL;
    rkv_status status = find(file, key, true, is_integer, "an array of integers", &entry);
    if (!status) status = rkv_alloc_raw(values, entry->count, sizeof **values);
    if (status) return status;
    for (size_t i = 0; i < entry->count; i++) {
        uint64_t value = load_integer(entry->kind, entry->values + i * entry->kind->bytes);
        if (entry->kind->class == RKV_GGUF_UNSIGNED && value > INT64_MAX) {
            free(*values);
            *values = NULL;
            return rkv_fail(
                RKV_DATA,
                "%s: metadata key '%s': element %zu is %" PRIu64 ", the limit is %" PRId64 " (at offset %zu)",
                file->path, key, i, value, INT64_MAX, offset_of(file, entry) + i * entry->kind->bytes);
        }
        (*values)[i] = (int64_t)value;
    }
    *n = entry->count;
    return RKV_OK;
}

rkv_status rkv_gguf_f64_array(const rkv_gguf *file, const char *key, double **values, size_t *n) {
    const rkv_gguf_entry *entry = NULL;
    *values = NULL;
    rkv_status status = find(file, key, true, is_number, "an array of numbers", &entry);
    if (!status) status = rkv_alloc_raw(values, entry->count, sizeof **values);
    if (status) return status;
    for (size_t i = 0; i < entry->count; i++)
        (*values)[i] = load_number(entry->kind, entry->values + i * entry->kind->bytes);
    *n = entry->count;
    return RKV_OK;
}

/* ---- text ---- */

/* The first bytes of a long string, never a part of a UTF-8 sequence. */
static void add_string(rkv_text *text, rkv_gguf_string string) {
    size_t length = string.length;
    if (length > SHOWN_STRING) {
        length = SHOWN_STRING;
        while (length > SHOWN_STRING - 4 && ((unsigned char)string.bytes[length] & 0xC0) == 0x80)
            length--;
    }
    rkv_text_add_printable(text, string.bytes, length);
    if (length < string.length) rkv_text_printf(text, "\u2026");
}

static void add_scalar(rkv_text *text, const rkv_gguf_kind *kind, const unsigned char *bytes) {
    switch (kind->class) {
    case RKV_GGUF_UNSIGNED:
        rkv_text_printf(text, "%" PRIu64, load_integer(kind, bytes));
        break;
    case RKV_GGUF_SIGNED:
        rkv_text_printf(text, "%" PRId64, (int64_t)load_integer(kind, bytes));
        break;
    case RKV_GGUF_FLOAT:
        rkv_text_printf(text, "%.*g", kind->bytes == 4 ? 7 : 15, load_float(kind, bytes));
        break;
    case RKV_GGUF_BOOL:
        rkv_text_printf(text, "%s", *bytes ? "true" : "false");
        break;
    default:
        add_string(text, load_string(bytes));
    }
}

rkv_status rkv_gguf_value_text(const rkv_gguf *file, const char *key, char **text) {
    const rkv_gguf_entry *entry = NULL;
    *text = NULL;
    rkv_status status = find_any(file, key, &entry);
    if (status) return status;
    rkv_text out = {0};
    if (entry->is_array)
        rkv_text_printf(&out, "[%zu] of %s", entry->count, entry->kind->name);
    else
        add_scalar(&out, entry->kind, entry->values);
    return rkv_text_finish(&out, text);
}
