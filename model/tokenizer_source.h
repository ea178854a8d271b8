/* tokenizer_source.h: what a tokenizer is made from, as it stands in a model file. */
#ifndef RKV_MODEL_TOKENIZER_SOURCE_H
#define RKV_MODEL_TOKENIZER_SOURCE_H

#include "model/tokenizer.h"

/* The arrays are owned, the strings' bytes borrowed from the file. */
typedef struct rkv_tokenizer_source {
    rkv_gguf_string *tokens; /* [n_tokens] tokenizer.ggml.tokens */
    size_t n_tokens;
    int64_t *types;          /* [n_tokens] tokenizer.ggml.token_type; NULL: the file has none */
    rkv_gguf_string *merges; /* [n_merges] tokenizer.ggml.merges */
    size_t n_merges;
    rkv_gguf_string pre; /* tokenizer.ggml.pre; "default" where the file has none, as in llama.cpp */
    int32_t bos, eos;    /* -1: the file names none */
    bool has_add_bos;    /* the file says whether texts start with bos */
    bool add_bos;
} rkv_tokenizer_source;

/* RKV_DATA: a tokenizer model other than "gpt2", arrays that do not fit each other or ids that do not fit
 * them. The caller clears *out, also after a failure. */
rkv_status rkv_tokenizer_source_read(rkv_tokenizer_source *out, const rkv_gguf *file);
void rkv_tokenizer_source_clear(rkv_tokenizer_source *source);

/* Builds the tokenizer; it keeps no reference to source or its bytes. */
rkv_status rkv_tokenizer_build(rkv_tokenizer **out, const rkv_tokenizer_source *source);

#endif
