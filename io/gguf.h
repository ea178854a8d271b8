/* gguf.h: reading GGUF files, versions 2 and 3 (little-endian): metadata and where the tensors lie.
 *
 * The file is mapped, never copied; every count, length, offset and product is checked against the bytes that
 * remain before anything is allocated. Messages name file, field and offset. Refused too: arrays of arrays, a
 * name that appears twice, and tensors that share data (so that decoding all of them is bounded by the file's
 * size). */
#ifndef RKV_IO_GGUF_H
#define RKV_IO_GGUF_H

#include <stdbool.h>
#include <stdint.h>

#include "io/tensor_type.h"

typedef struct rkv_gguf rkv_gguf;

typedef struct rkv_gguf_tensor {
    const char *name; /* NUL-terminated, owned by the rkv_gguf */
    const rkv_tensor_type *type;
    size_t n_dims;    /* 1 .. 4 */
    uint64_t dims[4]; /* GGUF's order: dims[0] is the fastest; unused ones are 1 */
    size_t n_elements;
    const void *data; /* in the mapping */
    size_t bytes;
} rkv_gguf_tensor;

/* A string in the mapping: not NUL-terminated. */
typedef struct rkv_gguf_string {
    const char *bytes;
    size_t length;
} rkv_gguf_string;

rkv_status rkv_gguf_open(rkv_gguf **out, const char *path);
void rkv_gguf_close(rkv_gguf *file);

const char *rkv_gguf_path(const rkv_gguf *file);
/* The whole file (for its hash). */
const void *rkv_gguf_bytes(const rkv_gguf *file, size_t *size);
/* Takes the file's pages out of the process's memory after much of it was read; they come back when needed.
 */
void rkv_gguf_forget_pages(const rkv_gguf *file);

/* Metadata. A key that must be there: RKV_DATA when it is missing or of another kind (any integer type that
 * holds the value will do for u64, any float or integer for f64). The bytes of strings are borrowed. */
bool rkv_gguf_has(const rkv_gguf *file, const char *key);
rkv_status rkv_gguf_u64(const rkv_gguf *file, const char *key, uint64_t *value);
rkv_status rkv_gguf_f64(const rkv_gguf *file, const char *key, double *value);
rkv_status rkv_gguf_bool(const rkv_gguf *file, const char *key, bool *value);
rkv_status rkv_gguf_str(const rkv_gguf *file, const char *key, rkv_gguf_string *value);
/* Arrays: *strings / *values are allocated (the caller frees), the strings' bytes are borrowed. */
rkv_status rkv_gguf_str_array(const rkv_gguf *file, const char *key, rkv_gguf_string **strings, size_t *n);
rkv_status rkv_gguf_i64_array(const rkv_gguf *file, const char *key, int64_t **values, size_t *n);
rkv_status rkv_gguf_f64_array(const rkv_gguf *file, const char *key, double **values, size_t *n);

/* The i-th metadata key in file order (NULL past the end), and its value as short text for `rankkv info`:
 * arrays as
 * "[n] of TYPE", long strings cut. The caller frees *text. */
const char *rkv_gguf_key_at(const rkv_gguf *file, size_t index);
rkv_status rkv_gguf_value_text(const rkv_gguf *file, const char *key, char **text);

size_t rkv_gguf_tensor_count(const rkv_gguf *file);
const rkv_gguf_tensor *rkv_gguf_tensor_at(const rkv_gguf *file, size_t index);
/* NULL when there is none of that name. Logarithmic time. */
const rkv_gguf_tensor *rkv_gguf_tensor_find(const rkv_gguf *file, const char *name);

#endif
