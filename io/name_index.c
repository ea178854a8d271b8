/* name_index.c: the names of a file's parts in file order, found by binary search. */
#include "io/name_index.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

typedef struct rkv_name_slot {
    const char *name;
    size_t position;
} name_slot;

rkv_status rkv_name_index_add(rkv_name_index *index, const char *name, size_t length) {
    rkv_status status = rkv_grow(&index->offsets, &index->capacity, index->n + 1, sizeof *index->offsets);
    if (status) return status;
    size_t offset = index->bytes.length;
    rkv_text_add(&index->bytes, name, length);
    rkv_text_add(&index->bytes, "", 1);
    if (index->bytes.status) return index->bytes.status;
    index->offsets[index->n++] = offset;
    return RKV_OK;
}

/* By name, then by position, so that of two equal names the later one comes second. */
static int compare_slots(const void *a, const void *b) {
    const name_slot *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : (left->position > right->position) - (left->position < right->position);
}

static int compare_to_name(const void *name, const void *slot) {
    return strcmp(name, ((const name_slot *)slot)->name);
}

rkv_status rkv_name_index_seal(rkv_name_index *index, size_t *duplicate) {
    rkv_status status = rkv_alloc_raw(&index->sorted, index->n, sizeof *index->sorted);
    if (status) return status;
    for (size_t i = 0; i < index->n; i++)
        index->sorted[i] = (name_slot){rkv_name_index_at(index, i), i};
    qsort(index->sorted, index->n, sizeof *index->sorted, compare_slots);
    *duplicate = index->n;
    for (size_t i = 1; i < index->n && *duplicate == index->n; i++)
        if (strcmp(index->sorted[i - 1].name, index->sorted[i].name) == 0)
            *duplicate = index->sorted[i].position;
    return RKV_OK;
}

const char *rkv_name_index_at(const rkv_name_index *index, size_t position) {
    return index->bytes.bytes + index->offsets[position];
}

bool rkv_name_index_find(const rkv_name_index *index, const char *name, size_t *position) {
    if (index->n == 0) return false;
    const name_slot *slot = bsearch(name, index->sorted, index->n, sizeof *index->sorted, compare_to_name);
    if (slot) *position = slot->position;
    return slot != NULL;
}

void rkv_name_index_clear(rkv_name_index *index) {
    free(index->sorted);
    free(index->offsets);
    free(index->bytes.bytes);
    *index = (rkv_name_index){0};
}
