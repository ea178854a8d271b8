/* run_compare.c: two texts side by side, and where they part. */
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/utf8.h"

#define GAP  " │ "
#define MARK "▶" /* stands before the first token that differs */
enum { GAP_COLUMNS = 3 };

size_t run_compare_same(const run_result *a, const run_result *b) {
    size_t n = a->n < b->n ? a->n : b->n, same = 0;
    while (same < n && a->ids[same] == b->ids[same])
        same++;
    return same;
}

/* ---- a text as lines of a column ---- */

typedef struct column {
    char *text;       /* printable, with the mark in it; lines end with '\n' */
    const char *next; /* what is not written yet */
} column;

/* Adds bytes [length], printable but for line ends. */
static void add_text(FILE *out, const char *bytes, size_t length) {
    for (const char *tab; (tab = memchr(bytes, '\t', length)); bytes = tab + 1) {
        write_text(out, bytes, (size_t)(tab - bytes));
        fputc(' ', out); /* how far it would go depends on the column */
        length -= (size_t)(tab - bytes) + 1;
    }
    write_text(out, bytes, length);
}

/* Bytes of the first n tokens of a text, less the beginning of a character whose rest is in the next token.
 */
static size_t bytes_of(const run_result *result, size_t n, const rkv_model *model) {
    size_t sum = 0, length;
    for (size_t i = 0; i < n; i++)
        if (rkv_token_bytes(model, result->ids[i], &length)) sum += length;
    if (sum >= result->length) return result->length;
    while (sum > 0 && ((unsigned char)result->text[sum] & 0xC0) == 0x80)
        sum--;
    return sum;
}

static bool column_begin(column *c, const run_result *result, size_t same, bool differ,
                         const rkv_model *model) {
    size_t size, common = bytes_of(result, same, model);
    FILE *out = open_memstream(&c->text, &size);
    if (!out) return false;
    add_text(out, result->text, common);
    if (differ) fputs(MARK, out);
    add_text(out, result->text + common, result->length - common);
    if (fclose(out) != 0) return false;
    c->next = c->text;
    return true;
}

/* Bytes of the next line: up to its end, or as many words as fit `width`; a longer word is cut. */
static size_t line_length(const char *text, size_t width) {
    size_t columns = 0, i = 0, words = 0;
    while (text[i] && text[i] != '\n') {
        size_t n = utf8_length(text + i, strlen(text + i));
        if (columns == width) return words ? words : i;
        i += n ? n : 1;
        columns++;
        if (text[i - 1] == ' ') words = i;
    }
    return i;
}

/* Writes the next line of a column, `width` columns wide when padded. */
static void column_write(FILE *out, column *c, size_t width, bool padded) {
    size_t length = line_length(c->next, width), columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += ((unsigned char)c->next[i] & 0xC0) != 0x80;
    fwrite(c->next, 1, length, out);
    if (padded) fprintf(out, "%*s", columns < width ? (int)(width - columns) : 0, "");
    c->next += length;
    if (*c->next == '\n') c->next++;
}

/* ---- both ---- */

static void write_heading(FILE *out, const char *label, size_t width) {
    fputs(terminal_style(out, STYLE_BOLD), out);
    write_padded(out, "full", width);
    fputs(GAP, out);
    write_printable(out, label, strlen(label));
    fprintf(out, "%s\n", terminal_style(out, STYLE_PLAIN));
}

static void write_verdict(FILE *out, const run_result *result, const run_result *full, size_t same,
                          bool differ) {
    if (!differ)
        fprintf(out, "The texts are the same: %zu tokens.\n", same);
    else
        fprintf(out, "The texts part after %zu token%s (of %zu and %zu), at " MARK ".\n", same,
                same == 1 ? "" : "s", full->n, result->n);
}

void run_compare_write(FILE *out, const run_result *result, const run_result *full, const run_inputs *inputs,
                       const char *label) {
    size_t width = (terminal_width(out) - GAP_COLUMNS) / 2, same = run_compare_same(result, full);
    bool differ = same < result->n && same < full->n; /* else a signal stopped one of them earlier */
    column left = {0}, right = {0};
    if (column_begin(&left, full, same, differ, inputs->model) &&
        column_begin(&right, result, same, differ, inputs->model)) {
        write_heading(out, label, width);
        while (*left.next || *right.next) {
            column_write(out, &left, width, true);
            fputs(GAP, out);
            column_write(out, &right, width, false);
            fputc('\n', out);
        }
        fputc('\n', out);
        write_verdict(out, result, full, same, differ);
    }
    free(left.text);
    free(right.text);
}
