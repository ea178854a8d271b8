/* json.h: JSON files read with checks: every getter names the field, its value and its limit when it refuses.
 *
 * `where` is the path of the object that is looked into ("" for the document, "model", "metrics"), so that a
 * message reads "metrics.keys_95[3] is an array of 8, not an array of 9"; the caller adds the file's name
 * with rkv_fail_within. Getters of arrays check the whole shape before they allocate. All failures are
 * RKV_DATA. */
#ifndef RKV_IO_JSON_H
#define RKV_IO_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "core/fail.h"

/* Limits of a document, checked before it is parsed: a parsed value takes some 40 bytes, a container 250, so
 * these keep a hostile file under about 500 MB. Ours have one container per layer and metric, and one value
 * per head and metric or per token. */
#define RKV_JSON_MAX_BYTES      ((size_t)64 << 20)
#define RKV_JSON_MAX_VALUES     ((size_t)1 << 23)
#define RKV_JSON_MAX_CONTAINERS ((size_t)1 << 18)
#define RKV_JSON_MAX_DEPTH      ((size_t)16)

/* What a document may claim about itself; a file that claims more is refused before anything is allocated. */
#define RKV_MAX_LAYERS ((size_t)4096)
#define RKV_MAX_HEADS  ((size_t)4096)
#define RKV_MAX_TOKENS ((size_t)1 << 24)

/* Parses text whose top is an object; the caller json_decrefs *out. */
rkv_status rkv_json_parse(json_t **out, const char *text, size_t length);
/* The same for one line of a file: what is not JSON is named by its column alone. */
rkv_status rkv_json_parse_line(json_t **out, const char *text, size_t length);
/* The same for a file ("-": standard input); the message names it. RKV_NO_INPUT. */
rkv_status rkv_json_read(json_t **out, const char *path);
/* The same for a file whose top is an array. */
rkv_status rkv_json_read_array(json_t **out, const char *path);

/* Whether text is a document that we would read, an object or an array, whatever it holds. */
rkv_status rkv_json_check(const char *text, size_t length);

/* The document's "schema" is `schema` and its "schema_version" is 1..version. */
rkv_status rkv_json_check_schema(const json_t *document, const char *schema, size_t version);

/* True when the member is there and not null. */
bool rkv_json_has(const json_t *object, const char *key);

/* Borrowed from the document. */
rkv_status rkv_json_get_object(const json_t *object, const char *where, const char *key, const json_t **out);
rkv_status rkv_json_get_array(const json_t *object, const char *where, const char *key, size_t length,
                              const json_t **out);
rkv_status rkv_json_get_string(const json_t *object, const char *where, const char *key, const char **out);
/* A copy that the caller frees; a missing or null member gives `missing` (NULL: a failure). */
rkv_status rkv_json_copy_string(const json_t *object, const char *where, const char *key, const char *missing,
                                char **out);

rkv_status rkv_json_get_size(const json_t *object, const char *where, const char *key, size_t min, size_t max,
                             size_t *out);
/* A whole number, or one in text (above 2^53). */
rkv_status rkv_json_get_seed(const json_t *object, const char *where, const char *key, uint64_t *out);
/* True or false. */
rkv_status rkv_json_get_flag(const json_t *object, const char *where, const char *key, bool *out);
/* A missing or null member, and null in an array, is NaN. */
rkv_status rkv_json_get_number(const json_t *object, const char *where, const char *key, double *out);

/* New arrays that the caller frees: [n] and [rows, columns]. */
rkv_status rkv_json_get_numbers(const json_t *object, const char *where, const char *key, size_t n,
                                double **out);
rkv_status rkv_json_get_matrix(const json_t *object, const char *where, const char *key, size_t rows,
                               size_t columns, double **out);
rkv_status rkv_json_get_sizes(const json_t *object, const char *where, const char *key, size_t n, size_t max,
                              size_t **out);
rkv_status rkv_json_get_size_matrix(const json_t *object, const char *where, const char *key, size_t rows,
                                    size_t columns, size_t max, size_t **out);
rkv_status rkv_json_get_ids(const json_t *object, const char *where, const char *key, size_t n,
                            int32_t **out);

/* A value in a few words, for messages: what is not printable ASCII is '?'. */
#define RKV_JSON_SHOWN_SIZE 64
void rkv_json_describe(const json_t *value, char shown[RKV_JSON_SHOWN_SIZE]);

/* Fails with "NAME is VALUE, not WANTED": for checks that stand elsewhere. */
rkv_status rkv_json_refuse(const char *name, const json_t *value, const char *wanted);
/* The same for a member of the object at `where`. */
rkv_status rkv_json_refuse_member(const json_t *object, const char *where, const char *key,
                                  const char *wanted);

#endif
