/* pretokenizer.c: the table of pre-tokenizers, and the split with PCRE2. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/pretokenizer.h"

#include <assert.h>
#include <pcre2.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"
#include "model/printable.h"

/* Character classes, for use inside brackets. SPACE is Unicode's White_Space: PCRE2's \s has U+180E besides,
 * and its \p{White_Space} is only there from 10.40 on. */
#define SPACE                                                                                                \
    "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}"
/* What Unicode 15.1 has is spelled out, lest tokens depend on how old PCRE2 is (10.42 knows Unicode 14). */
#define LETTER                                                                                               \
    "\\p{L}\\x{1123F}\\x{11240}\\x{11F02}\\x{11F04}-\\x{11F10}\\x{11F12}-\\x{11F33}\\x{13441}-\\x{13446}"    \
    "\\x{1B132}\\x{1B155}\\x{1DF25}-\\x{1DF2A}\\x{1E030}-\\x{1E06D}\\x{1E4D0}-\\x{1E4EB}\\x{2B739}"          \
    "\\x{2EBF0}-\\x{2EE5D}\\x{31350}-\\x{323AF}"
#define NUMBER "\\p{N}\\x{11F50}-\\x{11F59}\\x{1D2C0}-\\x{1D2D3}\\x{1E4F0}-\\x{1E4F9}"
#define OTHER  "[^" SPACE LETTER NUMBER "]"

/* All but the last white space of a run, so that the last can lead the next word; all of it at the end. */
#define SPACES       "[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"
#define GPT2         "'s|'t|'re|'ve|'m|'ll|'d| ?[" LETTER "]+| ?[" NUMBER "]+| ?" OTHER "+|" SPACES
#define CONTRACTIONS "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
#define LLAMA3(digits)                                                                                       \
    CONTRACTIONS "|[^\\r\\n" LETTER NUMBER "]?[" LETTER "]+|[" NUMBER "]" digits "| ?" OTHER                 \
                 "+[\\r\\n]*|[" SPACE "]*[\\r\\n]+|" SPACES

/* The names and what they mean are llama.cpp's (src/llama-vocab.cpp); so tokens are the same in both. */
static const rkv_pretokenizer_row rows[] = {
    {.names = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
     .patterns = {"[" NUMBER "]", GPT2}},
    {.names = {"gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4"},
     .patterns = {GPT2}},
    {.names = {"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"},
     .patterns = {LLAMA3("{1,3}")},
     .whole_words = true,
     .add_bos = true},
    {.names = {"dbrx", "smaug-bpe"}, .patterns = {LLAMA3("{1,3}")}},
    {.names = {"qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan"}, .patterns = {LLAMA3("")}},
    {.names = {"default"}, .patterns = {"[\\p{P}$+<=>^~|]+", GPT2, "[" NUMBER "]+", "[0-9][0-9][0-9]"}},
};

const rkv_pretokenizer_row *rkv_pretokenizer_row_at(size_t index) {
    return index < sizeof rows / sizeof *rows ? &rows[index] : NULL;
}

struct rkv_pretokenizer {
    const rkv_pretokenizer_row *row;
    pcre2_code *codes[RKV_PRETOKENIZER_PATTERNS]; /* [n], read-only: threads may share them */
    size_t n;
    pcre2_match_context *context;
};

/* ---- compiling ---- */

static const rkv_pretokenizer_row *find_row(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (const char *const *known = rows[i].names; *known; known++)
            if (strlen(*known) == length && memcmp(*known, name, length) == 0) return &rows[i];
    return NULL;
}

static rkv_status unknown_name(const char *name, size_t length) {
    rkv_text known = {0};
    char *names;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (const char *const *at = rows[i].names; *at; at++)
            rkv_text_printf(&known, " %s", *at);
    rkv_status status = rkv_text_finish(&known, &names);
    if (status) return status;
    status = rkv_fail(RKV_DATA, "tokenizer.ggml.pre is \"%s\", none of%s",
                      rkv_make_printable(name, length).text, names);
    free(names);
    return status;
}

static rkv_status pcre_failure(const char *what, int code) {
    PCRE2_UCHAR reason[128] = "";
    pcre2_get_error_message(code, reason, sizeof reason);
    return rkv_fail(code == PCRE2_ERROR_NOMEMORY ? RKV_NO_MEMORY : RKV_ERROR, "%s: PCRE2: %s", what,
                    (const char *)reason);
}

