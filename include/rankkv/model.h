/* model.h: a language model opened from a GGUF file: what it is, its tokenizer, and its prefill.
 *
 * The same letters everywhere: L layers, H query heads, G key/value heads, T tokens, D head dimension. */
#ifndef RANKKV_MODEL_H
#define RANKKV_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/device.h>
#include <rankkv/progress.h>
#include <rankkv/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One thread at a time may use a model: prefill decodes weights when they are first needed. Tokenizing is
 * safe from several threads at once. */
typedef struct rkv_model rkv_model;

/* What identifies a model and gives its shape; every string is borrowed from the model (or file) that holds
 * it. */
typedef struct rkv_model_info {
    const char *path;         /* as given to rkv_model_open; NULL when read from an analysis or trace */
    const char *name;         /* general.name of the file, else its file name */
    const char *architecture; /* general.architecture: "llama", ... */
    const char *file_type;    /* the tensor type that holds most weights: "Q4_1", "F16", ... */
    char sha256[65];          /* of the file's bytes, lower-case hexadecimal; "" when unknown */
    size_t n_layers;          /* L */
    size_t n_heads;           /* H */
    size_t n_kv_heads;        /* G, a divisor of H */
    size_t head_dim;          /* D */
    size_t n_embd;            /* width of the residual stream */
    size_t n_ff;              /* width of the feed-forward layer */
    size_t n_vocab;           /* tokens in the vocabulary */
    size_t n_context;         /* longest prompt that the model was trained for, tokens */
    size_t n_parameters;      /* over all tensors */
    size_t file_bytes;        /* size of the model file */
} rkv_model_info;

/* Where weights live while the model is used. The CPU multiplies prompts with float32 numbers, and reads
 * weights in the file's own form where it can when a pass has a few tokens, whatever this says: then nothing
 * is decoded. A GPU keeps F32, F16, BF16, Q4_0, Q4_1 and Q8_0 as the file holds them, others as float32. */
typedef enum rkv_weights {
    RKV_WEIGHTS_AUTO,     /* resident when what the device keeps takes less than half of its free memory */
    RKV_WEIGHTS_RESIDENT, /* loaded once, kept until the model is closed */
    RKV_WEIGHTS_STREAMED  /* loaded layer by layer at each prefill: memory holds one layer's weights */
} rkv_weights;

typedef struct rkv_model_options {
    /* Where it computes: "auto" (NULL), "cpu", "cuda" or "cuda:N". "cuda:0,1": on the first, and layers of an
     * analysis are ranked on all of them in turn; prompts of several analyses (rkv_analyze_all) and sequences
     * of a probe are read on one each. The results are the same. */
    const char *device;
    rkv_weights weights;
    rkv_precision precision; /* of products; less than float32 on CUDA alone (RKV_UNAVAILABLE elsewhere) */
    bool vocabulary_only;    /* read metadata and tokenizer; prefill then fails with RKV_USAGE */
} rkv_model_options;

/* Opens the GGUF file at path. options NULL: all zero. The caller closes *out.
 * RKV_UNAVAILABLE: no such device. RKV_NO_INPUT: no such file or unreadable. RKV_DATA: not GGUF, truncated,
 * an unknown architecture, a tensor missing or of the wrong shape; the message names file, field and offset.
 * RKV_NO_MEMORY. */
RKV_API rkv_status rkv_model_open(rkv_model **out, const char *path, const rkv_model_options *options);
RKV_API void rkv_model_close(rkv_model *model);

/* Borrowed; valid until the model is closed. The SHA-256 is computed while the file is opened. */
RKV_API const rkv_model_info *rkv_model_get_info(const rkv_model *model);

/* The device that the model computes on: "cpu", "cuda:0 NAME". Borrowed. */
RKV_API const char *rkv_model_device(const rkv_model *model);

/* Where scripts/fetch-model.sh puts the default model: $XDG_DATA_HOME/rankkv/NAME.gguf (or ~/.local/share).
 * The caller frees *path with rkv_free. RKV_NO_INPUT when it is not there; the message says how to get it. */
RKV_API rkv_status rkv_model_default_path(char **path);

/* ---- tokenizer ---- */

