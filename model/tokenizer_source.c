/* tokenizer_source.c: reading tokenizer.ggml.* of a GGUF file. */
#include "model/tokenizer_source.h"

#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "model/printable.h"

static rkv_status check_model(const rkv_gguf *file) {
    rkv_gguf_string model;
    rkv_status status = rkv_gguf_str(file, "tokenizer.ggml.model", &model);
    if (status) return status;
    if (model.length == 4 && memcmp(model.bytes, "gpt2", 4) == 0) return RKV_OK;
    return rkv_fail(RKV_DATA, "%s: tokenizer.ggml.model is \"%s\"; only \"gpt2\" (byte-level BPE) is known",
                    rkv_gguf_path(file), rkv_make_printable(model.bytes, model.length).text);
}

static rkv_status read_types(rkv_tokenizer_source *s, const rkv_gguf *file) {
    static const char key[] = "tokenizer.ggml.token_type";
    size_t n;
    if (!rkv_gguf_has(file, key)) return RKV_OK;
    rkv_status status = rkv_gguf_i64_array(file, key, &s->types, &n);
    if (status || n == s->n_tokens) return status;
    return rkv_fail(RKV_DATA, "%s: %s has %zu entries for %zu tokens", rkv_gguf_path(file), key, n,
                    s->n_tokens);
}

/* *id stays -1 where the file has no such key. */
static rkv_status read_id(const rkv_tokenizer_source *s, const rkv_gguf *file, const char *key, int32_t *id) {
    uint64_t value;
    if (!rkv_gguf_has(file, key)) return RKV_OK;
    rkv_status status = rkv_gguf_u64(file, key, &value);
    if (status) return status;
    if (value >= s->n_tokens || value > INT32_MAX)
        return rkv_fail(RKV_DATA, "%s: %s is %llu, but tokenizer.ggml.tokens has %zu tokens",
                        rkv_gguf_path(file), key, (unsigned long long)value, s->n_tokens);
    *id = (int32_t)value;
    return RKV_OK;
}

static rkv_status read_pre(rkv_tokenizer_source *s, const rkv_gguf *file) {
    static const char key[] = "tokenizer.ggml.pre";
    s->pre = (rkv_gguf_string){"default", strlen("default")};
    return rkv_gguf_has(file, key) ? rkv_gguf_str(file, key, &s->pre) : RKV_OK;
}

static rkv_status read_add_bos(rkv_tokenizer_source *s, const rkv_gguf *file) {
    static const char key[] = "tokenizer.ggml.add_bos_token";
    s->has_add_bos = rkv_gguf_has(file, key);
    return s->has_add_bos ? rkv_gguf_bool(file, key, &s->add_bos) : RKV_OK;
}

/* tokenizer.ggml.add_space_prefix is of no account for this kind of tokenizer, nor is it in llama.cpp. */
rkv_status rkv_tokenizer_source_read(rkv_tokenizer_source *s, const rkv_gguf *file) {
    *s = (rkv_tokenizer_source){.bos = -1, .eos = -1};
    rkv_status status = check_model(file);
    if (!status) status = rkv_gguf_str_array(file, "tokenizer.ggml.tokens", &s->tokens, &s->n_tokens);
    if (!status) status = rkv_gguf_str_array(file, "tokenizer.ggml.merges", &s->merges, &s->n_merges);
    if (!status) status = read_types(s, file);
    if (!status) status = read_pre(s, file);
    if (!status) status = read_id(s, file, "tokenizer.ggml.bos_token_id", &s->bos);
    if (!status) status = read_id(s, file, "tokenizer.ggml.eos_token_id", &s->eos);
    return status ? status : read_add_bos(s, file);
}

void rkv_tokenizer_source_clear(rkv_tokenizer_source *s) {
    free(s->tokens);
    free(s->types);
    free(s->merges);
    *s = (rkv_tokenizer_source){.bos = -1, .eos = -1};
}
