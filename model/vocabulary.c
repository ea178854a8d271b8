/* vocabulary.c: the tokens of a byte-level vocabulary, and the table that finds them by their text. */
#include "model/vocabulary.h"

#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "model/byte_map.h"
#include "model/hash_mix.h"

/* Where a token lies in the two arenas. */
typedef struct entry {
    size_t text, text_length;
    size_t bytes, bytes_length;
    uint8_t type;
} entry;

/* A slot of the open-addressed table; the upper half of the hash spares most comparisons of text. */
typedef struct slot {
    uint32_t hash;
    int32_t id; /* -1: free */
} slot;

struct rkv_vocabulary {
    size_t n;
    size_t longest;
    entry *entries; /* [n] */
    char *texts;    /* every text, NUL-terminated */
    char *bytes;    /* every token's bytes, NUL-terminated */
    slot *slots;    /* at most half of them in use */
    uint64_t mask;  /* slots - 1, their number being a power of two */
    uint64_t seed;
};

/* The slot that holds text, or the free one where it belongs. */
static slot *slot_of(const rkv_vocabulary *v, const char *text, size_t length, uint32_t *hash) {
    uint64_t full = rkv_hash_bytes(v->seed, text, length);
    *hash = (uint32_t)(full >> 32);
    for (uint64_t i = full & v->mask;; i = (i + 1) & v->mask) {
        slot *s = &v->slots[i];
        if (s->id < 0) return s;
        const entry *e = &v->entries[s->id];
        if (s->hash == *hash && e->text_length == length && memcmp(v->texts + e->text, text, length) == 0)
            return s;
    }
}

int32_t rkv_vocabulary_find(const rkv_vocabulary *v, const char *text, size_t length) {
    uint32_t hash;
    return length > v->longest ? -1 : slot_of(v, text, length, &hash)->id;
}

static rkv_status check_count(size_t n) {
    if (n == 0) return rkv_fail(RKV_DATA, "tokenizer.ggml.tokens is empty");
    if (n <= INT32_MAX) return RKV_OK;
    return rkv_fail(RKV_DATA, "tokenizer.ggml.tokens has %zu tokens; the limit is %d", n, INT32_MAX);
}

static rkv_status allocate(rkv_vocabulary *v, const rkv_gguf_string *tokens, size_t n) {
    size_t total = n, slots = 16; /* n for the NULs */
    for (size_t i = 0; i < n; i++)
        total += tokens[i].length; /* in one mapping together, so this cannot overflow */
    while (slots / 2 < n)
        slots *= 2;
    rkv_status status = rkv_alloc_raw(&v->entries, n, sizeof *v->entries);
    if (!status) status = rkv_alloc_raw(&v->texts, total, 1);
    if (!status) status = rkv_alloc_raw(&v->bytes, total, 1);
    if (!status) status = rkv_alloc_raw(&v->slots, slots, sizeof *v->slots);
    if (status) return status;
    v->mask = slots - 1;
    v->seed = rkv_hash_seed();
    for (size_t i = 0; i < slots; i++)
        v->slots[i] = (slot){0, -1};
    return RKV_OK;
}

static uint8_t known_type(int64_t type) {
    return type >= RKV_TOKEN_NORMAL && type <= RKV_TOKEN_USER_DEFINED ? (uint8_t)type : RKV_TOKEN_NORMAL;
}

/* Appends token to the arenas, whose fill is that of the entry before. */
static entry *append(rkv_vocabulary *v, rkv_gguf_string token, int64_t type) {
    entry *e = &v->entries[v->n];
    const entry *before = v->n ? e - 1 : NULL;
    *e = (entry){.type = known_type(type), .text_length = token.length, .bytes_length = token.length};
    e->text = before ? before->text + before->text_length + 1 : 0;
    e->bytes = before ? before->bytes + before->bytes_length + 1 : 0;
    if (token.length) memcpy(v->texts + e->text, token.bytes, token.length);
    v->texts[e->text + token.length] = '\0';
    char *bytes = v->bytes + e->bytes;
    bool spelled = e->type == RKV_TOKEN_NORMAL &&
                   rkv_byte_unspell(v->texts + e->text, token.length, bytes, &e->bytes_length);
    if (!spelled && token.length) memcpy(bytes, token.bytes, token.length);
    bytes[e->bytes_length] = '\0';
    if (token.length > v->longest) v->longest = token.length;
    v->n++;
    return e;
}

static rkv_status add(rkv_vocabulary *v, rkv_gguf_string token, int64_t type) {
    const entry *e = append(v, token, type);
    if (token.length == 0) return RKV_OK;
    uint32_t hash;
    slot *s = slot_of(v, v->texts + e->text, e->text_length, &hash);
    int32_t id = (int32_t)(v->n - 1);
    if (s->id >= 0)
        return rkv_fail(RKV_DATA, "tokenizer.ggml.tokens[%d] has the same text as token %d", id, s->id);
    *s = (slot){hash, id};
    return RKV_OK;
}

rkv_status rkv_vocabulary_new(rkv_vocabulary **out, const rkv_gguf_string *tokens, size_t n,
                              const int64_t *types) {
    *out = NULL;
    rkv_vocabulary *v = NULL;
    rkv_status status = check_count(n);
    if (!status) status = rkv_alloc(&v, 1, sizeof *v);
    if (!status) status = allocate(v, tokens, n);
    for (size_t i = 0; !status && i < n; i++)
        status = add(v, tokens[i], types ? types[i] : RKV_TOKEN_NORMAL);
    if (status)
        rkv_vocabulary_free(v);
    else
        *out = v;
    return status;
}

void rkv_vocabulary_free(rkv_vocabulary *v) {
    if (!v) return;
    free(v->slots);
    free(v->bytes);
    free(v->texts);
    free(v->entries);
    free(v);
}

size_t rkv_vocabulary_size(const rkv_vocabulary *v) {
    return v->n;
}

size_t rkv_vocabulary_longest(const rkv_vocabulary *v) {
    return v->longest;
}

rkv_token_type rkv_vocabulary_type(const rkv_vocabulary *v, int32_t id) {
    return (rkv_token_type)v->entries[id].type;
}

bool rkv_vocabulary_is_special(const rkv_vocabulary *v, int32_t id) {
    rkv_token_type type = rkv_vocabulary_type(v, id);
    return type == RKV_TOKEN_CONTROL || type == RKV_TOKEN_UNKNOWN;
}

const char *rkv_vocabulary_text(const rkv_vocabulary *v, int32_t id, size_t *length) {
    *length = v->entries[id].text_length;
    return v->texts + v->entries[id].text;
}

const char *rkv_vocabulary_bytes(const rkv_vocabulary *v, int32_t id, size_t *length) {
    *length = v->entries[id].bytes_length;
    return v->bytes + v->entries[id].bytes;
}
