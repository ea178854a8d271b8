/* byte_vocabulary.h: byte-level vocabularies made by hand, for tests of the tokenizer. */
#ifndef RKV_TESTS_BYTE_VOCABULARY_H
#define RKV_TESTS_BYTE_VOCABULARY_H

#include "model/tokenizer_source.h"

/* A source whose strings belong to it; filled by the calls below, which fail the running test when memory is
 * out. */
typedef struct byte_vocabulary {
    rkv_tokenizer_source source;
    size_t token_capacity, type_capacity, merge_capacity;
} byte_vocabulary;

/* The 256 bytes are tokens 0 .. 255; no merges; pre "gpt-2", no bos or eos. */
void byte_vocabulary_init(byte_vocabulary *vocabulary);
void byte_vocabulary_clear(byte_vocabulary *vocabulary);

/* Adds a token, its text as a file would have it; returns its id. */
int32_t byte_vocabulary_add(byte_vocabulary *vocabulary, const char *text, int64_t type);
/* Adds "LEFT RIGHT" to the merges. */
void byte_vocabulary_merge(byte_vocabulary *vocabulary, const char *left, const char *right);
/* Adds a merge of two random tokens spelled with letters a .. d, and its result, n times. */
void byte_vocabulary_grow(byte_vocabulary *vocabulary, uint64_t seed, size_t n);

/* Adds a merge and a token for every pair of bytes, in a fixed order that mixes them (that of
 * tests/ref/make_tokenizer_cases.py), then the special tokens of that script. Wherever a word ends shows in
 * the tokens of this vocabulary. */
void byte_vocabulary_pairs(byte_vocabulary *vocabulary);

/* The tokenizer of the vocabulary. */
rkv_tokenizer *byte_vocabulary_build(const byte_vocabulary *vocabulary);

#endif
