/* filler.c: text that answers are hidden in, and where its sentences end. */
#include "evaluation/filler.h"

#include <string.h>

#include "core/memory.h"

/* ---- sentences ---- */

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Words after which a full stop ends no sentence. */
static const char *const abbreviations[] = {"Mr",  "Mrs",  "Ms",  "Dr",  "St", "Messrs",
                                            "Esq", "Capt", "Col", "Rev", "Hon"};

/* Whether the word before text[end] is an abbreviation or a single letter, an initial. */
static bool is_abbreviated(const char *text, size_t end) {
    size_t begin = end;
    while (begin > 0 && is_letter(text[begin - 1]))
        begin--;
    if (end - begin == 1) return text[begin] != 'I';
    for (size_t i = 0; i < sizeof abbreviations / sizeof *abbreviations; i++)
        if (strlen(abbreviations[i]) == end - begin &&
            memcmp(abbreviations[i], text + begin, end - begin) == 0)
            return true;
    return false;
}

/* Steps back over a closing quotation mark or bracket that ends at text[end]. */
static size_t before_closing(const char *text, size_t end) {
    static const char *const marks[] = {"\"", "'", ")", "]", "_", "\u201D", "\u2019"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if (end >= n && memcmp(text + end - n, marks[i], n) == 0) return end - n;
    }
    return end;
}

/* Whether text[at] is where another sentence could follow: white space, then no small letter ("Ah! poor
 * dear"); or nothing. */
static bool begins_sentence(const char *text, size_t length, size_t at) {
    if (at < length && !is_space(text[at])) return false;
    while (at < length && is_space(text[at]))
        at++;
    return at == length || !(text[at] >= 'a' && text[at] <= 'z');
}

/* Whether a sentence has ended just before text[at], and another could follow. */
static bool ends_sentence(const char *text, size_t length, size_t at) {
    if (at == 0 || !begins_sentence(text, length, at)) return false;
    size_t end = at;
    for (size_t next; (next = before_closing(text, end)) != end;)
        end = next;
    if (end == 0 || !strchr(".!?", text[end - 1])) return false;
    return text[end - 1] != '.' || !is_abbreviated(text, end - 1);
}

static void find_ends(rkv_filler *filler, const rkv_model *model, const char *text, size_t length) {
    size_t at = 0, bytes;
    for (size_t i = 0; i < filler->n; i++) {
        rkv_token_bytes(model, filler->ids[i], &bytes);
        at += bytes;
        if (bytes && ends_sentence(text, length, at)) filler->ends[filler->n_ends++] = i + 1;
    }
}

rkv_status rkv_filler_open(rkv_filler *out, const rkv_model *model, const int32_t *ids, size_t n) {
    char *text = NULL;
    size_t length;
    *out = (rkv_filler){.ids = ids, .n = n};
    rkv_status status = rkv_detokenize(model, ids, n, &text, &length);
    if (!status) status = rkv_alloc(&out->ends, n, sizeof *out->ends);
    if (!status) find_ends(out, model, text, length);
    free(text);
    return status;
}

void rkv_filler_clear(rkv_filler *filler) {
    free(filler->ends);
    *filler = (rkv_filler){0};
}

/* ---- places ---- */

/* The index of the first end at `place` or after it; n_ends when there is none. */
static size_t first_end(const rkv_filler *filler, size_t place) {
    size_t low = 0, high = filler->n_ends;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (filler->ends[middle] < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t rkv_filler_draw_end(const rkv_filler *filler, size_t length, rkv_random *random) {
    size_t first = first_end(filler, length);
    if (first < filler->n_ends) return filler->ends[first + rkv_random_below(random, filler->n_ends - first)];
    return length + rkv_random_below(random, filler->n - length + 1);
}

size_t rkv_filler_nearest_end(const rkv_filler *filler, size_t from, size_t to, size_t wanted) {
    size_t after = first_end(filler, wanted);
    bool is_after = after < filler->n_ends && filler->ends[after] <= to;
    bool is_before = after > 0 && filler->ends[after - 1] >= from;
    if (is_before && (!is_after || wanted - filler->ends[after - 1] <= filler->ends[after] - wanted))
        return filler->ends[after - 1];
    return is_after ? filler->ends[after] : wanted;
}
