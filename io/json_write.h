/* json_write.h: JSON text, written member by member: a matrix row on one line, doubles that read back
 * exactly.
 *
 *     rkv_json_out out = {.text = &text};
 *     rkv_json_begin(&out, NULL, '{');
 *     rkv_json_size(&out, "total", 960);
 *     rkv_json_end(&out, '}');
 *
 * key is NULL for the document itself and inside arrays. Failures are latched in the text (core/text.h). */
#ifndef RKV_IO_JSON_WRITE_H
#define RKV_IO_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "core/text.h"

typedef struct rkv_json_out {
    rkv_text *text;
    int depth;
    bool comma; /* a value precedes in the open object or array */
    bool flat;  /* what comes stays on the line of the open object or array */
} rkv_json_out;

/* Opens and closes an object ('{', '}') or an array ('[', ']'). */
void rkv_json_begin(rkv_json_out *out, const char *key, char bracket);
void rkv_json_end(rkv_json_out *out, char bracket);
/* The same for one whose members all stand on its line; nothing of the kind is nested in it. */
void rkv_json_begin_line(rkv_json_out *out, const char *key, char bracket);
void rkv_json_end_line(rkv_json_out *out, char bracket);

/* NULL is written as null, malformed UTF-8 as U+FFFD. */
void rkv_json_string(rkv_json_out *out, const char *key, const char *value);
/* A number that is not finite is written as null: JSON has no other word for it. */
void rkv_json_number(rkv_json_out *out, const char *key, double value);
void rkv_json_size(rkv_json_out *out, const char *key, size_t value);
void rkv_json_flag(rkv_json_out *out, const char *key, bool value);
/* As text above 2^53: most readers hold numbers as doubles. */
void rkv_json_seed(rkv_json_out *out, const char *key, uint64_t value);

void rkv_json_numbers(rkv_json_out *out, const char *key, const double *values, size_t n);
void rkv_json_sizes(rkv_json_out *out, const char *key, const size_t *values, size_t n);
void rkv_json_ids(rkv_json_out *out, const char *key, const int32_t *values, size_t n);
/* values [rows, columns], one row a line. */
void rkv_json_matrix(rkv_json_out *out, const char *key, const double *values, size_t rows, size_t columns);
void rkv_json_size_matrix(rkv_json_out *out, const char *key, const size_t *values, size_t rows,
                          size_t columns);

/* Writes text that is JSON already. */
void rkv_json_text(rkv_json_out *out, const char *key, const char *json);
/* Writes a value that was parsed, on one line. */
void rkv_json_value(rkv_json_out *out, const char *key, const json_t *value);

#endif
