/* printable.h: bytes of a foreign file, made fit for a message. */
#ifndef RKV_MODEL_PRINTABLE_H
#define RKV_MODEL_PRINTABLE_H

#include <stddef.h>

typedef struct rkv_printable {
    char text[288];
} rkv_printable;

/* The first 64 bytes in printable form, with "..." where that is not all. For use within one expression:
 * rkv_fail(..., rkv_make_printable(bytes, length).text). */
rkv_printable rkv_make_printable(const char *bytes, size_t length);

#endif
