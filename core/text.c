/* text.c: a string that grows, and text made printable. */
#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"

void rkv_text_add(rkv_text *text, const char *bytes, size_t length) {
    if (text->status) return;
    text->status = rkv_grow(&text->bytes, &text->capacity, text->length + length + 1, 1);
    if (text->status) return;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void rkv_text_printf(rkv_text *text, const char *format, ...) {
    char small[512], *large = NULL;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length < (int)sizeof small) {
        rkv_text_add(text, small, (size_t)length);
    } else if (!text->status && !(text->status = rkv_alloc_raw(&large, (size_t)length + 1, 1))) {
        vsnprintf(large, (size_t)length + 1, format, again);
        rkv_text_add(text, large, (size_t)length);
    }
    va_end(again);
    free(large);
}

rkv_status rkv_text_finish(rkv_text *text, char **out) {
    rkv_text_add(text, "", 0);
    rkv_status status = text->status;
    if (status) free(text->bytes);
    *out = status ? NULL : text->bytes;
    *text = (rkv_text){0};
    return status;
}

size_t rkv_utf8_decode(const char *bytes, size_t length, unsigned *codepoint) {
    const unsigned char *s = (const unsigned char *)bytes;
    static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (n == 0 || n > length) return 0;
    unsigned value = n == 1 ? s[0] : s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        value = value << 6 | (s[i] & 0x3Fu);
    }
    if (value < smallest[n] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return 0;
    if (codepoint) *codepoint = value;
    return n;
}

void rkv_text_add_printable(rkv_text *text, const char *bytes, size_t length) {
    for (size_t i = 0; i < length;) {
        unsigned c = 0;
        size_t n = rkv_utf8_decode(bytes + i, length - i, &c);
        if (n == 0) {
            rkv_text_printf(text, "\\x%02X", (unsigned char)bytes[i]);
            n = 1;
        } else if (c == '\n') {
            rkv_text_printf(text, "\u23CE");
        } else if (c == '\t') {
            rkv_text_printf(text, "\u21E5");
        } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
            rkv_text_printf(text, "\\x%02X", c);
        } else {
            rkv_text_add(text, bytes + i, n);
        }
        i += n;
    }
}
