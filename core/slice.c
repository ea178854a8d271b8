/* slice.c: numbers in pieces of a specification. */
#include "core/slice.h"

#include <locale.h>
#include <stdlib.h>

bool rkv_slice_to_integer(rkv_slice text, uint64_t most, uint64_t *out) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned char)text.at[i] - (unsigned)'0';
        if (digit > 9 || value > most / 10 || digit > most - 10 * value) return false;
        value = 10 * value + digit;
    }
    if (text.length) *out = value;
    return text.length > 0;
}

bool rkv_slice_to_size(rkv_slice text, size_t most, size_t *out) {
    uint64_t value;
    if (!rkv_slice_to_integer(text, most, &value)) return false;
    *out = (size_t)value;
    return true;
}

/* What strtod takes and we do not: blanks, hexadecimal, infinities and NaN. */
static bool looks_decimal(const char *word) {
    return word[strspn(word, "0123456789.eE-")] == '\0';
}

bool rkv_slice_to_real(rkv_slice text, double *out) {
    char word[64], *end;
    if (text.length == 0 || text.length >= sizeof word) return false;
    memcpy(word, text.at, text.length);
    word[text.length] = '\0';
    locale_t plain = looks_decimal(word) ? newlocale(LC_ALL_MASK, "C", (locale_t)0) : (locale_t)0;
    if (!plain) return false;
    *out = strtod_l(word, &end, plain);
    freelocale(plain);
    return *end == '\0';
}
