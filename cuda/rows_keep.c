/* rows_keep.c: rows taken out of lists in device memory. What stays is told to the device in runs
 * (rows_mover.h); where groups end up is counted on the host, which knows where they begin. */
#include "cuda/rows_mover.h"

#include "cuda/device_rows.h"

/* What the list becomes with n of its items: memory of their own size, where much would lie idle and there is
 * some; else what it is. */
static rkv_row_list smaller(rkv_cuda *cuda, const rkv_row_list *list, size_t n) {
    rkv_row_list after = *list;
    unsigned char *to = NULL;
    bool much = list->capacity > rkv_row_list_room(list, n);
    if (!much || rkv_cuda_take_rows(cuda, &to, n, list->item_bytes)) return after;
    after.data = to;
    after.capacity = n;
    after.gap = 0;
    return after;
}

static bool keeps_none(rkv_cuda *cuda, rkv_row_list *list, size_t n) {
    if (n) return false;
    list->gap = 0;
    if (list->capacity > rkv_row_list_room(list, 0)) rkv_device_list_free(cuda, list);
    return true;
}

/* Of `count` items leaves index [n], less `base`: all move to other memory, or what rkv_row_list_pick
 * moves. */
static rkv_status pick(rkv_rows_mover *m, rkv_row_list *list, size_t count, const uint32_t *index, size_t n,
                       size_t base) {
    if (keeps_none(m->cuda, list, n)) return RKV_OK;
    rkv_row_list after = smaller(m->cuda, list, n);
    rkv_row_pick p = {0, n, 0, 0};
    if (after.data == list->data) p = rkv_row_list_plan(list, count, index, n, base);
    after.gap_at = p.gap_at;
    after.gap = p.gap;
    rkv_rows_mover_begin(m, list, after);
    return rkv_rows_mover_end(m, rkv_rows_mover_add_index(m, index, p.from, p.to, base));
}

/* ---- groups ---- */

/* How many rows of group g stay: index[at] and what follows, of the n. */
static size_t rows_that_stay(const rkv_device_rows *rows, size_t g, const uint32_t *index, size_t at,
                             size_t n) {
    const uint32_t *starts = rkv_device_rows_starts(rows);
    size_t end = g + 1 < rows->n_groups ? starts[g + 1] : rows->n_encoded, most = end - starts[g];
    return rkv_index_below(index + at, n - at < most ? n - at : most, end);
}

static size_t groups_that_stay(const rkv_device_rows *rows, const uint32_t *index, size_t n) {
    size_t kept = 0, at = 0;
    for (size_t g = 0; g < rows->n_groups; g++) {
        size_t some = rows_that_stay(rows, g, index, at, n);
        kept += some > 0;
        at += some;
    }
    return kept;
}

/* Groups that keep a row move up to places below `kept`, and their first rows with the rows that go before
 * them. In place those at the front, before which none goes, are not touched; where all groups stay, nothing
 * but their first rows is written. */
static rkv_status move_groups(rkv_rows_mover *m, rkv_device_rows *rows, const uint32_t *index, size_t n,
                              size_t kept) {
    rkv_row_list after = smaller(m->cuda, &rows->groups, kept);
    uint32_t *starts = rkv_device_rows_starts(rows);
    bool in_place = after.data == rows->groups.data;
    size_t at = 0, place = 0;
    rkv_status status = RKV_OK;
    if (in_place && kept == rows->n_groups)
        rkv_rows_mover_begin_numbers(m, &rows->groups);
    else
        rkv_rows_mover_begin(m, &rows->groups, after);
    for (size_t g = 0; !status && g < rows->n_groups; g++) {
        size_t some = rows_that_stay(rows, g, index, at, n), less = starts[g] - at;
        if (!some) continue;
        if (!in_place || less) status = rkv_rows_mover_add(m, place, g, 1, less);
        starts[place++] = (uint32_t)at;
        at += some;
    }
    return rkv_rows_mover_end(m, status);
}

/* index [n] are encoded rows. */
static rkv_status keep_groups(rkv_rows_mover *m, rkv_device_rows *rows, const uint32_t *index, size_t n) {
    size_t kept = groups_that_stay(rows, index, n);
    rkv_status status = RKV_OK;
    if (!keeps_none(m->cuda, &rows->groups, kept)) status = move_groups(m, rows, index, n, kept);
    rows->n_groups = kept;
    rkv_row_list_trim(&rows->starts, kept);
    return status;
}

/* ---- lists ---- */

static rkv_status keep(rkv_rows_mover *m, rkv_device_rows *rows, const uint32_t *index, size_t n) {
    size_t encoded = rkv_index_below(index, n, rows->n_encoded), tail = n - encoded;
    rkv_status status = pick(m, &rows->records, rows->n_encoded, index, encoded, 0);
    if (!status) status = pick(m, &rows->tail, rows->n_tail, index + encoded, tail, rows->n_encoded);
    if (!status && rows->n_groups) status = keep_groups(m, rows, index, encoded);
    rows->n_encoded = encoded;
    rows->n_tail = tail;
    return status;
}

/* Memory that cannot be made smaller stays; then nothing but a device out of order makes this fail. */
rkv_status rkv_device_rows_keep_all(rkv_rows *const *lists, const uint32_t *const *index, const size_t *n,
                                    size_t n_lists) {
    rkv_rows_mover m = {.cuda = rkv_cuda_enter(&((rkv_device_rows *)lists[0])->cuda->base)};
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n_lists; i++)
        status = keep(&m, (rkv_device_rows *)lists[i], index[i], n[i]);
    rkv_status moved = rkv_rows_mover_flush(&m);
    return status ? status : moved;
}

rkv_status rkv_device_rows_keep(rkv_rows *rows, const uint32_t *index, size_t n) {
    return rkv_device_rows_keep_all(&rows, &index, &n, 1);
}
