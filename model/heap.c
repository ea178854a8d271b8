/* heap.c: a binary heap. */
#include "model/heap.h"

#include "core/memory.h"

static bool before(rkv_heap_item a, rkv_heap_item b) {
    return a.key != b.key ? a.key < b.key : a.value < b.value;
}

rkv_status rkv_heap_push(rkv_heap *heap, uint64_t key, uint64_t value) {
    rkv_status status = rkv_grow(&heap->items, &heap->capacity, heap->count + 1, sizeof *heap->items);
    if (status) return status;
    rkv_heap_item item = {key, value};
    size_t i = heap->count++;
    for (; i > 0 && before(item, heap->items[(i - 1) / 2]); i = (i - 1) / 2)
        heap->items[i] = heap->items[(i - 1) / 2];
    heap->items[i] = item;
    return RKV_OK;
}

bool rkv_heap_pop(rkv_heap *heap, rkv_heap_item *item) {
    if (heap->count == 0) return false;
    *item = heap->items[0];
    size_t n = --heap->count, i = 0;
    rkv_heap_item last = heap->items[n];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(heap->items[child + 1], heap->items[child])) child++;
        if (!before(heap->items[child], last)) break;
        heap->items[i] = heap->items[child];
    }
    heap->items[i] = last;
    return true;
}
