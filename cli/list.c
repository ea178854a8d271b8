/* list.c: lists in one argument. */
#include "cli/list.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"

/* "window=32" goes on with what stands before it; "snapkv:window=32" does not. */
static bool goes_on(const char *part) {
    size_t name = strcspn(part, ",:=");
    return name > 0 && part[name] == '=';
}

rkv_status parts_split(cli_parts *out, const char *option, const char *text) {
    size_t length = strlen(text);
    *out = (cli_parts){0};
    out->memory = strdup(text);
    out->items = calloc(length + 1, sizeof *out->items);
    if (!out->memory || !out->items) return complain(RKV_NO_MEMORY, "out of memory");
    char *at = out->memory;
    while (at) {
        char *comma = strchr(at, ',');
        while (comma && goes_on(comma + 1))
            comma = strchr(comma + 1, ',');
        if (comma) *comma = '\0';
        if (!*at) return complain(RKV_USAGE, "--%s: \"%s\" has an empty part", option, text);
        out->items[out->n++] = at;
        at = comma ? comma + 1 : NULL;
    }
    return RKV_OK;
}

void parts_clear(cli_parts *parts) {
    free(parts->items);
    free(parts->memory);
    *parts = (cli_parts){0};
}

static rkv_status read_number(double *number, const char *option, const char *text, double low, double high) {
    char *end;
    *number = strtod(text, &end);
    if (end == text || *end) return complain(RKV_USAGE, "--%s: \"%s\" is no number", option, text);
    if (!(*number >= low && *number <= high))
        return complain(RKV_USAGE, "--%s: %s is not from %g to %g", option, text, low, high);
    return RKV_OK;
}

rkv_status numbers_split(double **numbers, size_t *n, const char *option, const char *text, double low,
                         double high) {
    cli_parts parts;
    rkv_status status = parts_split(&parts, option, text);
    *n = 0;
    *numbers = status ? NULL : calloc(parts.n, sizeof **numbers);
    if (!status && !*numbers) status = complain(RKV_NO_MEMORY, "out of memory");
    for (; !status && *n < parts.n; ++*n)
        status = read_number(&(*numbers)[*n], option, parts.items[*n], low, high);
    parts_clear(&parts);
    return status;
}

rkv_status sizes_split(size_t **sizes, size_t *n, const char *option, const char *text, size_t low) {
    double *numbers = NULL;
    rkv_status status = numbers_split(&numbers, n, option, text, (double)low, 0x1p52);
    *sizes = status ? NULL : calloc(*n, sizeof **sizes);
    if (!status && !*sizes) status = complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; !status && i < *n; i++) {
        (*sizes)[i] = (size_t)numbers[i];
        if (numbers[i] != floor(numbers[i]))
            status = complain(RKV_USAGE, "--%s: %g is no whole number", option, numbers[i]);
    }
    free(numbers);
    return status;
}
