/* number.c: doubles as decimal text. */
#include "io/number.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* printf writes the locale's decimal point, which may be several bytes; files always have ".". */
static void plain_point(char *digits) {
    const char *point = localeconv()->decimal_point;
    size_t length = strlen(point);
    char *found = length && strcmp(point, ".") != 0 ? strstr(digits, point) : NULL;
    if (!found) return;
    *found = '.';
    memmove(found + 1, found + length, strlen(found + length) + 1);
}

void rkv_text_add_number(rkv_text *text, double value) {
    assert(isfinite(value));
    char digits[64];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value + 0.0);
        if (strtod(digits, NULL) == value) break;
    }
    plain_point(digits);
    rkv_text_add(text, digits, strlen(digits));
}
