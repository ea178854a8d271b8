/* name_index.h: the names of a file's parts in file order, found by binary search.
 *
 * Sorted, not hashed: no file can be made to need more than n log n comparisons. */
#ifndef RKV_IO_NAME_INDEX_H
#define RKV_IO_NAME_INDEX_H

#include <stdbool.h>

#include "core/text.h"

/* Start from {0}; add every name, then seal once, then look up. */
typedef struct rkv_name_index {
    rkv_text bytes;  /* the names one after another, each NUL-terminated */
    size_t *offsets; /* [n] where each begins in bytes */
    size_t n, capacity;
    struct rkv_name_slot *sorted; /* [n] by name, once sealed */
} rkv_name_index;

/* Adds a name without NUL bytes at position index->n. */
rkv_status rkv_name_index_add(rkv_name_index *index, const char *name, size_t length);
/* Sorts. *duplicate = the position of a name that an earlier one equals, or index->n when all differ. */
rkv_status rkv_name_index_seal(rkv_name_index *index, size_t *duplicate);

/* The name at a position < n, NUL-terminated, owned by the index. */
const char *rkv_name_index_at(const rkv_name_index *index, size_t position);
/* Whether there is such a name, and its position. */
bool rkv_name_index_find(const rkv_name_index *index, const char *name, size_t *position);

void rkv_name_index_clear(rkv_name_index *index);

#endif
