/* rows_list.h: a growing array of byte records whose spare room is bounded in both directions. */
#ifndef RKV_BACKEND_ROWS_LIST_H
#define RKV_BACKEND_ROWS_LIST_H

#include <stdint.h>

#include <rankkv/status.h>

/* What is taken out leaves a gap, which is closed when room at the end runs out: so where one item goes near
 * where the last one went, and one comes at the end, items move once in many steps. (A window that slides has
 * its gap at the front, heavy hitters have it where the newest entries begin.) There is one gap at most. */
typedef struct rkv_row_list {
    unsigned char *data; /* [capacity, item_bytes] */
    size_t capacity, item_bytes;
    size_t slack;       /* room that may lie idle, in items, where an eighth of them is less */
    size_t most;        /* never room for more */
    size_t gap_at, gap; /* items before the gap; items that it would hold */
} rkv_row_list;

/* An empty one. */
static inline rkv_row_list rkv_row_list_of(size_t item_bytes, size_t slack, size_t most) {
    return (rkv_row_list){.item_bytes = item_bytes, .slack = slack, .most = most};
}

/* Room that `count` items and what may lie idle beside them take. */
size_t rkv_row_list_room(const rkv_row_list *list, size_t count);

/* Room for `needed` items where `count` are: exactly that when there were none, else at least the slack. */
rkv_status rkv_row_list_reserve(rkv_row_list *list, size_t count, size_t needed);

/* Gives room back where more than the slack lies idle; where memory cannot be made smaller it stays. */
void rkv_row_list_trim(rkv_row_list *list, size_t count);

/* Of `count` items leaves index [n] (ascending, less `base`). Those between the gap and what goes move to the
 * gap's lower side. */
void rkv_row_list_pick(rkv_row_list *list, size_t count, const uint32_t *index, size_t n, size_t base);

/* Has all items lie side by side. */
void rkv_row_list_close(rkv_row_list *list, size_t count);

static inline unsigned char *rkv_row_list_at(const rkv_row_list *list, size_t item) {
    return list->data + (item + (item >= list->gap_at ? list->gap : 0)) * list->item_bytes;
}
/* How many of the items [item, item + n) lie side by side from the first on. */
static inline size_t rkv_row_list_run(const rkv_row_list *list, size_t item, size_t n) {
    size_t before = list->gap && item < list->gap_at ? list->gap_at - item : n;
    return before < n ? before : n;
}
static inline size_t rkv_row_list_bytes(const rkv_row_list *list) {
    return list->capacity * list->item_bytes;
}

/* Of ascending numbers index [n]: how many are below `bound`; how many from the first on follow each other
 * without a gap. Both take steps like the logarithm of what they find: eviction of a few leaves long runs. */
size_t rkv_index_below(const uint32_t *index, size_t n, size_t bound);
size_t rkv_index_run(const uint32_t *index, size_t n);

#endif
