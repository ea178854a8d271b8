/* pretokenizer.h: the regular expressions that split text into words before byte-pair encoding. */
#ifndef RKV_MODEL_PRETOKENIZER_H
#define RKV_MODEL_PRETOKENIZER_H

#include <stdbool.h>

#include <rankkv/status.h>

#define RKV_PRETOKENIZER_NAMES    16
#define RKV_PRETOKENIZER_PATTERNS 4

/* One way of splitting, with what else llama.cpp derives from tokenizer.ggml.pre. */
typedef struct rkv_pretokenizer_row {
    const char *names[RKV_PRETOKENIZER_NAMES + 1];       /* values of tokenizer.ggml.pre, up to the NULL */
    const char *patterns[RKV_PRETOKENIZER_PATTERNS + 1]; /* applied one after the other, up to the NULL */
    bool whole_words; /* a word that is a token becomes that token, whatever the merges say */
    bool add_bos;     /* what tokenizer.ggml.add_bos_token is when the file does not say */
} rkv_pretokenizer_row;

/* The table in order; NULL past the end. */
const rkv_pretokenizer_row *rkv_pretokenizer_row_at(size_t index);

typedef struct rkv_pretokenizer rkv_pretokenizer;

/* RKV_DATA when no row has this name; the message lists the names. */
rkv_status rkv_pretokenizer_new(rkv_pretokenizer **out, const char *name, size_t length);
void rkv_pretokenizer_free(rkv_pretokenizer *pretokenizer);
const rkv_pretokenizer_row *rkv_pretokenizer_get_row(const rkv_pretokenizer *pretokenizer);

/* Called for each word in order; a status other than RKV_OK ends the split with it. */
typedef rkv_status (*rkv_word_fn)(void *user, const char *word, size_t length);

/* Splits text, which must be valid UTF-8, into words that together are the whole text: what a pattern
 * matches, and what lies between two matches, which the next pattern then splits further. Safe from several
 * threads at once. */
rkv_status rkv_pretokenizer_split(const rkv_pretokenizer *pretokenizer, const char *text, size_t length,
                                  rkv_word_fn on_word, void *user);

#endif
