/* bpe.c: byte-pair encoding (Sennrich et al. 2016, over bytes as in GPT-2).
 *
 * A word starts as one symbol per byte. Over and over, the adjacent pair that the merges rank lowest (the
 * leftmost of several) becomes one symbol. The symbols form a linked list in an array, and a heap holds the
 * pairs; a merge changes three of them, so entries that it makes wrong stay in the heap and are told apart
 * when they come up:
 *
 *     t - h - e      heap: (h,e) rank 4, (t,h) rank 9
 *     t - he         (t,h) is stale: symbol t and its neighbour are now 3 bytes long together, not 2
 */
#include "model/bpe.h"

#include <assert.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "model/byte_map.h"
#include "model/pair_map.h"
#include "model/printable.h"

struct rkv_bpe {
    const rkv_vocabulary *vocabulary;
    rkv_pair_map ranks;       /* (left id, right id) -> rank */
    int32_t *merged;          /* [n merges]: the token that the merge of this rank makes */
    int32_t byte_tokens[256]; /* -1: none */
    bool whole_words;
};

typedef struct rkv_bpe_symbol {
    int32_t id;      /* -1: a byte without a token */
    uint32_t length; /* in bytes; 0 once merged into the symbol before it */
    uint32_t previous, next;
} symbol;

#define NO_SYMBOL UINT32_MAX

rkv_status rkv_id_list_add(rkv_id_list *list, int32_t id) {
    rkv_status status = rkv_grow(&list->ids, &list->capacity, list->count + 1, sizeof *list->ids);
    if (!status) list->ids[list->count++] = id;
    return status;
}

void rkv_bpe_scratch_clear(rkv_bpe_scratch *scratch) {
    free(scratch->symbols);
    free(scratch->pairs.items);
    free(scratch->spelling);
    *scratch = (rkv_bpe_scratch){0};
}

/* ---- loading ---- */

/* The token with this text that ordinary text may become, else -1. */
static int32_t find_ordinary(const rkv_vocabulary *vocabulary, const char *text, size_t length) {
    int32_t id = rkv_vocabulary_find(vocabulary, text, length);
    return id >= 0 && rkv_vocabulary_is_special(vocabulary, id) ? -1 : id;
}

static void find_byte_tokens(rkv_bpe *bpe) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char spelling[RKV_BYTE_SPELLING_MAX];
        size_t length = rkv_byte_spell((unsigned char)byte, spelling);
        bpe->byte_tokens[byte] = find_ordinary(bpe->vocabulary, spelling, length);
    }
}

static rkv_status no_token(size_t rank, const char *what, rkv_gguf_string text) {
    return rkv_fail(RKV_DATA, "tokenizer.ggml.merges[%zu]: its %s \"%s\" is not in tokenizer.ggml.tokens",
                    rank, what, rkv_make_printable(text.bytes, text.length).text);
}

/* Splits "LEFT RIGHT" at its first space; a space at the very start belongs to LEFT, as in llama.cpp. */
static bool split_merge(rkv_gguf_string merge, rkv_gguf_string *left, rkv_gguf_string *right) {
    const char *space = merge.length < 2 ? NULL : memchr(merge.bytes + 1, ' ', merge.length - 1);
    if (!space) return false;
    *left = (rkv_gguf_string){merge.bytes, (size_t)(space - merge.bytes)};
    *right = (rkv_gguf_string){space + 1, merge.length - left->length - 1};
    return right->length > 0;
}

/* joined has room for every merge. A merge into or from a special token is left out: text never becomes one.
 */
static rkv_status add_merge(rkv_bpe *bpe, rkv_gguf_string merge, size_t rank, char *joined) {
    rkv_gguf_string left, right;
    if (!split_merge(merge, &left, &right))
        return rkv_fail(RKV_DATA, "tokenizer.ggml.merges[%zu] is not two tokens with a space between", rank);
    memcpy(joined, left.bytes, left.length);
    memcpy(joined + left.length, right.bytes, right.length);
    rkv_gguf_string whole = {joined, left.length + right.length};
    const rkv_vocabulary *v = bpe->vocabulary;
    int32_t a = rkv_vocabulary_find(v, left.bytes, left.length);
    int32_t b = rkv_vocabulary_find(v, right.bytes, right.length);
    int32_t c = rkv_vocabulary_find(v, whole.bytes, whole.length);
    if (a < 0) return no_token(rank, "left part", left);
    if (b < 0) return no_token(rank, "right part", right);
    if (c < 0) return no_token(rank, "result", whole);
    bpe->merged[rank] = c;
    if (rkv_vocabulary_is_special(v, a) || rkv_vocabulary_is_special(v, b) || rkv_vocabulary_is_special(v, c))
        return RKV_OK;
    rkv_pair_map_add(&bpe->ranks, (uint32_t)a, (uint32_t)b, (uint32_t)rank); /* the first of several counts */
    return RKV_OK;
}

static rkv_status add_merges(rkv_bpe *bpe, const rkv_gguf_string *merges, size_t n) {
    char *joined = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < n; i++)
        if (merges[i].length > longest) longest = merges[i].length;
    if (n > INT32_MAX)
        return rkv_fail(RKV_DATA, "tokenizer.ggml.merges has %zu merges; the limit is %d", n, INT32_MAX);
    rkv_status status = rkv_alloc_raw(&joined, longest, 1);
    if (!status) status = rkv_alloc_raw(&bpe->merged, n, sizeof *bpe->merged);
    if (!status) status = rkv_pair_map_init(&bpe->ranks, n);
    for (size_t i = 0; !status && i < n; i++)
        status = add_merge(bpe, merges[i], i, joined);
    free(joined);
    return status;
}

