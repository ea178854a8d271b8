/* token_kinds.h: which tokens of a vocabulary are special, and which are punctuation. */
#ifndef RKV_COMPRESSORS_TOKEN_KINDS_H
#define RKV_COMPRESSORS_TOKEN_KINDS_H

#include <stdint.h>

#include <rankkv/model.h>

/* kinds [n_vocab], the bits RKV_TOKEN_IS_* of method.h; the caller frees it.
 * Special: control tokens, begin- and end-of-sequence. Punctuation: tokens of white space and punctuation
 * alone, ASCII's and Unicode's most common; the empty token too, as in cold-compress (FastGen), whose pattern
 * it matches. */
rkv_status rkv_token_kinds_new(uint8_t **kinds, const rkv_model *model);

/* Whether text is white space and punctuation alone; true for no text. Malformed UTF-8 is neither. */
bool rkv_text_is_punctuation(const char *text, size_t length);

#endif
