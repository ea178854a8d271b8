/* side_by_side.c: two texts in two columns. */
#include "cli/side_by_side.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"
#include "cli/utf8.h"

#define GAP " │ "
enum { GAP_COLUMNS = 3 };

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

static bool column_begin(column *c, const side_text *text) {
    size_t size, mark = text->mark < text->length ? text->mark : text->length;
    FILE *out = open_memstream(&c->text, &size);
    if (!out) return false;
    add_text(out, text->bytes, mark);
    if (text->mark != SIZE_MAX) fputs(SIDE_BY_SIDE_MARK, out);
    add_text(out, text->bytes + mark, text->length - mark);
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

static void write_heading(FILE *out, const side_text *left, const side_text *right, size_t width) {
    fputs(terminal_style(out, STYLE_BOLD), out);
    write_padded(out, left->title, width);
    fputs(GAP, out);
    write_printable(out, right->title, strlen(right->title));
    fprintf(out, "%s\n", terminal_style(out, STYLE_PLAIN));
}

void side_by_side_write(FILE *out, const side_text *left, const side_text *right) {
    size_t width = (terminal_width(out) - GAP_COLUMNS) / 2;
    column l = {0}, r = {0};
    if (column_begin(&l, left) && column_begin(&r, right)) {
        write_heading(out, left, right, width);
        while (*l.next || *r.next) {
            column_write(out, &l, width, true);
            fputs(GAP, out);
            column_write(out, &r, width, false);
            fputc('\n', out);
        }
        fputc('\n', out);
    }
    free(l.text);
    free(r.text);
}

size_t side_by_side_same(const side_text *a, const side_text *b) {
    size_t n = a->length < b->length ? a->length : b->length, same = 0;
    while (same < n && a->bytes[same] == b->bytes[same])
        same++;
    while (same > 0 && same < a->length && ((unsigned char)a->bytes[same] & 0xC0) == 0x80)
        same--;
    return same;
}
