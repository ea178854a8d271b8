/* rows_list.h: a growing array of byte records whose spare room is bounded in both directions. */
#ifndef RKV_BACKEND_ROWS_LIST_H
#define RKV_BACKEND_ROWS_LIST_H

#include <stdint.h>

#include <rankkv/status.h>

/* The items need not begin where the room does: what goes from the front leaves a gap there, which is closed
 * when room at the end runs out, so that a window that slides moves its items once in many steps. */
typedef struct rkv_row_list {
    unsigned char *data; /* [capacity, item_bytes] */
    size_t capacity, item_bytes;
    size_t slack; /* room that may lie idle, in items, where an eighth of them is less */
    size_t most;  /* never room for more */
    size_t start; /* items before the first */
} rkv_row_list;

/* Room for `needed` items where `count` are: exactly that when there were none, else at least the slack. */
rkv_status rkv_row_list_reserve(rkv_row_list *list, size_t count, size_t needed);

/* Gives room back where more than the slack lies idle; where memory cannot be made smaller it stays. */
void rkv_row_list_trim(rkv_row_list *list, size_t count);

/* Of `count` items leaves index [n] (ascending, less `base`): those before the gaps move up or those behind
 * them down, whichever are fewer. */
void rkv_row_list_pick(rkv_row_list *list, size_t count, const uint32_t *index, size_t n, size_t base);

static inline unsigned char *rkv_row_list_at(const rkv_row_list *list, size_t item) {
    return list->data + (list->start + item) * list->item_bytes;
}
static inline size_t rkv_row_list_bytes(const rkv_row_list *list) {
    return list->capacity * list->item_bytes;
}

#endif
