/* special_tokens.h: finding control and user-defined tokens in text, before it is split into words. */
#ifndef RKV_MODEL_SPECIAL_TOKENS_H
#define RKV_MODEL_SPECIAL_TOKENS_H

#include "model/vocabulary.h"

/* Longest text of such a token, in bytes: it bounds the work per byte of text. */
#define RKV_SPECIAL_TOKEN_MAX 1024

typedef struct rkv_special_tokens rkv_special_tokens;

typedef struct rkv_special_match {
    size_t offset, length;
    int32_t id;
} rkv_special_match;

/* Collects the control, unknown and user-defined tokens of vocabulary, which must outlive the result.
 * RKV_DATA: one is longer than RKV_SPECIAL_TOKEN_MAX. */
rkv_status rkv_special_tokens_new(rkv_special_tokens **out, const rkv_vocabulary *vocabulary);
void rkv_special_tokens_free(rkv_special_tokens *tokens);

/* Finds the tokens in text, in order and without overlap; the caller frees *matches. Where several could lie,
 * the longest in all the text goes first, then the lowest id, then the leftmost: what llama.cpp gets by
 * searching for one token after the other, longest first. control false: user-defined tokens only. length <
 * 2^31. */
rkv_status rkv_special_tokens_find(const rkv_special_tokens *tokens, const char *text, size_t length,
                                   bool control, rkv_special_match **matches, size_t *n);

#endif
