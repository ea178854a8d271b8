/* option.c: the value of an option, from text to its field and from its default to help. */
#include "cli/option.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool set_integer(const option_row *row, void *field, const char *text, char *problem, size_t size) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || (double)value < row->low) { /* strtoull takes "-1" */
        snprintf(problem, size, "'%s' is not a whole number of at least %.0f", text, row->low);
        return false;
    }
    if (errno) { /* ERANGE */
        snprintf(problem, size, "'%s' is above %llu", text, ULLONG_MAX);
        return false;
    }
    if (row->kind == OPTION_COUNT)
        *(size_t *)field = (size_t)value;
    else
        *(uint64_t *)field = value;
    return true;
}

static bool set_number(const option_row *row, void *field, const char *text, char *problem, size_t size) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= row->low && value <= row->high)) {
        snprintf(problem, size, "'%s' is not a number from %g to %g", text, row->low, row->high);
        return false;
    }
    *(double *)field = value;
    return true;
}

static bool set_choice(const option_row *row, void *field, const char *text, char *problem, size_t size) {
    size_t index = choices_find(row->choices, text);
    const char *name = row->choices->name(index);
    if (!name) {
        const char *near = choices_suggest(row->choices, text);
        int n = snprintf(problem, size, "unknown value '%s'%s%s%s; it is one of", text,
                         near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
        for (size_t i = 0; (name = row->choices->name(i)) && n > 0 && (size_t)n < size; i++)
            n += snprintf(problem + n, size - (size_t)n, "%s %s", i ? "," : "", name);
        return false;
    }
    if (row->kind == OPTION_NAME)
        *(const char **)field = name;
    else
        *(unsigned *)field =
            (unsigned)index; /* what gcc and clang make of an enumeration without negatives */
    return true;
}

static bool add_item(cli_list *list, const char *text, char *problem, size_t size) {
    size_t most = sizeof list->items / sizeof *list->items;
    if (list->n == most) {
        snprintf(problem, size, "'%s' is one too many: %zu can be given", text, most);
        return false;
    }
    list->items[list->n++] = text;
    return true;
}

bool option_set(const option_row *row, void *options, const char *text, char *problem, size_t size) {
    void *field = (char *)options + row->offset;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_FOLDER:
        *(const char **)field = text;
        return true;
    case OPTION_COUNT:
    case OPTION_SEED:
        return set_integer(row, field, text, problem, size);
    case OPTION_NUMBER:
        return set_number(row, field, text, problem, size);
    case OPTION_NAME:
    case OPTION_INDEX:
        return set_choice(row, field, text, problem, size);
    case OPTION_LIST:
        return add_item(field, text, problem, size);
    }
    return false;
}

/* The default as text; "" when the option is off or not given by default. */
static void default_text(const option_row *row, const void *defaults, char *text, size_t size) {
    const void *field = (const char *)defaults + row->offset;
    const char *string = NULL;
    *text = '\0';
    switch (row->kind) {
    case OPTION_FLAG:
    case OPTION_LIST:
        break;
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_FOLDER:
    case OPTION_NAME:
        string = *(const char *const *)field;
        snprintf(text, size, "%s", string ? string : "");
        break;
    case OPTION_COUNT:
        if (*(const size_t *)field && *(const size_t *)field != SIZE_MAX) /* 0, SIZE_MAX: not given */
            snprintf(text, size, "%zu", *(const size_t *)field);
        break;
    case OPTION_SEED:
        snprintf(text, size, "%ju", (uintmax_t) * (const uint64_t *)field);
        break;
    case OPTION_NUMBER:
        if (*(const double *)field > 0)
            snprintf(text, size, "%g", *(const double *)field); /* 0, NaN: not given */
        break;
    case OPTION_INDEX:
        string = row->choices->name(*(const unsigned *)field);
        snprintf(text, size, "%s", string ? string : "");
        break;
    }
}

void option_describe(FILE *out, const option_row *row, const void *defaults) {
    char text[256];
    fputs(row->doc, out);
    if (row->choices && (row->kind == OPTION_NAME || row->kind == OPTION_INDEX))
        for (size_t i = 0; row->choices->name(i); i++)
            fprintf(out, "%s %s", i ? "," : ":", row->choices->name(i));
    default_text(row, defaults, text, sizeof text);
    if (*text) fprintf(out, " [default: %s]", text);
}
