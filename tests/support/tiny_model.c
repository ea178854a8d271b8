/* tiny_model.c: a small, valid model of random weights. */
#include "support/tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/random.h"
#include "io/tensor_type.h"
#include "support/gguf_writer.h"
#include "support/temporary.h"

/* ---- the vocabulary ---- */

static const char *const controls[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};

/* In rank order; both sides are bytes or results of earlier merges. \u0120 is the space; the last one is e
 * acute. */
static const char *const merges[] = {
    "\u0120 t", "\u0120 a", "i n", "h e",  "r e", "o n",       "\u0120t he",    "e r",
    "a t",      "o u",      "i s", "in g", "a n", "\u0120a n", "\u0120an d",    "l l",
    "e ll",     "h ell",    "o r", "w or", "l d", "wor ld",    "\u00C3 \u00A9",
};

#define COUNT(array)  (sizeof(array) / sizeof *(array))
#define VOCABULARY    (COUNT(controls) + 256 + COUNT(merges))
#define LONGEST_TOKEN 32

size_t tiny_model_n_vocab(void) {
    return VOCABULARY;
}

static int is_printable_byte(unsigned byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

static void put_codepoint(char *out, unsigned codepoint) {
    if (codepoint < 0x80) {
        snprintf(out, LONGEST_TOKEN, "%c", (char)codepoint);
        return;
    }
    out[0] = (char)(0xC0 | codepoint >> 6);
    out[1] = (char)(0x80 | (codepoint & 0x3F));
    out[2] = '\0';
}

/* GPT-2's names of the 256 bytes: printable ones stand for themselves and come first, the others are the
 * characters from U+0100 on. */
static void put_byte_tokens(char (*tokens)[LONGEST_TOKEN]) {
    size_t n = 0;
    for (unsigned byte = 0; byte < 256; byte++)
        if (is_printable_byte(byte)) put_codepoint(tokens[n++], byte);
    for (unsigned next = 0x100; n < 256; next++)
        put_codepoint(tokens[n++], next);
}

static void put_merged_token(char *token, const char *merge) {
    const char *space = strchr(merge, ' ');
    snprintf(token, LONGEST_TOKEN, "%.*s%s", (int)(space - merge), merge, space + 1);
}

static void put_tokens(char (*tokens)[LONGEST_TOKEN], size_t n) {
    for (size_t i = 0; i < COUNT(controls); i++)
        snprintf(tokens[i], LONGEST_TOKEN, "%s", controls[i]);
    put_byte_tokens(tokens + COUNT(controls));
    for (size_t i = 0; i < COUNT(merges); i++)
        put_merged_token(tokens[COUNT(controls) + 256 + i], merges[i]);
    for (size_t i = VOCABULARY; i < n; i++)
        snprintf(tokens[i], LONGEST_TOKEN, "<more %zu>", i);
}

static rkv_status write_tokenizer(gguf_writer *writer, size_t n) {
    char(*tokens)[LONGEST_TOKEN] = NULL;
    const char **pointers = NULL;
    int32_t *kinds = NULL;
    rkv_status status = rkv_alloc(&tokens, n, sizeof *tokens);
    if (!status) status = rkv_alloc(&pointers, n, sizeof *pointers);
    if (!status) status = rkv_alloc(&kinds, n, sizeof *kinds);
    if (!status) put_tokens(tokens, n);
    for (size_t i = 0; !status && i < n; i++) {
        pointers[i] = tokens[i];
        kinds[i] = i < COUNT(controls) ? 3 : 1;
    }
    if (!status) gguf_write_strings(writer, "tokenizer.ggml.tokens", pointers, n);
    if (!status) gguf_write_array(writer, "tokenizer.ggml.token_type", GGUF_INT32, kinds, n);
    free(tokens), free(pointers), free(kinds);
    if (status) return status;
    gguf_write_string(writer, "tokenizer.ggml.model", "gpt2");
    gguf_write_string(writer, "tokenizer.ggml.pre", "smollm");
    gguf_write_strings(writer, "tokenizer.ggml.merges", merges, COUNT(merges));
    gguf_write_integer(writer, "tokenizer.ggml.bos_token_id", GGUF_UINT32, TINY_MODEL_BOS);
    gguf_write_integer(writer, "tokenizer.ggml.eos_token_id", GGUF_UINT32, TINY_MODEL_EOS);
    gguf_write_integer(writer, "tokenizer.ggml.unknown_token_id", GGUF_UINT32, TINY_MODEL_ENDOFTEXT);
    gguf_write_bool(writer, "tokenizer.ggml.add_bos_token", false);
    return RKV_OK;
}

/* ---- random weights ---- */

/* How a random block of each type is made: random quanta, and half-precision scales, times the wished
 * deviation of the weights, at fixed places. Chosen so that the mean is about 0 and the deviation about the
 * wished one. */
static const struct {
    const char *type;
    struct {
        size_t at;
        double factor;
    } scales[2];
    size_t n_scales;
} recipes[] = {
    /* uniform quanta of b bits have deviation 2^b / sqrt(12) */
    {"Q4_0", {{0, 0.217}}, 1},
    {"Q4_1", {{0, 0.217}, {2, -1.63}}, 2},
    {"Q5_0", {{0, 0.108}}, 1},
    {"Q5_1", {{0, 0.108}, {2, -1.68}}, 2},
    {"Q8_0", {{0, 0.0135}}, 1},
    /* sub-scales of 0..63 (mean square 36.4^2) or -128..127 (mean square 73.9^2); minima of mean 7.5 or 15.5
       quanta */
    {"Q4_K", {{0, 0.0038}, {2, 0.0285}}, 2},
    {"Q5_K", {{0, 0.0019}, {2, 0.0295}}, 2},
    {"Q6_K", {{208, 0.00073}}, 1},
};

/* The half nearest to value, for values below the largest half. */
static uint16_t to_half(double value) {
    int exponent;
    double fraction =
        frexp(fabs(value), &exponent); /* |value| = fraction * 2^exponent, fraction in [0.5, 1) */
    long bits = exponent < -13 ? lrint(fabs(value) * 0x1p24)
                               : ((exponent + 14L) << 10) + lrint((2 * fraction - 1) * 1024);
    return (uint16_t)(bits | (value < 0 ? 0x8000 : 0));
}

/* Uniform with the wished deviation; as a plain type. */
static void fill_plain(rkv_random *random, const rkv_tensor_type *type, double deviation, unsigned char *out,
                       size_t n) {
    for (size_t i = 0; i < n; i++) {
        float value = (float)((rkv_random_unit(random) * 2 - 1) * deviation * sqrt(3));
        uint16_t half = to_half((double)value);
        if (type->block_bytes == 4)
            memcpy(out + 4 * i, &value, 4);
        else if (strcmp(type->name, "BF16") == 0)
            memcpy(out + 2 * i, (char *)&value + 2, 2);
        else
            memcpy(out + 2 * i, &half, 2);
    }
}

static rkv_status fill_blocks(rkv_random *random, const rkv_tensor_type *type, double deviation,
                              unsigned char *out, size_t n_blocks) {
    size_t r = 0;
    while (r < COUNT(recipes) && strcmp(recipes[r].type, type->name) != 0)
        r++;
    if (r == COUNT(recipes)) return rkv_fail(RKV_USAGE, "no recipe for blocks of type %s", type->name);
    for (size_t i = 0; i < n_blocks * type->block_bytes; i++)
        out[i] = (unsigned char)(rkv_random_next(random) >> 56);
    for (size_t i = 0; i < n_blocks; i++)
        for (size_t k = 0; k < recipes[r].n_scales; k++) {
            uint16_t half = to_half(recipes[r].scales[k].factor * deviation);
            memcpy(out + i * type->block_bytes + recipes[r].scales[k].at, &half, sizeof half);
        }
    return RKV_OK;
}

/* ---- the model ---- */

typedef struct builder {
    gguf_writer writer;
    rkv_random random;
    const char *const *types; /* NULL-terminated */
    size_t n_matrices;        /* so far */
    rkv_status status;
} builder;

static const rkv_tensor_type *find_type(const char *name) {
    const rkv_tensor_type *type;
    for (size_t i = 0; (type = rkv_tensor_type_at(i)); i++)
        if (strcmp(type->name, name) == 0) return type;
    return NULL;
}

/* Of the next matrix. */
static const rkv_tensor_type *next_type(builder *b) {
    size_t n = 0;
    while (b->types[n])
        n++;
    return find_type(b->types[b->n_matrices++ % n]);
}

/* A matrix [rows, columns] whose products with unit-variance vectors have variance gain^2. */
static void add_matrix(builder *b, const char *name, size_t columns, size_t rows, double gain) {
    const rkv_tensor_type *type = next_type(b);
    size_t bytes = columns * rows / type->block_elements * type->block_bytes;
    unsigned char *data = NULL;
    if (!b->status) b->status = rkv_alloc_raw(&data, bytes, 1);
    if (b->status) return;
    double deviation = gain / sqrt((double)columns);
    if (type->block_elements == 1)
        fill_plain(&b->random, type, deviation, data, columns * rows);
    else
        b->status = fill_blocks(&b->random, type, deviation, data, bytes / type->block_bytes);
    gguf_write_tensor(&b->writer, name, type->id, 2, (uint64_t[]){columns, rows}, data, bytes);
    free(data);
}

/* Weights of an RMSNorm: about 1. */
static void add_norm(builder *b, const char *name, size_t n) {
    float *data = NULL;
    if (!b->status) b->status = rkv_alloc_raw(&data, n, sizeof *data);
    if (b->status) return;
    for (size_t i = 0; i < n; i++)
        data[i] = (float)(0.8 + 0.4 * rkv_random_unit(&b->random));
    gguf_write_tensor(&b->writer, name, 0, 1, (uint64_t[]){n}, data, n * sizeof *data);
    free(data);
}

static void add_layer(builder *b, const tiny_model_options *o, size_t layer) {
    size_t kv = o->n_embd / o->n_heads * o->n_kv_heads;
    const struct {
        const char *part;
        size_t columns, rows; /* rows = 0: a norm */
        double gain;
    } tensors[] = {
        {"attn_norm", o->n_embd, 0, 0},           {"attn_q", o->n_embd, o->n_embd, 1.5},
        {"attn_k", o->n_embd, kv, 1.5},           {"attn_v", o->n_embd, kv, 1},
        {"attn_output", o->n_embd, o->n_embd, 1}, {"ffn_norm", o->n_embd, 0, 0},
        {"ffn_gate", o->n_embd, o->n_ff, 1},      {"ffn_up", o->n_embd, o->n_ff, 1},
        {"ffn_down", o->n_ff, o->n_embd, 1},
    };
    for (size_t i = 0; i < COUNT(tensors); i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%zu.%s.weight", layer, tensors[i].part);
        if (tensors[i].rows)
            add_matrix(b, name, tensors[i].columns, tensors[i].rows, tensors[i].gain);
        else
            add_norm(b, name, tensors[i].columns);
    }
}

static void write_configuration(gguf_writer *writer, const tiny_model_options *o) {
    const struct {
        const char *key;
        size_t value;
    } sizes[] = {
        {"llama.block_count", o->n_layers},
        {"llama.context_length", o->n_context},
        {"llama.embedding_length", o->n_embd},
        {"llama.feed_forward_length", o->n_ff},
        {"llama.attention.head_count", o->n_heads},
        {"llama.attention.head_count_kv", o->n_kv_heads},
        {"llama.rope.dimension_count", o->n_embd / o->n_heads},
        {"llama.vocab_size", VOCABULARY + o->n_more},
    };
    gguf_write_string(writer, "general.architecture", "llama");
    gguf_write_string(writer, "general.name", "Tiny random model");
    for (size_t i = 0; i < COUNT(sizes); i++)
        gguf_write_integer(writer, sizes[i].key, GGUF_UINT32, (int64_t)sizes[i].value);
    gguf_write_float(writer, "llama.attention.layer_norm_rms_epsilon", GGUF_FLOAT32, 1e-5);
    gguf_write_float(writer, "llama.rope.freq_base", GGUF_FLOAT32, 10000);
}

/* The largest block of the types. RKV_USAGE: there is no such type. */
static rkv_status check_types(const char *const *types, size_t *largest_block) {
    *largest_block = 1;
    for (size_t i = 0; types[i]; i++) {
        const rkv_tensor_type *type = find_type(types[i]);
        if (!type) return rkv_fail(RKV_USAGE, "no tensor type is called '%s'", types[i]);
        if (type->block_elements > *largest_block) *largest_block = type->block_elements;
    }
    return RKV_OK;
}

static void set_defaults(tiny_model_options *o, size_t block_elements) {
    size_t *const fields[] = {&o->n_layers, &o->n_embd, &o->n_heads, &o->n_kv_heads, &o->n_ff, &o->n_context};
    const size_t defaults[] = {2, block_elements > 64 ? block_elements : 64, 4,
                               2, block_elements > 96 ? block_elements : 96, 256};
    for (size_t i = 0; i < COUNT(fields); i++)
        if (*fields[i] == 0) *fields[i] = defaults[i];
}

rkv_status tiny_model_write(const char *path, const tiny_model_options *options) {
    tiny_model_options o = options ? *options : (tiny_model_options){0};
    const char *const one_type[] = {o.type ? o.type : "F32", NULL};
    builder b = {.random = {o.seed}, .types = o.in_turn ? o.in_turn : one_type};
    size_t largest_block;
    rkv_status known = check_types(b.types, &largest_block);
    if (known) return known;
    set_defaults(&o, largest_block);
    write_configuration(&b.writer, &o);
    b.status = write_tokenizer(&b.writer, VOCABULARY + o.n_more);
    add_matrix(&b, "token_embd.weight", o.n_embd, VOCABULARY + o.n_more, o.tied ? 1 : 8);
    for (size_t layer = 0; layer < o.n_layers; layer++)
        add_layer(&b, &o, layer);
    add_norm(&b, "output_norm.weight", o.n_embd);
    if (!o.tied) add_matrix(&b, "output.weight", o.n_embd, VOCABULARY + o.n_more, 1);
    rkv_status status = gguf_writer_save(&b.writer, path); /* also frees it */
    return b.status ? b.status : status;
}

int tiny_model_begin(int32_t *ids, size_t n) {
    temporary_make();
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)(TINY_MODEL_FIRST_BYTE + i * 7 % 250);
    return tiny_model_write(temporary_path("tiny.gguf"), NULL) != RKV_OK;
}
