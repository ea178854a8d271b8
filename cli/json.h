/* json.h: writing the program's own JSON documents; those of the library are written by the library. */
#ifndef RKV_CLI_JSON_H
#define RKV_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <rankkv/model.h>
#include <rankkv/session.h>

/* A document being written: objects and arrays open and close, commas and indentation come by themselves. Key
 * is NULL inside an array. Text must be UTF-8; numbers that JSON has no word for become null. */
typedef struct cli_json {
    FILE *out;
    size_t depth;
    bool first; /* nothing stands yet in what was opened last */
} cli_json;

/* Opens a document {"schema": SCHEMA, "schema_version": 1, "creator": "rankkv VERSION"; json_end closes it.
 */
cli_json json_begin(FILE *out, const char *schema);
void json_end(cli_json *json);

void json_open(cli_json *json, const char *key, char bracket);                     /* '{' or '[' */
void json_close(cli_json *json, char bracket);                                     /* '}' or ']' */
void json_text(cli_json *json, const char *key, const char *text);                 /* NULL: null */
void json_bytes(cli_json *json, const char *key, const char *text, size_t length); /* NULs allowed */
void json_count(cli_json *json, const char *key, size_t value);
void json_number(cli_json *json, const char *key, double value);
void json_bool(cli_json *json, const char *key, bool value);
void json_model(cli_json *json, const rkv_model_info *model);  /* the member "model" */
void json_cache(cli_json *json, const rkv_cache_stats *stats); /* the member "cache" */
void json_raw(cli_json *json, const char *key,
              const char *document); /* a document of the library, as it is */

#endif
