/* json_write.c: JSON text, written member by member. */
#include "io/json_write.h"

#include <math.h>
#include <string.h>

#include "io/number.h"

static void add_string(rkv_text *text, const char *string) {
    size_t length = strlen(string);
    rkv_text_add(text, "\"", 1);
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)string[i];
        size_t n = rkv_utf8_decode(string + i, length - i, NULL);
        if (n == 0)
            rkv_text_printf(text, "\uFFFD");
        else if (c == '"' || c == '\\')
            rkv_text_printf(text, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            rkv_text_printf(text, "\\u%04x", c);
        else
            rkv_text_add(text, string + i, n);
        i += n ? n : 1;
    }
    rkv_text_add(text, "\"", 1);
}

/* What stands before a value: the comma, a new line at the depth of the open bracket unless that is kept on
 * one line, the key. */
static void lead(rkv_json_out *out, const char *key) {
    if (out->comma) rkv_text_add(out->text, out->flat ? ", " : ",", out->flat ? 2 : 1);
    if (out->depth && !out->flat) rkv_text_printf(out->text, "\n%*s", 2 * out->depth, "");
    if (key) {
        add_string(out->text, key);
        rkv_text_add(out->text, ": ", 2);
    }
    out->comma = true;
}

void rkv_json_begin(rkv_json_out *out, const char *key, char bracket) {
    lead(out, key);
    rkv_text_add(out->text, &bracket, 1);
    out->depth++;
    out->comma = false;
}

void rkv_json_end(rkv_json_out *out, char bracket) {
    out->depth--;
    if (out->comma && !out->flat) rkv_text_printf(out->text, "\n%*s", 2 * out->depth, "");
    rkv_text_add(out->text, &bracket, 1);
    if (out->depth == 0) rkv_text_add(out->text, "\n", 1);
    out->comma = true;
}

void rkv_json_begin_line(rkv_json_out *out, const char *key, char bracket) {
    rkv_json_begin(out, key, bracket);
    out->flat = true;
}

void rkv_json_end_line(rkv_json_out *out, char bracket) {
    rkv_json_end(out, bracket);
    out->flat = false;
}

static void add_number(rkv_text *text, double value) {
    if (isfinite(value))
        rkv_text_add_number(text, value);
    else
        rkv_text_add(text, "null", 4);
}

void rkv_json_string(rkv_json_out *out, const char *key, const char *value) {
    lead(out, key);
    if (value)
        add_string(out->text, value);
    else
        rkv_text_add(out->text, "null", 4);
}

void rkv_json_text(rkv_json_out *out, const char *key, const char *json) {
    lead(out, key);
    rkv_text_add(out->text, json, strlen(json));
}

void rkv_json_number(rkv_json_out *out, const char *key, double value) {
    lead(out, key);
    add_number(out->text, value);
}

void rkv_json_size(rkv_json_out *out, const char *key, size_t value) {
    lead(out, key);
    rkv_text_printf(out->text, "%zu", value);
}

void rkv_json_flag(rkv_json_out *out, const char *key, bool value) {
    lead(out, key);
    rkv_text_printf(out->text, "%s", value ? "true" : "false");
}

void rkv_json_seed(rkv_json_out *out, const char *key, uint64_t value) {
    lead(out, key);
    rkv_text_printf(out->text, value >> 53 ? "\"%llu\"" : "%llu", (unsigned long long)value);
}

void rkv_json_numbers(rkv_json_out *out, const char *key, const double *values, size_t n) {
    lead(out, key);
    rkv_text_add(out->text, "[", 1);
    for (size_t i = 0; i < n; i++) {
        if (i) rkv_text_add(out->text, ", ", 2);
        add_number(out->text, values[i]);
    }
    rkv_text_add(out->text, "]", 1);
}

void rkv_json_sizes(rkv_json_out *out, const char *key, const size_t *values, size_t n) {
    lead(out, key);
    rkv_text_add(out->text, "[", 1);
    for (size_t i = 0; i < n; i++)
        rkv_text_printf(out->text, i ? ", %zu" : "%zu", values[i]);
    rkv_text_add(out->text, "]", 1);
}

void rkv_json_ids(rkv_json_out *out, const char *key, const int32_t *values, size_t n) {
    lead(out, key);
    rkv_text_add(out->text, "[", 1);
    for (size_t i = 0; i < n; i++)
        rkv_text_printf(out->text, i ? ", %ld" : "%ld", (long)values[i]);
    rkv_text_add(out->text, "]", 1);
}

void rkv_json_matrix(rkv_json_out *out, const char *key, const double *values, size_t rows, size_t columns) {
    rkv_json_begin(out, key, '[');
    for (size_t i = 0; i < rows; i++)
        rkv_json_numbers(out, NULL, values + i * columns, columns);
    rkv_json_end(out, ']');
}

void rkv_json_size_matrix(rkv_json_out *out, const char *key, const size_t *values, size_t rows,
                          size_t columns) {
    rkv_json_begin(out, key, '[');
    for (size_t i = 0; i < rows; i++)
        rkv_json_sizes(out, NULL, values + i * columns, columns);
    rkv_json_end(out, ']');
}

static void add_value(rkv_text *text, const json_t *value);

static void add_object(rkv_text *text, const json_t *object) {
    const char *key, *separator = "";
    json_t *member;
    rkv_text_add(text, "{", 1);
    json_object_foreach((json_t *)object, key, member) {
        rkv_text_add(text, separator, strlen(separator));
        add_string(text, key);
        rkv_text_add(text, ": ", 2);
        add_value(text, member);
        separator = ", ";
    }
    rkv_text_add(text, "}", 1);
}

static void add_array(rkv_text *text, const json_t *array) {
    rkv_text_add(text, "[", 1);
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i) rkv_text_add(text, ", ", 2);
        add_value(text, json_array_get(array, i));
    }
    rkv_text_add(text, "]", 1);
}

/* Recursion ends: io/json.c refuses to parse what is nested deeper than RKV_JSON_MAX_DEPTH. */
static void add_value(rkv_text *text, const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_object(text, value);
        break;
    case JSON_ARRAY:
        add_array(text, value);
        break;
    case JSON_STRING:
        add_string(text, json_string_value(value));
        break;
    case JSON_INTEGER:
        rkv_text_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        add_number(text, json_real_value(value));
        break;
    case JSON_TRUE:
        rkv_text_add(text, "true", 4);
        break;
    case JSON_FALSE:
        rkv_text_add(text, "false", 5);
        break;
    case JSON_NULL:
        rkv_text_add(text, "null", 4);
        break;
    }
}

void rkv_json_value(rkv_json_out *out, const char *key, const json_t *value) {
    lead(out, key);
    add_value(out->text, value);
}
