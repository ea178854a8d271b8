/* rows_list.h: a growing array of byte records whose spare room is bounded in both directions. */
#ifndef RKV_BACKEND_ROWS_LIST_H
#define RKV_BACKEND_ROWS_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/status.h>

/* What is taken out leaves a gap, which is closed when room at the end runs out: so where one item goes near
 * where the last one went, and one comes at the end, items move once in many steps. (A window that slides has
 * its gap at the front, heavy hitters have it where the newest entries begin.) There is one gap at most.
 *
 * What moves, and when, is decided here; data of a device is moved by cuda/rows_mover.h. */
typedef struct rkv_row_list {
    unsigned char *data; /* [capacity, item_bytes] in the host's memory or a device's */
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

/* Whether `needed` items fit in beside the gap; and where they do not without it either, what room `count`
 * items that become so many are given: exactly that when there were none, else at least the slack. */
static inline bool rkv_row_list_has_room(const rkv_row_list *list, size_t needed) {
    return list->gap + needed <= list->capacity;
}
size_t rkv_row_list_grown(const rkv_row_list *list, size_t count, size_t needed);

/* Room for `needed` items where `count` are. */
rkv_status rkv_row_list_reserve(rkv_row_list *list, size_t count, size_t needed);

/* Gives room back where more than the slack lies idle; where memory cannot be made smaller it stays. */
void rkv_row_list_trim(rkv_row_list *list, size_t count);

/* What is to be done so that of `count` items index [n] (ascending, less `base`) stay: those between the gap
 * and what goes move to the gap's lower side. */
typedef struct rkv_row_pick {
    size_t from, to;    /* items index[from] .. index[to - 1] move to the places from .. to - 1 */
    size_t gap_at, gap; /* as they are then */
} rkv_row_pick;
rkv_row_pick rkv_row_list_plan(const rkv_row_list *list, size_t count, const uint32_t *index, size_t n,
                               size_t base);

/* Does it. */
void rkv_row_list_pick(rkv_row_list *list, size_t count, const uint32_t *index, size_t n, size_t base);

/* Has all items lie side by side. */
void rkv_row_list_close(rkv_row_list *list, size_t count);

/* An item's place in data. */
static inline size_t rkv_row_list_place(const rkv_row_list *list, size_t item) {
    return item + (item >= list->gap_at ? list->gap : 0);
}
static inline unsigned char *rkv_row_list_at(const rkv_row_list *list, size_t item) {
    return list->data + rkv_row_list_place(list, item) * list->item_bytes;
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
