/* tokenizer.h: byte-level BPE from the vocabulary and merges of a GGUF file. */
#ifndef RKV_MODEL_TOKENIZER_H
#define RKV_MODEL_TOKENIZER_H

#include <rankkv/model.h>

#include "io/gguf.h"

typedef struct rkv_tokenizer rkv_tokenizer;

/* Reads tokenizer.ggml.* of file. RKV_DATA: a model other than "gpt2", a pre-tokenizer that is not in the
 * table, merges or ids that do not fit the vocabulary; the message names file and key. The tokenizer keeps no
 * reference to file. */
rkv_status rkv_tokenizer_new(rkv_tokenizer **out, const rkv_gguf *file);
void rkv_tokenizer_free(rkv_tokenizer *tokenizer);

/* As rkv_tokenize, rkv_token_bytes and rkv_detokenize of rankkv/model.h. Safe from several threads at once.
 */
rkv_status rkv_tokenizer_encode(const rkv_tokenizer *tokenizer, const char *text, size_t length,
                                const rkv_tokenize_options *options, int32_t **ids, size_t *n);
const char *rkv_tokenizer_bytes(const rkv_tokenizer *tokenizer, int32_t id, size_t *length);
rkv_status rkv_tokenizer_decode(const rkv_tokenizer *tokenizer, const int32_t *ids, size_t n, char **text,
                                size_t *length);

size_t rkv_tokenizer_vocabulary_size(const rkv_tokenizer *tokenizer);
/* -1 where the model has none. */
int32_t rkv_tokenizer_bos(const rkv_tokenizer *tokenizer);
int32_t rkv_tokenizer_eos(const rkv_tokenizer *tokenizer);
/* Control tokens ("<|im_start|>"): never the result of ordinary text. */
bool rkv_tokenizer_is_special(const rkv_tokenizer *tokenizer, int32_t id);

#endif
