/* rows_list.c: a growing array of byte records whose spare room is bounded in both directions. */
#include "backend/rows_list.h"

#include <string.h>

#include "core/memory.h"

size_t rkv_row_list_room(const rkv_row_list *list, size_t count) {
    size_t wanted = count + (count / 8 > list->slack ? count / 8 : list->slack);
    return wanted < list->most ? wanted : list->most;
}

static rkv_status resize(rkv_row_list *list, size_t count, size_t capacity) {
    rkv_status status = rkv_resize(&list->data, count, capacity, list->item_bytes);
    if (!status) list->capacity = capacity;
    return status;
}

static void move(rkv_row_list *list, unsigned char *to, const unsigned char *from, size_t n) {
    if (to != from && n) memmove(to, from, n * list->item_bytes);
}

void rkv_row_list_close(rkv_row_list *list, size_t count) {
    if (list->gap && list->gap_at < count)
        move(list, list->data + list->gap_at * list->item_bytes, rkv_row_list_at(list, list->gap_at),
             count - list->gap_at);
    list->gap = 0;
}

size_t rkv_row_list_grown(const rkv_row_list *list, size_t count, size_t needed) {
    size_t wanted = count ? rkv_row_list_room(list, count) : 0;
    return wanted > needed ? wanted : needed;
}

rkv_status rkv_row_list_reserve(rkv_row_list *list, size_t count, size_t needed) {
    if (rkv_row_list_has_room(list, needed)) return RKV_OK;
    rkv_row_list_close(list, count);
    return needed <= list->capacity ? RKV_OK : resize(list, count, rkv_row_list_grown(list, count, needed));
}

/* Where reserve stops, trim begins: a list at rest, one item in and one out, never moves. To the bare count,
 * not to the count and its slack: after a prompt was compressed, nothing lies idle. */
void rkv_row_list_trim(rkv_row_list *list, size_t count) {
    if (list->capacity <= rkv_row_list_room(list, count)) return;
    rkv_row_list_close(list, count);
    (void)resize(list, count, count);
}

/* ---- indices ---- */

size_t rkv_index_below(const uint32_t *index, size_t n, size_t bound) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index[middle] < bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool follows(const uint32_t *index, size_t n, size_t i) {
    return i < n && index[i] - index[0] == i;
}

size_t rkv_index_run(const uint32_t *index, size_t n) {
    size_t run = 1, step = 1;
    for (; follows(index, n, run + step - 1); step *= 2)
        run += step;
    for (; step; step /= 2)
        if (follows(index, n, run + step - 1)) run += step;
    return run;
}

/* ---- taking out ---- */

/* How many of index [n] stand at most `shift` below their item. The distance never falls along the list: that
 * many are its beginning. */
static size_t n_shifted(const uint32_t *index, size_t n, size_t shift) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index[middle] - middle <= shift)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Items index [from, to) to the places from .. to - 1 below the gap. */
static void move_down(rkv_row_list *list, const uint32_t *index, size_t from, size_t to, size_t base) {
    for (size_t i = from, run; i < to; i += run) {
        size_t item = index[i] - base;
        run = rkv_row_list_run(list, item, rkv_index_run(index + i, to - i));
        move(list, list->data + i * list->item_bytes, rkv_row_list_at(list, item), run);
    }
}

rkv_row_pick rkv_row_list_plan(const rkv_row_list *list, size_t count, const uint32_t *index, size_t n,
                               size_t base) {
    if (n == count) return (rkv_row_pick){0, 0, list->gap_at, list->gap};
    size_t first = n_shifted(index, n, base); /* the first that goes, and the end of those that go */
    size_t end = count - n + n_shifted(index, n, base + count - n - 1);
    size_t gap_at = list->gap ? list->gap_at : first;
    size_t from = first < gap_at ? first : gap_at, to = end > gap_at ? end : gap_at;
    size_t stay = n - (count - to);                    /* below the gap */
    size_t gap = stay < n ? list->gap + count - n : 0; /* at the end it is room like any other */
    return (rkv_row_pick){from, stay, stay, gap};
}

void rkv_row_list_pick(rkv_row_list *list, size_t count, const uint32_t *index, size_t n, size_t base) {
    rkv_row_pick p = rkv_row_list_plan(list, count, index, n, base);
    move_down(list, index, p.from, p.to, base);
    list->gap = p.gap;
    list->gap_at = p.gap_at;
}
