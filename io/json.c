/* json.c: JSON files read with checks: parsing within limits, and getters that name what they refuse. */
#include "io/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"

/* Copies foreign text into a message: what is not printable ASCII becomes '?', so that no escape sequence
 * reaches a terminal. */
static void plain(const char *text, char *out, size_t size) {
    size_t n = 0;
    for (; text[n] && n + 1 < size; n++)
        out[n] = text[n] >= 0x20 && text[n] < 0x7F ? text[n] : '?';
    out[n] = '\0';
}

/* ---- parsing ---- */

/* Counts containers and commas outside strings, so that a document's memory is known before it is parsed. It
 * need not be well formed: the parser sees to that. */
static rkv_status check_size(const char *text, size_t length) {
    size_t depth = 0, containers = 0, values = 1;
    bool string = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (string) {
            if (c == '\\') i++;
            string = c != '"';
        } else if (c == '"') {
            string = true;
        } else if (c == '[' || c == '{') {
            containers++;
            if (++depth > RKV_JSON_MAX_DEPTH)
                return rkv_fail(RKV_DATA, "byte %zu: nested deeper than %zu", i, RKV_JSON_MAX_DEPTH);
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        } else if (c == ',') {
            values++;
        }
    }
    if (containers > RKV_JSON_MAX_CONTAINERS)
        return rkv_fail(RKV_DATA, "%zu objects and arrays, more than the %zu that are read", containers,
                        RKV_JSON_MAX_CONTAINERS);
    if (values > RKV_JSON_MAX_VALUES)
        return rkv_fail(RKV_DATA, "%zu values, more than the %zu that are read", values, RKV_JSON_MAX_VALUES);
    return RKV_OK;
}

/* What a document's top must be. */
typedef struct document_top {
    json_type type;
    const char *wanted;
    bool is_line; /* of a larger file: the caller names the line */
} document_top;

static const document_top object_top = {JSON_OBJECT, "an object", false};
static const document_top line_top = {JSON_OBJECT, "an object", true};
static const document_top array_top = {JSON_ARRAY, "an array", false};

static rkv_status parse(json_t **out, const char *text, size_t length, const document_top *top) {
    *out = NULL;
    rkv_status status = check_size(text, length);
    if (status) return status;
    json_error_t error;
    json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!document && !*error.text) /* all that jansson says when memory runs out */
        return rkv_fail(RKV_NO_MEMORY, "out of memory: a JSON document of %zu bytes", length);
    if (!document) {
        char reason[JSON_ERROR_TEXT_LENGTH];
        plain(error.text, reason, sizeof reason);
        if (top->is_line) return rkv_fail(RKV_DATA, "column %d: %s", error.column, reason);
        return rkv_fail(RKV_DATA, "line %d, column %d: %s", error.line, error.column, reason);
    }
    if (json_typeof(document) != top->type) {
        status = rkv_json_refuse("the document", document, top->wanted);
        json_decref(document);
        return status;
    }
    *out = document;
    return RKV_OK;
}

static rkv_status read_file(json_t **out, const char *path, const document_top *top) {
    *out = NULL;
    char *bytes = NULL;
    size_t length;
    rkv_status status = rkv_read_file(path, RKV_JSON_MAX_BYTES, &bytes, &length);
    if (status) return status;
    status = parse(out, bytes, length, top);
    free(bytes);
    return status ? rkv_fail_within(status, "%s", path) : RKV_OK;
}

rkv_status rkv_json_parse(json_t **out, const char *text, size_t length) {
    return parse(out, text, length, &object_top);
}

rkv_status rkv_json_parse_line(json_t **out, const char *text, size_t length) {
    return parse(out, text, length, &line_top);
}

rkv_status rkv_json_read(json_t **out, const char *path) {
    return read_file(out, path, &object_top);
}

rkv_status rkv_json_read_array(json_t **out, const char *path) {
    return read_file(out, path, &array_top);
}

rkv_status rkv_json_check(const char *text, size_t length) {
    json_t *document = NULL;
    bool array = text[strspn(text, " \t\r\n")] == '[';
    rkv_status status = parse(&document, text, length, array ? &array_top : &object_top);
    json_decref(document);
    return status;
}

/* ---- names and values in messages ---- */

#define NAME_SIZE  160
#define SHOWN_SIZE RKV_JSON_SHOWN_SIZE

