/* text.h: a string that grows, and text made printable. */
#ifndef RKV_CORE_TEXT_H
#define RKV_CORE_TEXT_H

#include <rankkv/status.h>

/* Start from {0}. bytes is NUL-terminated once anything was added; the owner frees it. A failed addition is
 * latched: later ones do nothing and rkv_text_finish reports it, so that a long rendering needs one check. */
typedef struct rkv_text {
    char *bytes;
    size_t length, capacity;
    rkv_status status;
} rkv_text;

void rkv_text_add(rkv_text *text, const char *bytes, size_t length);
void rkv_text_printf(rkv_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Hands the string to *out (the caller frees) and empties text; on a latched failure frees it and reports. */
rkv_status rkv_text_finish(rkv_text *text, char **out);

/* Adds bytes as printable UTF-8: control characters become visible (a newline "⏎", a tab "⇥", others
 * "␀".. or \xNN), malformed bytes \xNN. What a token or a file name goes through before it is shown. */
void rkv_text_add_printable(rkv_text *text, const char *bytes, size_t length);

/* Length in bytes of the valid UTF-8 sequence at bytes (length > 0 remain), 0 when malformed; *codepoint may
 * be NULL. */
size_t rkv_utf8_decode(const char *bytes, size_t length, unsigned *codepoint);

#endif
