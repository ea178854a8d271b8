/* gguf_file.h: what the files gguf*.c share: the open file, the cursor that reads it, and the kinds of
 * metadata.
 *
 *   header | metadata: key, kind, value ... | tensors: name, dims, type, offset ... | padding | tensor data
 *          ^ 24                                                                     ^ a multiple of the
 * alignment */
#ifndef RKV_IO_GGUF_FILE_H
#define RKV_IO_GGUF_FILE_H

#include "core/file.h"
#include "io/gguf.h"
#include "io/name_index.h"

/* ---- the kinds of metadata; their ids are the table's indices ---- */

typedef enum rkv_gguf_class {
    RKV_GGUF_UNSIGNED,
    RKV_GGUF_SIGNED,
    RKV_GGUF_FLOAT,
    RKV_GGUF_BOOL,
    RKV_GGUF_STRING,
    RKV_GGUF_ARRAY
} rkv_gguf_class;

typedef struct rkv_gguf_kind {
    const char *name;
    rkv_gguf_class class;
    size_t bytes; /* of one value; of strings and arrays the least */
} rkv_gguf_kind;

/* NULL for an id that GGUF does not know. */
const rkv_gguf_kind *rkv_gguf_kind_find(uint32_t id);

/* One metadata value, checked: count values of kind lie at values, strings as length (8 bytes) and bytes. */
typedef struct rkv_gguf_entry {
    const rkv_gguf_kind *kind;
    bool is_array;
    size_t count; /* 1 unless an array */
    const unsigned char *values;
} rkv_gguf_entry;

/* ---- the open file ---- */

typedef struct rkv_gguf_record {
    rkv_gguf_tensor tensor; /* what callers see */
    uint64_t offset;        /* of its data in the data section */
    size_t at;              /* where in the file that offset stands */
} rkv_gguf_record;

struct rkv_gguf {
    char *path;
    rkv_mapping mapping;
    rkv_name_index keys;
    rkv_gguf_entry *entries; /* [keys.n] */
    size_t entry_capacity;
    rkv_name_index tensors;
    rkv_gguf_record *records; /* [tensors.n] */
    size_t record_capacity;
};

/* ---- reading it front to back ---- */

typedef struct rkv_gguf_cursor {
    rkv_gguf *file;
    size_t at;            /* the next byte */
    const char *part;     /* what is being read: "header", "metadata key", "tensor" */
    rkv_gguf_string name; /* the part's name once it is known */
    uint64_t number;      /* which one, from 0, while it is not */
} rkv_gguf_cursor;

/* Makes messages speak of a part that was read before. */
void rkv_gguf_point_at(rkv_gguf_cursor *cursor, const char *part, const char *name);

/* RKV_DATA: "FILE: PART 'NAME': MESSAGE (at offset AT)". */
rkv_status rkv_gguf_refuse(const rkv_gguf_cursor *cursor, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The next count values of size bytes, when so many remain. field says what they are. */
rkv_status rkv_gguf_take(rkv_gguf_cursor *cursor, const char *field, uint64_t count, size_t size,
                         const unsigned char **bytes);
rkv_status rkv_gguf_take_u32(rkv_gguf_cursor *cursor, const char *field, uint32_t *value);
rkv_status rkv_gguf_take_u64(rkv_gguf_cursor *cursor, const char *field, uint64_t *value);
rkv_status rkv_gguf_take_string(rkv_gguf_cursor *cursor, const char *field, rkv_gguf_string *value);
/* A string of 1 to limit bytes without NUL; becomes the cursor's name. */
rkv_status rkv_gguf_take_name(rkv_gguf_cursor *cursor, size_t limit);

/* Read count entries or tensors into cursor->file. */
rkv_status rkv_gguf_read_metadata(rkv_gguf_cursor *cursor, uint64_t count);
rkv_status rkv_gguf_read_tensors(rkv_gguf_cursor *cursor, uint64_t count);

#endif
