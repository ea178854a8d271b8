/* byte_map.c: GPT-2's spelling of bytes.
 *
 * Bytes that print in Latin-1 are their own characters; the other 68 take U+0100 .. U+0143 in order (Radford
 * et al. 2019, encoder.py, bytes_to_unicode). */
#include "model/byte_map.h"

#include "core/text.h"

#define FIRST_SUBSTITUTE 0x100

static bool stands_for_itself(unsigned c) {
    return (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xFF && c != 0xAD);
}

/* The bytes without a character of their own lie in three runs; 0xAD is the third, of one. */
static unsigned character_of(unsigned byte) {
    if (stands_for_itself(byte)) return byte;
    if (byte <= 0x20) return FIRST_SUBSTITUTE + byte;
    if (byte <= 0xA0) return FIRST_SUBSTITUTE + 0x21 + (byte - 0x7F);
    return FIRST_SUBSTITUTE + 0x21 + 0x22;
}

static bool byte_of(unsigned character, unsigned char *byte) {
    unsigned n = character - FIRST_SUBSTITUTE; /* of the substitutes; huge below them */
    if (stands_for_itself(character))
        *byte = (unsigned char)character;
    else if (n <= 0x20)
        *byte = (unsigned char)n;
    else if (n < 0x21 + 0x22)
        *byte = (unsigned char)(n - 0x21 + 0x7F);
    else if (n == 0x21 + 0x22)
        *byte = 0xAD;
    else
        return false;
    return true;
}

size_t rkv_byte_spell(unsigned char byte, char spelling[RKV_BYTE_SPELLING_MAX]) {
    unsigned c = character_of(byte);
    if (c < 0x80) {
        spelling[0] = (char)c;
        return 1;
    }
    spelling[0] = (char)(0xC0 | c >> 6);
    spelling[1] = (char)(0x80 | (c & 0x3F));
    return 2;
}

bool rkv_byte_unspell(const char *text, size_t length, char *bytes, size_t *n) {
    size_t count = 0;
    for (size_t i = 0; i < length;) {
        unsigned character;
        unsigned char byte;
        size_t step = rkv_utf8_decode(text + i, length - i, &character);
        if (step == 0 || !byte_of(character, &byte)) return false;
        bytes[count++] = (char)byte;
        i += step;
    }
    *n = count;
    return true;
}
