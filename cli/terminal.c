/* terminal.c: what the other end of a stream is, and text laid out for it. */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/utf8.h"

enum { NARROWEST = 40, WIDEST = 120, WITHOUT_TERMINAL = 80 };

size_t terminal_width(FILE *stream) {
    struct winsize size;
    if (!isatty(fileno(stream)) || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WITHOUT_TERMINAL;
    return size.ws_col < NARROWEST ? NARROWEST : size.ws_col > WIDEST ? WIDEST : size.ws_col;
}

static bool shows_colour(FILE *stream) {
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM"); /* no-color.org: set and not empty */
    return isatty(fileno(stream)) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

const char *terminal_style(FILE *stream, cli_style style) {
    static const char *const codes[] = {[STYLE_PLAIN] = "\033[0m",
                                        [STYLE_BOLD] = "\033[1m",
                                        [STYLE_DIM] = "\033[2m",
                                        [STYLE_BAR] = "\033[36m"};
    return shows_colour(stream) ? codes[style] : "";
}

size_t text_columns(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80; /* a continuation byte takes no column */
    return n;
}

void write_padded(FILE *stream, const char *text, size_t columns) {
    size_t used = text_columns(text);
    fprintf(stream, "%s%*s", text, used < columns ? (int)(columns - used) : 0, "");
}

/* One character (n bytes, 0: a byte that is none) so that it cannot do anything to a terminal. */
static void write_harmless(FILE *out, const char *bytes, size_t n) {
    unsigned char c = (unsigned char)*bytes;
    bool control = c < 0x20 || c == 0x7F || (n == 2 && c == 0xC2 && (unsigned char)bytes[1] < 0xA0);
    if (n == 0 || control)
        fprintf(out, "\\x%02X", n == 2 ? (unsigned char)bytes[1] : c);
    else
        fwrite(bytes, 1, n, out);
}

void write_text(FILE *out, const char *bytes, size_t length) {
    for (size_t i = 0; i < length;) {
        size_t n = utf8_length(bytes + i, length - i);
        if (bytes[i] == '\n' || bytes[i] == '\t')
            fputc(bytes[i], out);
        else
            write_harmless(out, bytes + i, n);
        i += n ? n : 1;
    }
}

void write_printable(FILE *out, const char *bytes, size_t length) {
    for (size_t i = 0; i < length;) {
        size_t n = utf8_length(bytes + i, length - i);
        if (bytes[i] == '\n')
            fputs("\u23CE", out);
        else if (bytes[i] == '\t')
            fputs("\u21E5", out);
        else
            write_harmless(out, bytes + i, n);
        i += n ? n : 1;
    }
}

void write_wrapped(FILE *stream, const char *text, size_t width, size_t indent) {
    size_t column = 0;
    char word[256];
    while (*(text += strspn(text, " \n"))) {
        size_t length = strcspn(text, " \n");
        size_t kept = length < sizeof word ? length : sizeof word - 1;
        memcpy(word, text, kept);
        word[kept] = '\0';
        size_t columns = text_columns(word);
        if (column == 0 || column + 1 + columns > width) {
            fprintf(stream, "%s%*s", column ? "\n" : "", (int)indent, "");
            column = indent;
        } else {
            fputc(' ', stream);
            column++;
        }
        fputs(word, stream);
        column += columns;
        text += kept;
    }
    fputc('\n', stream);
}