typedef struct rkv_tokenize_options {
    bool parse_special; /* "<|im_start|>" in the text is that one token; false: it is ordinary text */
    bool add_bos;       /* begin-of-sequence token first, where the model wants it (add_bos_token) */
} rkv_tokenize_options;

/* Turns UTF-8 text (length bytes, NUL bytes allowed; malformed sequences are encoded byte by byte) into ids
 * [*n]. options NULL: all false. The caller frees *ids with rkv_free. Decoding gives the text back, but for
 * bytes that the vocabulary has no token for: they are left out, as in llama.cpp (the default model lacks six
 * control characters and what UTF-8 hardly or never uses). RKV_USAGE: text of 2^31 bytes or more. */
RKV_API rkv_status rkv_tokenize(const rkv_model *model, const char *text, size_t length,
                                const rkv_tokenize_options *options, int32_t **ids, size_t *n);

/* The bytes that one token stands for (not always valid UTF-8 alone); *length may be 0. Borrowed from the
 * model. NULL when id is outside the vocabulary. */
RKV_API const char *rkv_token_bytes(const rkv_model *model, int32_t id, size_t *length);

/* Whether a text ends with this token (eos_token_id of the file). */
RKV_API bool rkv_token_is_end(const rkv_model *model, int32_t id);

/* Concatenates the bytes of ids [n] into a NUL-terminated string of *length bytes; the caller frees *text
 * with rkv_free. RKV_USAGE: an id outside the vocabulary. */
RKV_API rkv_status rkv_detokenize(const rkv_model *model, const int32_t *ids, size_t n, char **text,
                                  size_t *length);

/* ---- prefill ---- */

/* One layer of a prefill, shown to a layer function while it is in memory; everything is borrowed for the
 * call. */
typedef struct rkv_layer {
    size_t index;           /* 0 .. n_layers-1 */
    size_t n_layers;        /* L */
    size_t n_heads;         /* H */
    size_t n_kv_heads;      /* G */
    size_t n_tokens;        /* T */
    size_t head_dim;        /* D; 0 when keys and values are unknown (a trace) */
    const float *attention; /* [H, T, T] row-major: head, query, key; rows sum to 1, 0 above the diagonal */
    const float *keys, *values; /* [G, T, D], keys after RoPE; NULL when unknown */
    const double *erank;        /* [H] effective ranks, once rkv_analyze has them; NULL when unknown */
    const double *sigma; /* [H, T] singular values that they were made of, descending; NULL when unknown. By
                            the Gram matrix, what is below some 1e-8 of the largest is rounding. */
} rkv_layer;

/* Called once per layer, in order, from the calling thread. A status other than RKV_OK ends the prefill with
 * it. */
typedef rkv_status (*rkv_layer_fn)(void *user, const rkv_layer *layer);

typedef struct rkv_prefill_options {
    bool attention;        /* give attention to the layer function (else layer.attention is NULL) */
    bool losses;           /* compute token_nll (the output projection for every token) */
    rkv_layer_fn on_layer; /* may be NULL */
    void *user;            /* handed to on_layer */
    rkv_progress progress;
} rkv_prefill_options;

typedef struct rkv_prefill_result {
    size_t n_tokens, n_vocab;
    float *last_logits; /* [n_vocab] of the last token */
    double *token_nll;  /* [T-1] negative log likelihood of token t+1 given 0..t, nats; NULL unless asked or T
                           = 1 */
    double perplexity;  /* exp(mean token_nll); NaN when token_nll is NULL */
    double load_s;      /* decoding weights to float32 during this prefill */
    double prefill_s;   /* forward pass, without load_s and without the time spent in on_layer */
} rkv_prefill_result;

/* Runs the model over ids [n], 1 <= n <= n_context, in float32. *out is filled; rkv_prefill_result_clear
 * frees it. RKV_USAGE: n = 0, n > n_context or an id outside the vocabulary. RKV_NO_MEMORY, RKV_CANCELLED, or
 * on_layer's status. */
RKV_API rkv_status rkv_prefill(rkv_model *model, const int32_t *ids, size_t n,
                               const rkv_prefill_options *options, rkv_prefill_result *out);
RKV_API void rkv_prefill_result_clear(rkv_prefill_result *result);

#ifdef __cplusplus
}
#endif
#endif
