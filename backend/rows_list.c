/* rows_list.c: a growing array of byte records whose spare room is bounded in both directions. */
#include "backend/rows_list.h"

#include <string.h>

#include "core/memory.h"

static size_t with_slack(const rkv_row_list *list, size_t count) {
    size_t wanted = count + (count / 8 > list->slack ? count / 8 : list->slack);
    return wanted < list->most ? wanted : list->most;
}

static rkv_status resize(rkv_row_list *list, size_t count, size_t capacity) {
    rkv_status status = rkv_resize(&list->data, count, capacity, list->item_bytes);
    if (!status) list->capacity = capacity;
    return status;
}

static void close_front_gap(rkv_row_list *list, size_t count) {
    if (list->start) memmove(list->data, rkv_row_list_at(list, 0), count * list->item_bytes);
    list->start = 0;
}

rkv_status rkv_row_list_reserve(rkv_row_list *list, size_t count, size_t needed) {
    if (list->start + needed <= list->capacity) return RKV_OK;
    close_front_gap(list, count);
    if (needed <= list->capacity) return RKV_OK;
    size_t wanted = count ? with_slack(list, count) : 0;
    return resize(list, count, wanted > needed ? wanted : needed);
}

/* Where reserve stops, trim begins: a list at rest, one item in and one out, never moves. To the bare count,
 * not to the count and its slack: after a prompt was compressed, nothing lies idle. */
void rkv_row_list_trim(rkv_row_list *list, size_t count) {
    if (list->capacity <= with_slack(list, count)) return;
    close_front_gap(list, count);
    (void)resize(list, count, count);
}

static void move(rkv_row_list *list, size_t to, size_t from, size_t n) {
    if (to != from) memmove(rkv_row_list_at(list, to), rkv_row_list_at(list, from), n * list->item_bytes);
}

/* Runs of neighbours move together: eviction of a few leaves long ones. */
static void move_down(rkv_row_list *list, const uint32_t *index, size_t n, size_t base) {
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && index[i + run] == index[i] + run;)
            run++;
        move(list, i, index[i] - base, run);
    }
}

/* The same towards the end, the last run first; `gone` items fewer than before. */
static void move_up(rkv_row_list *list, const uint32_t *index, size_t n, size_t base, size_t gone) {
    for (size_t i = n, run; i > 0; i -= run) {
        for (run = 1; run < i && index[i - 1 - run] == index[i - 1] - run;)
            run++;
        move(list, gone + i - run, index[i - run] - base, run);
    }
    list->start += gone;
}

void rkv_row_list_pick(rkv_row_list *list, size_t count, const uint32_t *index, size_t n, size_t base) {
    size_t before = 0, behind = 0; /* items that stay where they are if the others move down, or up */
    while (before < n && index[before] - base == before)
        before++;
    while (behind < n && index[n - 1 - behind] - base == count - 1 - behind)
        behind++;
    if (before >= behind)
        move_down(list, index, n, base);
    else
        move_up(list, index, n, base, count - n);
}
