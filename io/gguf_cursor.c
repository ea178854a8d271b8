/* gguf_cursor.c: taking numbers and strings from a GGUF file, never past its end. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "io/gguf_file.h"
#include "io/little_endian.h"

/* Bytes of a foreign name that a message shows. */
#define SHOWN_NAME 64

/* "tensor 'blk.0.attn_q.weight'", "tensor number 3" or "header". */
static rkv_status describe_part(const rkv_gguf_cursor *cursor, char **out) {
    rkv_text text = {0};
    rkv_text_printf(&text, "%s", cursor->part);
    if (cursor->name.length > 0) {
        size_t length = cursor->name.length;
        rkv_text_printf(&text, " '");
        rkv_text_add_printable(&text, cursor->name.bytes, length < SHOWN_NAME ? length : SHOWN_NAME);
        rkv_text_printf(&text, length <= SHOWN_NAME ? "'" : "...'");
    } else if (cursor->number != UINT64_MAX) {
        rkv_text_printf(&text, " number %" PRIu64, cursor->number);
    }
    return rkv_text_finish(&text, out);
}

void rkv_gguf_point_at(rkv_gguf_cursor *cursor, const char *part, const char *name) {
    cursor->part = part;
    cursor->name = (rkv_gguf_string){name, strlen(name)};
}

rkv_status rkv_gguf_refuse(const rkv_gguf_cursor *cursor, size_t at, const char *format, ...) {
    char message[RKV_MESSAGE_SIZE], *part = NULL;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    rkv_status status = describe_part(cursor, &part);
    if (status) return status;
    status = rkv_fail(RKV_DATA, "%s: %s: %s (at offset %zu)", cursor->file->path, part, message, at);
    free(part);
    return status;
}

rkv_status rkv_gguf_take(rkv_gguf_cursor *cursor, const char *field, uint64_t count, size_t size,
                         const unsigned char **bytes) {
    size_t left = cursor->file->mapping.size - cursor->at;
    *bytes = NULL;
    if (count > left / size)
        return rkv_gguf_refuse(cursor, cursor->at, "%s: %" PRIu64 " x %zu bytes are needed, %zu remain",
                               field, count, size, left);
    *bytes = cursor->file->mapping.bytes + cursor->at;
    cursor->at += (size_t)count * size;
    return RKV_OK;
}

rkv_status rkv_gguf_take_u32(rkv_gguf_cursor *cursor, const char *field, uint32_t *value) {
    const unsigned char *bytes;
    rkv_status status = rkv_gguf_take(cursor, field, 1, sizeof *value, &bytes);
    if (!status) *value = rkv_load_u32(bytes);
    return status;
}

rkv_status rkv_gguf_take_u64(rkv_gguf_cursor *cursor, const char *field, uint64_t *value) {
    const unsigned char *bytes;
    rkv_status status = rkv_gguf_take(cursor, field, 1, sizeof *value, &bytes);
    if (!status) *value = rkv_load_u64(bytes);
    return status;
}

rkv_status rkv_gguf_take_string(rkv_gguf_cursor *cursor, const char *field, rkv_gguf_string *value) {
    uint64_t length;
    const unsigned char *bytes;
    rkv_status status = rkv_gguf_take_u64(cursor, field, &length);
    if (!status) status = rkv_gguf_take(cursor, field, length, 1, &bytes);
    if (!status) *value = (rkv_gguf_string){(const char *)bytes, (size_t)length};
    return status;
}

rkv_status rkv_gguf_take_name(rkv_gguf_cursor *cursor, size_t limit) {
    size_t at = cursor->at;
    rkv_gguf_string name;
    cursor->name = (rkv_gguf_string){0};
    rkv_status status = rkv_gguf_take_string(cursor, "name", &name);
    if (status) return status;
    cursor->name = name;
    if (name.length == 0 || name.length > limit)
        return rkv_gguf_refuse(cursor, at, "a name of %zu bytes, 1 to %zu are allowed", name.length, limit);
    if (memchr(name.bytes, 0, name.length)) return rkv_gguf_refuse(cursor, at, "a NUL byte in the name");
    return RKV_OK;
}
