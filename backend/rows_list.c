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

rkv_status rkv_row_list_reserve(rkv_row_list *list, size_t count, size_t needed) {
    if (needed <= list->capacity) return RKV_OK;
    size_t wanted = count ? with_slack(list, count) : 0;
    return resize(list, count, wanted > needed ? wanted : needed);
}

/* Where reserve stops, trim begins: a list at rest, one item in and one out, never moves. To the bare count,
 * not to the count and its slack: after a prompt was compressed, nothing lies idle. */
void rkv_row_list_trim(rkv_row_list *list, size_t count) {
    if (list->capacity > with_slack(list, count)) (void)resize(list, count, count);
}

/* Runs of neighbours move together: eviction of a few leaves long ones. */
void rkv_row_list_pick(rkv_row_list *list, const uint32_t *index, size_t n, size_t base) {
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && index[i + run] == index[i] + run;)
            run++;
        if (index[i] - base != i)
            memmove(rkv_row_list_at(list, i), rkv_row_list_at(list, index[i] - base), run * list->item_bytes);
    }
}
