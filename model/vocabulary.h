/* vocabulary.h: the tokens of a byte-level vocabulary: their text, type and bytes. */
#ifndef RKV_MODEL_VOCABULARY_H
#define RKV_MODEL_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

#include "io/gguf.h"

/* The numbers of tokenizer.ggml.token_type. Any other number counts as normal. */
typedef enum rkv_token_type {
    RKV_TOKEN_NORMAL = 1,
    RKV_TOKEN_UNKNOWN = 2,      /* stands for text that no token covers; never the result of text */
    RKV_TOKEN_CONTROL = 3,      /* "<|im_start|>": never the result of text */
    RKV_TOKEN_USER_DEFINED = 4, /* found in text before anything else, as it stands */
} rkv_token_type;

typedef struct rkv_vocabulary rkv_vocabulary;

/* Copies tokens [n]; types [n] may be NULL: all normal. Empty tokens are kept and never found. RKV_DATA: no
 * tokens, more than ids can number, or two with the same text. */
rkv_status rkv_vocabulary_new(rkv_vocabulary **out, const rkv_gguf_string *tokens, size_t n,
                              const int64_t *types);
void rkv_vocabulary_free(rkv_vocabulary *vocabulary);

size_t rkv_vocabulary_size(const rkv_vocabulary *vocabulary);
rkv_token_type rkv_vocabulary_type(const rkv_vocabulary *vocabulary, int32_t id);
/* Control and unknown tokens. */
bool rkv_vocabulary_is_special(const rkv_vocabulary *vocabulary, int32_t id);

/* The token's text as the file has it ("Ġthe"), and the bytes that it stands for (" the"): the same for
 * tokens that are not normal or that do not spell bytes. Both NUL-terminated. */
const char *rkv_vocabulary_text(const rkv_vocabulary *vocabulary, int32_t id, size_t *length);
const char *rkv_vocabulary_bytes(const rkv_vocabulary *vocabulary, int32_t id, size_t *length);
/* Length of the longest text. */
size_t rkv_vocabulary_longest(const rkv_vocabulary *vocabulary);

/* The token with this text, -1 when there is none. */
int32_t rkv_vocabulary_find(const rkv_vocabulary *vocabulary, const char *text, size_t length);

#endif
