/* tokenizer.c: text to token ids and back, from the parts beside it:
 *
 *     text -> special tokens -> stretches of valid UTF-8 -> words (pretokenizer) -> tokens (bpe) */
#include "model/tokenizer.h"

#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"
#include "model/bpe.h"
#include "model/pretokenizer.h"
#include "model/special_tokens.h"
#include "model/tokenizer_source.h"
#include "model/vocabulary.h"

struct rkv_tokenizer {
    rkv_vocabulary *vocabulary;
    rkv_special_tokens *special;
    rkv_pretokenizer *pretokenizer;
    rkv_bpe *bpe;
    int32_t bos, eos; /* -1: none */
    bool add_bos;     /* texts of this model start with bos */
};

/* ---- making one ---- */

static rkv_status build_parts(rkv_tokenizer *t, const rkv_tokenizer_source *s) {
    rkv_status status = rkv_pretokenizer_new(&t->pretokenizer, s->pre.bytes, s->pre.length);
    if (!status) status = rkv_vocabulary_new(&t->vocabulary, s->tokens, s->n_tokens, s->types);
    if (!status) status = rkv_special_tokens_new(&t->special, t->vocabulary);
    if (status) return status;
    const rkv_pretokenizer_row *row = rkv_pretokenizer_get_row(t->pretokenizer);
    t->bos = s->bos;
    t->eos = s->eos;
    t->add_bos = s->bos >= 0 && (s->has_add_bos ? s->add_bos : row->add_bos);
    return rkv_bpe_new(&t->bpe, t->vocabulary, s->merges, s->n_merges, row->whole_words);
}

rkv_status rkv_tokenizer_build(rkv_tokenizer **out, const rkv_tokenizer_source *source) {
    *out = NULL;
    rkv_tokenizer *t = NULL;
    rkv_status status = rkv_alloc(&t, 1, sizeof *t);
    if (!status) status = build_parts(t, source);
    if (status)
        rkv_tokenizer_free(t);
    else
        *out = t;
    return status;
}

rkv_status rkv_tokenizer_new(rkv_tokenizer **out, const rkv_gguf *file) {
    *out = NULL;
    rkv_tokenizer_source source;
    rkv_status status = rkv_tokenizer_source_read(&source, file);
    if (!status) {
        status = rkv_tokenizer_build(out, &source);
        if (status) rkv_fail_within(status, "%s", rkv_gguf_path(file));
    }
    rkv_tokenizer_source_clear(&source);
    return status;
}

void rkv_tokenizer_free(rkv_tokenizer *t) {
    if (!t) return;
    rkv_bpe_free(t->bpe);
    rkv_pretokenizer_free(t->pretokenizer);
    rkv_special_tokens_free(t->special);
    rkv_vocabulary_free(t->vocabulary);
    free(t);
}

/* ---- encoding ---- */

typedef struct encoder {
    const rkv_tokenizer *tokenizer;
    rkv_bpe_scratch scratch;
    rkv_id_list ids;
} encoder;

static rkv_status encode_word(void *user, const char *word, size_t length) {
    encoder *e = user;
    return rkv_bpe_encode(e->tokenizer->bpe, &e->scratch, word, length, &e->ids);
}

/* Length of the stretch at the start of text that is all valid UTF-8 (*valid) or all malformed. */
static size_t stretch_length(const char *text, size_t length, bool *valid) {
    size_t step = rkv_utf8_decode(text, length, NULL), at = 0;
    *valid = step > 0;
    while (at < length && (step > 0) == *valid) {
        at += step ? step : 1;
        if (at < length) step = rkv_utf8_decode(text + at, length - at, NULL);
    }
    return at;
}

/* Malformed bytes have no character class: a run of them is a word. */
static rkv_status encode_text(encoder *e, const char *text, size_t length) {
    rkv_status status = RKV_OK;
    for (size_t at = 0, n; !status && at < length; at += n) {
        bool valid;
        n = stretch_length(text + at, length - at, &valid);
        status = valid ? rkv_pretokenizer_split(e->tokenizer->pretokenizer, text + at, n, encode_word, e)
                       : encode_word(e, text + at, n);
    }
    return status;
}

static rkv_status encode(encoder *e, const char *text, size_t length, const rkv_tokenize_options *options) {
    const rkv_tokenizer *t = e->tokenizer;
    rkv_special_match *matches = NULL;
    size_t n = 0, done = 0;
    rkv_status status = options->add_bos && t->add_bos ? rkv_id_list_add(&e->ids, t->bos) : RKV_OK;
    if (!status)
        status = rkv_special_tokens_find(t->special, text, length, options->parse_special, &matches, &n);
    for (size_t i = 0; !status && i < n; i++) {
        status = encode_text(e, text + done, matches[i].offset - done);
        if (!status) status = rkv_id_list_add(&e->ids, matches[i].id);
        done = matches[i].offset + matches[i].length;
    }
    if (!status) status = encode_text(e, text + done, length - done);
    free(matches);
    return status;
}

rkv_status rkv_tokenizer_encode(const rkv_tokenizer *t, const char *text, size_t length,
                                const rkv_tokenize_options *options, int32_t **ids, size_t *n) {
    static const rkv_tokenize_options defaults = {0};
    if (length > INT32_MAX)
        return rkv_fail(RKV_USAGE, "text of %zu bytes; the limit is %d", length, INT32_MAX);
    encoder e = {.tokenizer = t};
    rkv_status status = encode(&e, text, length, options ? options : &defaults);
    if (!status) status = rkv_grow(&e.ids.ids, &e.ids.capacity, 1, sizeof *e.ids.ids); /* not NULL for "" */
    rkv_bpe_scratch_clear(&e.scratch);
    if (status) {
        free(e.ids.ids);
        return status;
    }
    *ids = e.ids.ids;
    *n = e.ids.count;
    return RKV_OK;
}

/* ---- decoding, and what the tokens are ---- */

static bool is_token(const rkv_tokenizer *t, int32_t id) {
    return id >= 0 && (size_t)id < rkv_vocabulary_size(t->vocabulary);
}

const char *rkv_tokenizer_bytes(const rkv_tokenizer *t, int32_t id, size_t *length) {
    *length = 0;
    return is_token(t, id) ? rkv_vocabulary_bytes(t->vocabulary, id, length) : NULL;
}

rkv_status rkv_tokenizer_decode(const rkv_tokenizer *t, const int32_t *ids, size_t n, char **text,
                                size_t *length) {
    rkv_text joined = {0};
    for (size_t i = 0; i < n; i++) {
        size_t size;
        const char *bytes = rkv_tokenizer_bytes(t, ids[i], &size);
        if (!bytes) {
            free(joined.bytes);
            return rkv_fail(RKV_USAGE, "token %zu has id %d; the vocabulary has %zu tokens", i, ids[i],
                            rkv_vocabulary_size(t->vocabulary));
        }
        rkv_text_add(&joined, bytes, size);
    }
    size_t total = joined.length;
    rkv_status status = rkv_text_finish(&joined, text);
    if (!status) *length = total;
    return status;
}

size_t rkv_tokenizer_vocabulary_size(const rkv_tokenizer *t) {
    return rkv_vocabulary_size(t->vocabulary);
}

int32_t rkv_tokenizer_bos(const rkv_tokenizer *t) {
    return t->bos;
}

int32_t rkv_tokenizer_eos(const rkv_tokenizer *t) {
    return t->eos;
}

bool rkv_tokenizer_is_special(const rkv_tokenizer *t, int32_t id) {
    return is_token(t, id) && rkv_vocabulary_is_special(t->vocabulary, id);
}
