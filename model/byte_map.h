/* byte_map.h: GPT-2's spelling of bytes as printable characters, in which byte-level vocabularies are
 * written. */
#ifndef RKV_MODEL_BYTE_MAP_H
#define RKV_MODEL_BYTE_MAP_H

#include <stdbool.h>
#include <stddef.h>

/* Longest UTF-8 form of a byte's character. */
#define RKV_BYTE_SPELLING_MAX 2

/* Writes the UTF-8 of byte's character ("Ġ" for a space) and returns its length, 1 or 2. */
size_t rkv_byte_spell(unsigned char byte, char spelling[RKV_BYTE_SPELLING_MAX]);

/* Turns spelled text back into bytes, of which there are at most length. False when text has a character that
 * spells no byte. */
bool rkv_byte_unspell(const char *text, size_t length, char *bytes, size_t *n);

#endif
