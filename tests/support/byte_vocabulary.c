/* byte_vocabulary.c: byte-level vocabularies made by hand. */
#include "support/byte_vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "core/random.h"
#include "core/text.h"
#include "model/byte_map.h"
#include "model/vocabulary.h"

static void spell(unsigned byte, char text[RKV_BYTE_SPELLING_MAX + 1]) {
    text[rkv_byte_spell((unsigned char)byte, text)] = '\0';
}

static rkv_gguf_string joined(const char *a, const char *between, const char *b) {
    rkv_text text = {0};
    char *bytes;
    rkv_text_printf(&text, "%s%s%s", a, between, b);
    size_t length = text.length;
    assert_int_equal(rkv_text_finish(&text, &bytes), RKV_OK);
    return (rkv_gguf_string){bytes, length};
}

int32_t byte_vocabulary_add(byte_vocabulary *v, const char *text, int64_t type) {
    rkv_tokenizer_source *s = &v->source;
    size_t id = s->n_tokens++;
    assert_int_equal(rkv_grow(&s->tokens, &v->token_capacity, id + 1, sizeof *s->tokens), RKV_OK);
    assert_int_equal(rkv_grow(&s->types, &v->type_capacity, id + 1, sizeof *s->types), RKV_OK);
    s->tokens[id] = joined(text, "", "");
    s->types[id] = type;
    return (int32_t)id;
}

void byte_vocabulary_merge(byte_vocabulary *v, const char *left, const char *right) {
    rkv_tokenizer_source *s = &v->source;
    size_t rank = s->n_merges++;
    assert_int_equal(rkv_grow(&s->merges, &v->merge_capacity, rank + 1, sizeof *s->merges), RKV_OK);
    s->merges[rank] = joined(left, " ", right);
}

void byte_vocabulary_init(byte_vocabulary *v) {
    *v = (byte_vocabulary){.source = {.pre = {"gpt-2", 5}, .bos = -1, .eos = -1}};
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[RKV_BYTE_SPELLING_MAX + 1];
        spell(byte, text);
        byte_vocabulary_add(v, text, RKV_TOKEN_NORMAL);
    }
}

void byte_vocabulary_clear(byte_vocabulary *v) {
    for (size_t i = 0; i < v->source.n_tokens; i++)
        free((char *)v->source.tokens[i].bytes);
    for (size_t i = 0; i < v->source.n_merges; i++)
        free((char *)v->source.merges[i].bytes);
    rkv_tokenizer_source_clear(&v->source);
}

static bool is_token(const byte_vocabulary *v, const char *text) {
    for (size_t i = 0; i < v->source.n_tokens; i++)
        if (strcmp(v->source.tokens[i].bytes, text) == 0) return true;
    return false;
}

/* One of a .. d, or one of the tokens that were grown from them. */
static const char *random_part(const byte_vocabulary *v, rkv_random *random, size_t first) {
    size_t pick = rkv_random_below(random, 4 + v->source.n_tokens - first);
    return v->source.tokens[pick < 4 ? 'a' + pick : first + pick - 4].bytes;
}

void byte_vocabulary_grow(byte_vocabulary *v, uint64_t seed, size_t n) {
    rkv_random random = {seed};
    size_t first = v->source.n_tokens;
    for (size_t added = 0; added < n;) {
        const char *left = random_part(v, &random, first), *right = random_part(v, &random, first);
        rkv_gguf_string whole = joined(left, "", right);
        if (whole.length <= 12) {
            byte_vocabulary_merge(v, left, right); /* several ways to one token are welcome */
            if (!is_token(v, whole.bytes)) byte_vocabulary_add(v, whole.bytes, RKV_TOKEN_NORMAL);
            added++;
        }
        free((char *)whole.bytes);
    }
}

void byte_vocabulary_pairs(byte_vocabulary *v) {
    static const struct {
        const char *text;
        int64_t type;
    } special[] = {
        {"<|one|>", RKV_TOKEN_CONTROL},
        {"<|two|>", RKV_TOKEN_CONTROL},
        {"<a.b", RKV_TOKEN_CONTROL},
        {"a.b>x", RKV_TOKEN_USER_DEFINED},
        {"<unk>", RKV_TOKEN_UNKNOWN},
        {"    ", RKV_TOKEN_USER_DEFINED},
        {"\u00e9\u00e8\u00e9", RKV_TOKEN_CONTROL},
    };
    for (unsigned i = 0; i < 65536; i++) {
        char left[RKV_BYTE_SPELLING_MAX + 1], right[RKV_BYTE_SPELLING_MAX + 1];
        unsigned pair = i * 40503u & 0xFFFF;
        spell(pair >> 8, left);
        spell(pair & 0xFF, right);
        rkv_gguf_string whole = joined(left, "", right);
        byte_vocabulary_merge(v, left, right);
        byte_vocabulary_add(v, whole.bytes, RKV_TOKEN_NORMAL);
        free((char *)whole.bytes);
    }
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        byte_vocabulary_add(v, special[i].text, special[i].type);
    v->source.bos = 256 + 65536;
    v->source.eos = v->source.bos + 1;
}

rkv_tokenizer *byte_vocabulary_build(const byte_vocabulary *v) {
    rkv_tokenizer *tokenizer;
    if (rkv_tokenizer_build(&tokenizer, &v->source)) fail_msg("%s", rkv_message());
    return tokenizer;
}
