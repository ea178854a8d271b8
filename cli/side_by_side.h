/* side_by_side.h: two texts in two columns. */
#ifndef RKV_CLI_SIDE_BY_SIDE_H
#define RKV_CLI_SIDE_BY_SIDE_H

#include <stddef.h>
#include <stdio.h>

/* Stands before the first character that differs. */
#define SIDE_BY_SIDE_MARK "▶"

typedef struct side_text {
    const char *title;
    const char *bytes; /* [length] any; written printably */
    size_t length;
    size_t mark; /* byte before which the mark stands; SIZE_MAX: nowhere */
} side_text;

/* As wide as the terminal. */
void side_by_side_write(FILE *out, const side_text *left, const side_text *right);

/* Bytes that two texts begin with alike, up to a whole character. */
size_t side_by_side_same(const side_text *a, const side_text *b);

#endif
