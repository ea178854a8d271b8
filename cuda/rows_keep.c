/* rows_keep.c: rows taken out of lists in device memory. What stays is told to the device in runs
 * (rows_mover.h); where groups end up is counted on the host, which knows where they begin. */
#include "cuda/rows_mover.h"

#include "cuda/device_rows.h"

/* Where n of the list's items are to lie: memory of their own size, where much would lie idle and there is
 * some; else where they do. */
static unsigned char *place_for(rkv_cuda *cuda, const rkv_row_list *list, size_t n) {
    unsigned char *to = NULL;
    bool much = list->capacity > rkv_row_list_room(list, n);
    return much && !rkv_cuda_take_rows(cuda, &to, n, list->item_bytes) ? to : list->data;
}

static bool keeps_none(rkv_cuda *cuda, rkv_row_list *list, size_t n) {
    if (!n && list->capacity > rkv_row_list_room(list, 0)) rkv_device_list_free(cuda, list);
    return !n;
}

/* Of `count` items leaves index [n], less `base`. What stands before the first that goes is not touched,
 * unless memory is given back. */
static rkv_status pick(rkv_rows_mover *m, rkv_row_list *list, size_t count, const uint32_t *index, size_t n,
                       size_t base) {
    if (keeps_none(m->cuda, list, n)) return RKV_OK;
    unsigned char *to = place_for(m->cuda, list, n);
    bool in_place = to == list->data;
    if (in_place && n == count) return RKV_OK;
    rkv_rows_mover_begin(m, list->data, to, list->item_bytes);
    rkv_status status = rkv_rows_mover_add_index(
        m, index, in_place && index[0] == base ? rkv_index_run(index, n) : 0, n, base);
    return rkv_rows_mover_end(m, status, list, n);
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
 * them. In place those at the front, before which none goes, are not touched. */
static rkv_status move_groups(rkv_rows_mover *m, rkv_device_rows *rows, const uint32_t *index, size_t n,
                              size_t kept, unsigned char *to) {
    uint32_t *starts = rkv_device_rows_starts(rows);
    bool in_place = to == rows->groups.data;
    size_t at = 0, place = 0;
    rkv_status status = RKV_OK;
    rkv_rows_mover_begin(m, rows->groups.data, to, rows->groups.item_bytes);
    for (size_t g = 0; !status && g < rows->n_groups; g++) {
        size_t some = rows_that_stay(rows, g, index, at, n), less = starts[g] - at;
        if (!some) continue;
        if (!in_place || less) status = rkv_rows_mover_add(m, place, g, 1, less);
        starts[place++] = (uint32_t)at;
        at += some;
    }
    return rkv_rows_mover_end(m, status, &rows->groups, kept);
}

/* index [n] are encoded rows. */
static rkv_status keep_groups(rkv_rows_mover *m, rkv_device_rows *rows, const uint32_t *index, size_t n) {
    size_t kept = groups_that_stay(rows, index, n);
    rkv_status status = RKV_OK;
    if (!keeps_none(m->cuda, &rows->groups, kept))
        status = move_groups(m, rows, index, n, kept, place_for(m->cuda, &rows->groups, kept));
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
