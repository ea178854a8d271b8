/* slice.h: pieces of a specification, in place: not NUL-terminated. */
#ifndef RKV_CORE_SLICE_H
#define RKV_CORE_SLICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct rkv_slice {
    const char *at;
    size_t length;
} rkv_slice;

/* For printf's "%.*s". */
#define RKV_SLICE(slice) (int)(slice).length, (slice).at

static inline bool rkv_slice_is(rkv_slice slice, const char *word) {
    return strlen(word) == slice.length && memcmp(slice.at, word, slice.length) == 0;
}

/* Cuts *rest at the first separator: what is before it is returned, what is after it stays in rest. Without
 * one all of it is returned and rest->at becomes NULL. */
static inline rkv_slice rkv_slice_cut(rkv_slice *rest, char separator) {
    rkv_slice part = *rest;
    const char *end = part.length ? memchr(part.at, separator, part.length) : NULL;
    if (end) {
        part.length = (size_t)(end - part.at);
        *rest = (rkv_slice){end + 1, rest->length - part.length - 1};
    } else {
        *rest = (rkv_slice){NULL, 0};
    }
    return part;
}

/* A whole number of decimal digits alone, at most `most`. */
bool rkv_slice_to_integer(rkv_slice text, uint64_t most, uint64_t *out);
bool rkv_slice_to_size(rkv_slice text, size_t most, size_t *out);

/* A decimal number, "." whatever the locale says. What exceeds a double becomes infinite: above any limit. */
bool rkv_slice_to_real(rkv_slice text, double *out);

#endif