rkv_status rkv_bpe_new(rkv_bpe **out, const rkv_vocabulary *vocabulary, const rkv_gguf_string *merges,
                       size_t n, bool whole_words) {
    *out = NULL;
    rkv_bpe *bpe = NULL;
    rkv_status status = rkv_alloc(&bpe, 1, sizeof *bpe);
    if (status) return status;
    bpe->vocabulary = vocabulary;
    bpe->whole_words = whole_words;
    find_byte_tokens(bpe);
    status = add_merges(bpe, merges, n);
    if (status)
        rkv_bpe_free(bpe);
    else
        *out = bpe;
    return status;
}

void rkv_bpe_free(rkv_bpe *bpe) {
    if (!bpe) return;
    rkv_pair_map_clear(&bpe->ranks);
    free(bpe->merged);
    free(bpe);
}

/* ---- encoding ---- */

/* Queues the pair of left and the symbol after it, if there is a merge for it: rank and place order the heap,
 * the length that the two have together tells later whether they are still the same two. */
static rkv_status queue_pair(const rkv_bpe *bpe, rkv_bpe_scratch *scratch, uint32_t left) {
    if (left == NO_SYMBOL) return RKV_OK;
    const symbol *a = &scratch->symbols[left];
    if (a->next == NO_SYMBOL) return RKV_OK;
    const symbol *b = &scratch->symbols[a->next];
    if (a->id < 0 || b->id < 0) return RKV_OK;
    uint32_t rank = rkv_pair_map_get(&bpe->ranks, (uint32_t)a->id, (uint32_t)b->id);
    if (rank == RKV_PAIR_NONE) return RKV_OK;
    return rkv_heap_push(&scratch->pairs, (uint64_t)rank << 32 | left, (uint64_t)a->length + b->length);
}

static rkv_status start_symbols(const rkv_bpe *bpe, rkv_bpe_scratch *scratch, const char *word,
                                size_t length) {
    rkv_status status = rkv_grow(&scratch->symbols, &scratch->capacity, length, sizeof *scratch->symbols);
    if (status) return status;
    for (uint32_t i = 0; i < length; i++)
        scratch->symbols[i] = (symbol){.id = bpe->byte_tokens[(unsigned char)word[i]],
                                       .length = 1,
                                       .previous = i ? i - 1 : NO_SYMBOL,
                                       .next = i + 1 < length ? i + 1 : NO_SYMBOL};
    scratch->pairs.count = 0;
    for (uint32_t i = 0; !status && i + 1 < length; i++)
        status = queue_pair(bpe, scratch, i);
    return status;
}

static rkv_status merge_pair(const rkv_bpe *bpe, rkv_bpe_scratch *scratch, rkv_heap_item item) {
    uint32_t left = (uint32_t)item.key, rank = (uint32_t)(item.key >> 32);
    symbol *a = &scratch->symbols[left];
    if (a->length == 0 || a->next == NO_SYMBOL) return RKV_OK;
    symbol *b = &scratch->symbols[a->next];
    if ((uint64_t)a->length + b->length != item.value) return RKV_OK;
    a->id = bpe->merged[rank];
    a->length += b->length;
    a->next = b->next;
    b->length = 0;
    if (a->next != NO_SYMBOL) scratch->symbols[a->next].previous = left;
    rkv_status status = queue_pair(bpe, scratch, a->previous);
    return status ? status : queue_pair(bpe, scratch, left);
}

/* The token that the whole word is, -1 when it is none. */
static rkv_status find_word(const rkv_bpe *bpe, rkv_bpe_scratch *scratch, const char *word, size_t length,
                            int32_t *id) {
    *id = -1;
    if (length > rkv_vocabulary_longest(bpe->vocabulary)) return RKV_OK;
    rkv_status status =
        rkv_grow(&scratch->spelling, &scratch->spelling_capacity, RKV_BYTE_SPELLING_MAX * length, 1);
    if (status) return status;
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += rkv_byte_spell((unsigned char)word[i], scratch->spelling + n);
    *id = find_ordinary(bpe->vocabulary, scratch->spelling, n);
    return RKV_OK;
}

rkv_status rkv_bpe_encode(const rkv_bpe *bpe, rkv_bpe_scratch *scratch, const char *word, size_t length,
                          rkv_id_list *ids) {
    assert(length <= INT32_MAX);
    if (length == 0) return RKV_OK;
    int32_t id = -1;
    rkv_status status = bpe->whole_words ? find_word(bpe, scratch, word, length, &id) : RKV_OK;
    if (status || id >= 0) return status ? status : rkv_id_list_add(ids, id);
    status = start_symbols(bpe, scratch, word, length);
    for (rkv_heap_item item; !status && rkv_heap_pop(&scratch->pairs, &item);)
        status = merge_pair(bpe, scratch, item);
    for (uint32_t i = 0; !status && i != NO_SYMBOL; i = scratch->symbols[i].next)
        if (scratch->symbols[i].id >= 0) status = rkv_id_list_add(ids, scratch->symbols[i].id);
    return status;
}
