/* special_tokens.c: a trie of the special tokens, and the choice among overlapping matches. */
#include "model/special_tokens.h"

#include <assert.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "model/heap.h"
#include "model/pair_map.h"

/* A node of the trie: the text on the way to it. */
typedef struct node {
    int32_t id;      /* the token with that text, -1: none */
    uint32_t length; /* of that text */
    uint32_t parent;
} node;

struct rkv_special_tokens {
    const rkv_vocabulary *vocabulary;
    rkv_pair_map edges; /* (node, byte) -> node */
    node *nodes;        /* [n_nodes]; the first is the root */
    size_t n_nodes;
    bool starts[256]; /* the root has an edge for this byte */
};

#define ROOT 0

/* A node takes some 50 bytes of memory for one byte of file. Models have a few thousand. */
#define TRIE_NODES_MAX (1 << 22)

static bool is_sought(const rkv_vocabulary *vocabulary, int32_t id) {
    return rkv_vocabulary_type(vocabulary, id) != RKV_TOKEN_NORMAL;
}

/* ---- the trie ---- */

static void insert(rkv_special_tokens *t, int32_t id) {
    size_t length;
    const char *text = rkv_vocabulary_text(t->vocabulary, id, &length);
    uint32_t at = ROOT;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        uint32_t next = rkv_pair_map_get(&t->edges, at, byte);
        if (next == RKV_PAIR_NONE) {
            next = (uint32_t)t->n_nodes++;
            t->nodes[next] = (node){.id = -1, .length = (uint32_t)i + 1, .parent = at};
            rkv_pair_map_add(&t->edges, at, byte, next);
        }
        at = next;
    }
    if (length == 0) return;
    t->nodes[at].id = id;
    t->starts[(unsigned char)text[0]] = true;
}

/* The most nodes that the trie can need: the root and one per byte. */
static rkv_status count_nodes(const rkv_vocabulary *vocabulary, size_t *n) {
    *n = 1;
    for (size_t i = 0; i < rkv_vocabulary_size(vocabulary); i++) {
        size_t length;
        rkv_vocabulary_text(vocabulary, (int32_t)i, &length);
        if (!is_sought(vocabulary, (int32_t)i)) continue;
        if (length > RKV_SPECIAL_TOKEN_MAX)
            return rkv_fail(RKV_DATA,
                            "tokenizer.ggml.tokens[%zu] is a special token of %zu bytes; the limit is %d", i,
                            length, RKV_SPECIAL_TOKEN_MAX);
        *n += length;
    }
    if (*n > TRIE_NODES_MAX)
        return rkv_fail(RKV_DATA, "tokenizer.ggml.tokens: the special tokens have over %d bytes together",
                        TRIE_NODES_MAX);
    return RKV_OK;
}

rkv_status rkv_special_tokens_new(rkv_special_tokens **out, const rkv_vocabulary *vocabulary) {
    *out = NULL;
    size_t n_nodes;
    rkv_special_tokens *t = NULL;
    rkv_status status = count_nodes(vocabulary, &n_nodes);
    if (!status) status = rkv_alloc(&t, 1, sizeof *t);
    if (!status) status = rkv_alloc_raw(&t->nodes, n_nodes, sizeof *t->nodes);
    if (!status) status = rkv_pair_map_init(&t->edges, n_nodes);
    if (status) {
        rkv_special_tokens_free(t);
        return status;
    }
    t->vocabulary = vocabulary;
    t->nodes[ROOT] = (node){.id = -1, .parent = ROOT};
    t->n_nodes = 1;
    for (size_t i = 0; i < rkv_vocabulary_size(vocabulary); i++)
        if (is_sought(vocabulary, (int32_t)i)) insert(t, (int32_t)i);
    *out = t;
    return RKV_OK;
}

void rkv_special_tokens_free(rkv_special_tokens *t) {
    if (!t) return;
    rkv_pair_map_clear(&t->edges);
    free(t->nodes);
    free(t);
}

/* ---- the search ----
 *
 * Each place of the text has at most one candidate in the heap: the longest token that starts there and was
 * not yet refused. Candidates come out longest first. One whose first byte is taken is dropped for good; one
 * whose last byte is taken makes way for the next shorter token at the same place. Tokens taken before are
 * not shorter, so they cannot lie between the two ends. */

typedef struct search {
    const rkv_special_tokens *tokens;
    bool control;
    rkv_heap candidates;
    bool *taken; /* [length of the text] */
    rkv_special_match *matches;
    size_t n, capacity;
} search;

/* The nearest node from at towards the root that is a token sought; ROOT when there is none. */
static uint32_t token_towards_root(const search *s, uint32_t at) {
    const rkv_special_tokens *t = s->tokens;
    for (; at != ROOT; at = t->nodes[at].parent) {
        int32_t id = t->nodes[at].id;
        if (id >= 0 && (s->control || !rkv_vocabulary_is_special(t->vocabulary, id))) break;
    }
    return at;
}

static rkv_status add_candidate(search *s, size_t offset, uint32_t at) {
    at = token_towards_root(s, at);
    if (at == ROOT) return RKV_OK;
    const node *found = &s->tokens->nodes[at];
    uint64_t longest_first = UINT32_MAX - found->length;
    return rkv_heap_push(&s->candidates, longest_first << 32 | (uint32_t)found->id,
                         (uint64_t)offset << 32 | at);
}

static rkv_status add_candidates(search *s, const char *text, size_t length) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < length; i++) {
        if (!s->tokens->starts[(unsigned char)text[i]]) continue;
        uint32_t at = ROOT, next;
        for (size_t j = i; j < length; j++, at = next) {
            next = rkv_pair_map_get(&s->tokens->edges, at, (unsigned char)text[j]);
            if (next == RKV_PAIR_NONE) break;
        }
        status = add_candidate(s, i, at);
    }
    return status;
}

static rkv_status judge(search *s, rkv_heap_item item) {
    size_t offset = item.value >> 32;
    const node *found = &s->tokens->nodes[(uint32_t)item.value];
    if (s->taken[offset]) return RKV_OK;
    if (s->taken[offset + found->length - 1]) return add_candidate(s, offset, found->parent);
    rkv_status status = rkv_grow(&s->matches, &s->capacity, s->n + 1, sizeof *s->matches);
    if (status) return status;
    memset(s->taken + offset, true, found->length);
    s->matches[s->n++] = (rkv_special_match){offset, found->length, found->id};
    return RKV_OK;
}

static int by_offset(const void *a, const void *b) {
    const rkv_special_match *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

rkv_status rkv_special_tokens_find(const rkv_special_tokens *tokens, const char *text, size_t length,
                                   bool control, rkv_special_match **matches, size_t *n) {
    assert(length <= INT32_MAX);
    search s = {.tokens = tokens, .control = control};
    *matches = NULL;
    *n = 0;
    rkv_status status = add_candidates(&s, text, length);
    if (!status && s.candidates.count) status = rkv_alloc(&s.taken, length, sizeof *s.taken);
    for (rkv_heap_item item; !status && rkv_heap_pop(&s.candidates, &item);)
        status = judge(&s, item);
    free(s.taken);
    free(s.candidates.items);
    if (status) {
        free(s.matches);
        return status;
    }
    if (s.n) qsort(s.matches, s.n, sizeof *s.matches, by_offset);
    *matches = s.matches;
    *n = s.n;
    return RKV_OK;
}