static rkv_status compile(pcre2_code **code, const char *pattern) {
    int error;
    PCRE2_SIZE at;
    *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &error, &at, NULL);
    if (!*code) return pcre_failure(pattern, error);
    /* Refused where memory may not be made executable; pcre2_match then interprets the pattern. */
    pcre2_jit_compile(*code, PCRE2_JIT_COMPLETE);
    return RKV_OK;
}

/* No limits: every pattern takes time linear in what it matches, so a long run of one kind of character is no
 * attack; it would only meet the limits that PCRE2 sets by default. */
static rkv_status make_context(pcre2_match_context **context) {
    *context = pcre2_match_context_create(NULL);
    if (!*context) return pcre_failure("pcre2_match_context_create", PCRE2_ERROR_NOMEMORY);
    pcre2_set_match_limit(*context, UINT32_MAX);
    pcre2_set_depth_limit(*context, UINT32_MAX);
    pcre2_set_heap_limit(*context, UINT32_MAX);
    return RKV_OK;
}

rkv_status rkv_pretokenizer_new(rkv_pretokenizer **out, const char *name, size_t length) {
    *out = NULL;
    rkv_pretokenizer *p = NULL;
    const rkv_pretokenizer_row *row = find_row(name, length);
    if (!row) return unknown_name(name, length);
    rkv_status status = rkv_alloc(&p, 1, sizeof *p);
    if (status) return status;
    p->row = row;
    status = make_context(&p->context);
    for (; !status && row->patterns[p->n]; p->n++)
        status = compile(&p->codes[p->n], row->patterns[p->n]);
    if (status)
        rkv_pretokenizer_free(p);
    else
        *out = p;
    return status;
}

void rkv_pretokenizer_free(rkv_pretokenizer *p) {
    if (!p) return;
    for (size_t i = 0; i < RKV_PRETOKENIZER_PATTERNS; i++)
        pcre2_code_free(p->codes[i]);
    pcre2_match_context_free(p->context);
    free(p);
}

const rkv_pretokenizer_row *rkv_pretokenizer_get_row(const rkv_pretokenizer *p) {
    return p->row;
}

/* ---- splitting ---- */

typedef struct split {
    const rkv_pretokenizer *pretokenizer;
    pcre2_match_data *match;
    rkv_word_fn on_word;
    void *user;
} split;

/* The first match of pattern in text from *start on; an empty one at the end of text when there is none. The
 * piece is a subject of its own: what follows it is not seen by a lookahead. */
static rkv_status find_match(const split *s, size_t pattern, const char *text, size_t length, size_t *start,
                             size_t *end) {
    const rkv_pretokenizer *p = s->pretokenizer;
    const pcre2_code *code = p->codes[pattern];
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int found = pcre2_match(code, subject, length, *start, PCRE2_NO_UTF_CHECK, s->match, p->context);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(code, subject, length, *start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, s->match,
                            p->context);
    *end = length;
    if (found == PCRE2_ERROR_NOMATCH) *start = length;
    if (found == PCRE2_ERROR_NOMATCH) return RKV_OK;
    if (found < 0) return pcre_failure("splitting text into words", found);
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(s->match);
    *start = span[0];
    *end = span[1];
    assert(*end > *start); /* no pattern of the table matches nothing */
    return RKV_OK;
}

/* Splits text with the patterns from `pattern` on; as deep as the row has patterns. */
static rkv_status split_piece(const split *s, size_t pattern, const char *text, size_t length) {
    if (length == 0) return RKV_OK;
    if (pattern == s->pretokenizer->n) return s->on_word(s->user, text, length);
    rkv_status status = RKV_OK;
    for (size_t done = 0; !status && done < length;) {
        size_t start = done, end;
        status = find_match(s, pattern, text, length, &start, &end);
        if (!status) status = split_piece(s, pattern + 1, text + done, start - done);
        if (!status) status = split_piece(s, pattern + 1, text + start, end - start);
        done = end;
    }
    return status;
}

rkv_status rkv_pretokenizer_split(const rkv_pretokenizer *p, const char *text, size_t length,
                                  rkv_word_fn on_word, void *user) {
    split s = {p, pcre2_match_data_create(1, NULL), on_word, user};
    if (!s.match) return pcre_failure("pcre2_match_data_create", PCRE2_ERROR_NOMEMORY);
    rkv_status status = split_piece(&s, 0, text, length);
    pcre2_match_data_free(s.match);
    return status;
}
