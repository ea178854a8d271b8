/* bpe.h: byte-pair encoding of one word: the merges of a vocabulary and how they are applied. */
#ifndef RKV_MODEL_BPE_H
#define RKV_MODEL_BPE_H

#include "model/heap.h"
#include "model/vocabulary.h"

typedef struct rkv_bpe rkv_bpe;

/* A list of token ids that grows. Start from {0}; the owner frees ids. */
typedef struct rkv_id_list {
    int32_t *ids;
    size_t count, capacity;
} rkv_id_list;

rkv_status rkv_id_list_add(rkv_id_list *list, int32_t id);

/* What encoding a word works in, kept from word to word. Start from {0}. */
typedef struct rkv_bpe_scratch {
    struct rkv_bpe_symbol *symbols;
    size_t capacity;
    rkv_heap pairs; /* the merges that are possible now, first the one of lowest rank, then the leftmost */
    char *spelling;
    size_t spelling_capacity;
} rkv_bpe_scratch;

void rkv_bpe_scratch_clear(rkv_bpe_scratch *scratch);

/* merges [n] are "LEFT RIGHT" in order of rank; the vocabulary must outlive the result. whole_words: a word
 * that is a token becomes that token, whatever the merges say. RKV_DATA: a merge that is not two tokens, or
 * whose result is not a token. */
rkv_status rkv_bpe_new(rkv_bpe **out, const rkv_vocabulary *vocabulary, const rkv_gguf_string *merges,
                       size_t n, bool whole_words);
void rkv_bpe_free(rkv_bpe *bpe);

/* Appends the tokens of word to ids, in O(n log n). A byte that the vocabulary has no token for is left out,
 * as llama.cpp does; special tokens never come out. length < 2^31. */
rkv_status rkv_bpe_encode(const rkv_bpe *bpe, rkv_bpe_scratch *scratch, const char *word, size_t length,
                          rkv_id_list *ids);

#endif
