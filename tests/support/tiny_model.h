/* tiny_model.h: a small, valid model of random weights, so that everything runs without a download.
 *
 *     assert_int_equal(tiny_model_write(path, NULL), RKV_OK);
 *
 * Architecture "llama", tensors named as llama.cpp names them, a byte-level BPE tokenizer ("gpt2", pre
 * "smollm") of 3 control tokens, the 256 bytes and a token per merge. Its weights are scaled so that
 * attention is neither flat nor one-hot; what it writes is nonsense. */
#ifndef RKV_TESTS_TINY_MODEL_H
#define RKV_TESTS_TINY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/status.h>

/* 0 means the default that stands beside each. n_embd and n_ff must be multiples of the type's block; their
 * defaults are 256 for the K types. */
typedef struct tiny_model_options {
    uint64_t seed;
    const char *type; /* of the matrices: the name of any row of the tensor types; "F32" */
    /* NULL-terminated, instead of type: matrices take them in turn, embedding first, so that neighbours
     * differ */
    const char *const *in_turn;
    size_t n_layers;   /* 2 */
    size_t n_embd;     /* 64; a multiple of n_heads */
    size_t n_heads;    /* 4 */
    size_t n_kv_heads; /* 2; a divisor of n_heads */
    size_t n_ff;       /* 96 */
    size_t n_context;  /* 256 */
    size_t n_more;     /* tokens that nothing is encoded as, behind those of the vocabulary; 0 */
    bool tied;         /* no output.weight: the token embedding serves */
} tiny_model_options;

/* Control tokens come first. */
enum { TINY_MODEL_ENDOFTEXT, TINY_MODEL_BOS, TINY_MODEL_EOS, TINY_MODEL_FIRST_BYTE };

/* Writes the model; options NULL: all zero. The same options give the same bytes. RKV_USAGE for an unknown
 * type. */
rkv_status tiny_model_write(const char *path, const tiny_model_options *options);

/* Makes a temporary folder (support/temporary.h) with tiny.gguf in it, and a prompt for it, ids [n]: a
 * group's set-up. */
int tiny_model_begin(int32_t *ids, size_t n);

/* Tokens in its vocabulary, but for n_more. */
size_t tiny_model_n_vocab(void);

#endif