void rkv_json_describe(const json_t *value, char shown[SHOWN_SIZE]) {
    char start[41];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        snprintf(shown, SHOWN_SIZE, "an object");
        break;
    case JSON_ARRAY:
        snprintf(shown, SHOWN_SIZE, "an array of %zu", json_array_size(value));
        break;
    case JSON_STRING:
        plain(json_string_value(value), start, sizeof start);
        snprintf(shown, SHOWN_SIZE, "\"%s\"", start);
        break;
    case JSON_INTEGER:
        snprintf(shown, SHOWN_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(shown, SHOWN_SIZE, "%.10g", json_real_value(value));
        break;
    case JSON_TRUE:
        snprintf(shown, SHOWN_SIZE, "true");
        break;
    case JSON_FALSE:
        snprintf(shown, SHOWN_SIZE, "false");
        break;
    case JSON_NULL:
        snprintf(shown, SHOWN_SIZE, "null");
        break;
    }
}

rkv_status rkv_json_refuse(const char *name, const json_t *value, const char *wanted) {
    char shown[SHOWN_SIZE];
    if (!value) return rkv_fail(RKV_DATA, "%s is missing (%s)", name, wanted);
    rkv_json_describe(value, shown);
    return rkv_fail(RKV_DATA, "%s is %s, not %s", name, shown, wanted);
}

static void join(char name[NAME_SIZE], const char *where, const char *key) {
    snprintf(name, NAME_SIZE, "%s%s%s", where, *where ? "." : "", key);
}

rkv_status rkv_json_refuse_member(const json_t *object, const char *where, const char *key,
                                  const char *wanted) {
    char name[NAME_SIZE];
    join(name, where, key);
    return rkv_json_refuse(name, json_object_get(object, key), wanted);
}

/* ---- single values ---- */

bool rkv_json_has(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return value && !json_is_null(value);
}

rkv_status rkv_json_check_schema(const json_t *document, const char *schema, size_t version) {
    const char *found;
    size_t found_version;
    rkv_status status = rkv_json_get_string(document, "", "schema", &found);
    if (status) return status;
    if (strcmp(found, schema) != 0) return rkv_json_refuse_member(document, "", "schema", schema);
    return rkv_json_get_size(document, "", "schema_version", 1, version, &found_version);
}

rkv_status rkv_json_get_object(const json_t *object, const char *where, const char *key, const json_t **out) {
    *out = json_object_get(object, key);
    return json_is_object(*out) ? RKV_OK : rkv_json_refuse_member(object, where, key, "an object");
}

static rkv_status check_array(const char *name, const json_t *value, size_t length) {
    char wanted[SHOWN_SIZE];
    if (json_is_array(value) && json_array_size(value) == length) return RKV_OK;
    snprintf(wanted, sizeof wanted, "an array of %zu", length);
    return rkv_json_refuse(name, value, wanted);
}

rkv_status rkv_json_get_array(const json_t *object, const char *where, const char *key, size_t length,
                              const json_t **out) {
    char name[NAME_SIZE];
    join(name, where, key);
    *out = json_object_get(object, key);
    return check_array(name, *out, length);
}

rkv_status rkv_json_get_string(const json_t *object, const char *where, const char *key, const char **out) {
    *out = json_string_value(json_object_get(object, key));
    return *out ? RKV_OK : rkv_json_refuse_member(object, where, key, "a string");
}

rkv_status rkv_json_copy_string(const json_t *object, const char *where, const char *key, const char *missing,
                                char **out) {
    const char *found = missing;
    *out = NULL;
    if (!missing || rkv_json_has(object, key)) {
        rkv_status status = rkv_json_get_string(object, where, key, &found);
        if (status) return status;
    }
    return rkv_copy_string(out, found);
}

rkv_status rkv_json_get_size(const json_t *object, const char *where, const char *key, size_t min, size_t max,
                             size_t *out) {
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= 0 && (size_t)number >= min && (size_t)number <= max) {
        *out = (size_t)number;
        return RKV_OK;
    }
    char wanted[SHOWN_SIZE];
    snprintf(wanted, sizeof wanted, "an integer from %zu to %zu", min, max);
    return rkv_json_refuse_member(object, where, key, wanted);
}

rkv_status rkv_json_get_seed(const json_t *object, const char *where, const char *key, uint64_t *out) {
    const json_t *value = json_object_get(object, key);
    const char *digits = json_string_value(value);
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return RKV_OK;
    }
    if (digits && *digits && strspn(digits, "0123456789") == strlen(digits)) {
        errno = 0;
        *out = strtoull(digits, NULL, 10);
        if (errno == 0) return RKV_OK;
    }
    return rkv_json_refuse_member(object, where, key, "an integer from 0 to 2^64 - 1");
}

rkv_status rkv_json_get_flag(const json_t *object, const char *where, const char *key, bool *out) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value)) return rkv_json_refuse_member(object, where, key, "true or false");
    *out = json_is_true(value);
    return RKV_OK;
}

rkv_status rkv_json_get_number(const json_t *object, const char *where, const char *key, double *out) {
    *out = NAN;
    if (!rkv_json_has(object, key)) return RKV_OK;
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) return rkv_json_refuse_member(object, where, key, "a number or null");
    *out = json_number_value(value);
    return RKV_OK;
}

