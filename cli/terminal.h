/* terminal.h: what the other end of a stream is: its width, and whether it shows colours. */
#ifndef RKV_CLI_TERMINAL_H
#define RKV_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* Columns of the terminal behind stream, 40 to 120; 80 when it is none. */
size_t terminal_width(FILE *stream);

/* A way to set words apart; "" where stream is no terminal, TERM is "dumb" or NO_COLOR is set. */
typedef enum cli_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_BAR } cli_style;
const char *terminal_style(FILE *stream, cli_style style);

/* Writes text as a paragraph: words wrapped at width, each line after indent spaces. */
void write_wrapped(FILE *stream, const char *text, size_t width, size_t indent);

/* Writes bytes as text that cannot do anything to a terminal: a newline and a tab as their pictures, other
 * controls and what is not UTF-8 as \xNN. The form of token_text in docs/FORMATS.md. */
void write_printable(FILE *stream, const char *bytes, size_t length);

/* The same, but newlines and tabs stay: text of several lines. */
void write_text(FILE *stream, const char *bytes, size_t length);

/* Columns that UTF-8 text takes, for text without wide or combining characters. */
size_t text_columns(const char *text);

/* Writes text and spaces up to `columns` columns. */
void write_padded(FILE *stream, const char *text, size_t columns);

#endif
