/* utf8.c: which bytes are UTF-8. */
#include "cli/utf8.h"

/* Length of the sequence that a first byte announces, 0 when none begins so. Unicode 15, table 3-7. */
static size_t announced(unsigned char first) {
    return first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
}

size_t utf8_length(const char *bytes, size_t n) {
    const unsigned char *s = (const unsigned char *)bytes;
    size_t length = announced(s[0]);
    if (length == 0 || length > n) return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F); /* surrogates, > U+10FFFF */
    return length > 1 && (overlong || beyond) ? 0 : length;
}

bool utf8_is_cut(const char *bytes, size_t n) {
    if (n == 0 || announced((unsigned char)bytes[0]) <= n) return false;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)bytes[i] & 0xC0) != 0x80) return false;
    return true;
}