/* ---- arrays ---- */

/* What an array holds: how wide an element is in memory, and how one is read. */
typedef struct element {
    size_t size;
    size_t max;
    const char *wanted;
    bool (*read)(const json_t *value, size_t max, void *out);
} element;

static bool read_double(const json_t *value, size_t max, void *out) {
    (void)max;
    if (!json_is_number(value) && !json_is_null(value)) return false;
    *(double *)out = json_is_null(value) ? NAN : json_number_value(value);
    return true;
}

static bool read_size(const json_t *value, size_t max, void *out) {
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (size_t)number > max) return false;
    *(size_t *)out = (size_t)number;
    return true;
}

static bool read_id(const json_t *value, size_t max, void *out) {
    size_t id;
    if (!read_size(value, max, &id)) return false;
    *(int32_t *)out = (int32_t)id;
    return true;
}

/* Reads array, whose length was checked, into out [length]. */
static rkv_status read_row(const json_t *array, const char *name, const element *type, void *out) {
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *value = json_array_get(array, i);
        if (type->read(value, type->max, (char *)out + i * type->size)) continue;
        char place[NAME_SIZE + 32], wanted[2 * SHOWN_SIZE];
        snprintf(place, sizeof place, "%.*s[%zu]", NAME_SIZE, name, i);
        if (type->max)
            snprintf(wanted, sizeof wanted, "%.64s from 0 to %zu", type->wanted, type->max);
        else
            snprintf(wanted, sizeof wanted, "%s", type->wanted);
        return rkv_json_refuse(place, value, wanted);
    }
    return RKV_OK;
}

static rkv_status get_list(const json_t *object, const char *where, const char *key, size_t n,
                           const element *type, void *out) {
    char name[NAME_SIZE];
    join(name, where, key);
    const json_t *array = json_object_get(object, key);
    void *values = NULL;
    rkv_status status = check_array(name, array, n);
    if (!status) status = rkv_alloc(&values, n, type->size);
    if (!status) status = read_row(array, name, type, values);
    if (status) {
        free(values);
        values = NULL;
    }
    memcpy(out, &values, sizeof values);
    return status;
}

/* Every row is an array of `columns`: known before memory for all of them is taken. */
static rkv_status check_rows(const json_t *array, const char *name, size_t rows, size_t columns) {
    rkv_status status = check_array(name, array, rows);
    for (size_t i = 0; !status && i < rows; i++) {
        char place[NAME_SIZE + 32];
        snprintf(place, sizeof place, "%.*s[%zu]", NAME_SIZE, name, i);
        status = check_array(place, json_array_get(array, i), columns);
    }
    return status;
}

static rkv_status get_table(const json_t *object, const char *where, const char *key, size_t rows,
                            size_t columns, const element *type, void *out) {
    char name[NAME_SIZE], place[NAME_SIZE + 32];
    join(name, where, key);
    const json_t *array = json_object_get(object, key);
    char *values = NULL;
    rkv_status status = check_rows(array, name, rows, columns);
    if (!status) status = rkv_alloc(&values, rows * columns, type->size);
    for (size_t i = 0; !status && i < rows; i++) {
        snprintf(place, sizeof place, "%.*s[%zu]", NAME_SIZE, name, i);
        status = read_row(json_array_get(array, i), place, type, values + i * columns * type->size);
    }
    if (status) {
        free(values);
        values = NULL;
    }
    memcpy(out, &values, sizeof values);
    return status;
}

static const element doubles = {sizeof(double), 0, "a number or null", read_double};
static const element ids = {sizeof(int32_t), INT32_MAX, "an integer", read_id};

static element sizes_up_to(size_t max) {
    return (element){sizeof(size_t), max, "an integer", read_size};
}

rkv_status rkv_json_get_numbers(const json_t *object, const char *where, const char *key, size_t n,
                                double **out) {
    return get_list(object, where, key, n, &doubles, out);
}

rkv_status rkv_json_get_matrix(const json_t *object, const char *where, const char *key, size_t rows,
                               size_t columns, double **out) {
    return get_table(object, where, key, rows, columns, &doubles, out);
}

rkv_status rkv_json_get_sizes(const json_t *object, const char *where, const char *key, size_t n, size_t max,
                              size_t **out) {
    const element type = sizes_up_to(max);
    return get_list(object, where, key, n, &type, out);
}

rkv_status rkv_json_get_size_matrix(const json_t *object, const char *where, const char *key, size_t rows,
                                    size_t columns, size_t max, size_t **out) {
    const element type = sizes_up_to(max);
    return get_table(object, where, key, rows, columns, &type, out);
}

rkv_status rkv_json_get_ids(const json_t *object, const char *where, const char *key, size_t n,
                            int32_t **out) {
    return get_list(object, where, key, n, &ids, out);
}
