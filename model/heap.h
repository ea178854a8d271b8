/* heap.h: a queue that gives its smallest item first. */
#ifndef RKV_MODEL_HEAP_H
#define RKV_MODEL_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/status.h>

typedef struct rkv_heap_item {
    uint64_t key;   /* what the items are ordered by */
    uint64_t value; /* then this */
} rkv_heap_item;

/* Start from {0}; the owner frees items. A heap that was emptied keeps its memory for the next use. */
typedef struct rkv_heap {
    rkv_heap_item *items;
    size_t count, capacity;
} rkv_heap;

rkv_status rkv_heap_push(rkv_heap *heap, uint64_t key, uint64_t value);
/* False when the heap is empty. */
bool rkv_heap_pop(rkv_heap *heap, rkv_heap_item *item);

#endif
