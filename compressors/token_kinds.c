/* token_kinds.c: which tokens of a vocabulary are special, and which are punctuation. */
#include "compressors/token_kinds.h"

#include "compressors/method.h"
#include "core/memory.h"
#include "core/text.h"
#include "model/model.h"

/* White space and punctuation: ASCII as Python's string.whitespace and string.punctuation have it; beyond it
 * what stands in ordinary prose: Latin-1's, the block General Punctuation, and those of East Asian text. */
static const struct range {
    unsigned first, last;
} ranges[] = {
    {'\t', '\r'},     {' ', '/'},       {':', '@'},       {'[', '`'},       {'{', '~'},
    {0x85, 0x85},     {0xA0, 0xA1},     {0xA7, 0xA7},     {0xAB, 0xAB},     {0xB6, 0xB7},
    {0xBB, 0xBB},     {0xBF, 0xBF},     {0x2000, 0x200A}, {0x2010, 0x2029}, {0x202F, 0x205F},
    {0x3000, 0x3003}, {0x3008, 0x3011}, {0x3014, 0x301F}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20},
    {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65},
};

static bool is_punctuation(unsigned codepoint) {
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (codepoint >= ranges[i].first && codepoint <= ranges[i].last) return true;
    return false;
}

bool rkv_text_is_punctuation(const char *text, size_t length) {
    while (length > 0) {
        unsigned codepoint;
        size_t n = rkv_utf8_decode(text, length, &codepoint);
        if (!n || !is_punctuation(codepoint)) return false;
        text += n;
        length -= n;
    }
    return true;
}

rkv_status rkv_token_kinds_new(uint8_t **kinds, const rkv_model *model) {
    const rkv_tokenizer *tokenizer = model->tokenizer;
    size_t n = rkv_tokenizer_vocabulary_size(tokenizer);
    int32_t bos = rkv_tokenizer_bos(tokenizer), eos = rkv_tokenizer_eos(tokenizer);
    rkv_status status = rkv_alloc(kinds, n, sizeof **kinds);
    for (size_t i = 0; i < n && !status; i++) {
        int32_t id = (int32_t)i;
        size_t length;
        const char *bytes = rkv_tokenizer_bytes(tokenizer, id, &length);
        if (rkv_tokenizer_is_special(tokenizer, id) || id == bos || id == eos)
            (*kinds)[i] |= RKV_TOKEN_IS_SPECIAL;
        else if (rkv_text_is_punctuation(bytes, length))
            (*kinds)[i] |= RKV_TOKEN_IS_PUNCTUATION;
    }
    return status;
}
