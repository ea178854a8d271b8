/* rows_keep.c: rows taken out of a list in device memory. What stays is told to the device in runs that
 * travel with the kernels, so that nothing is copied there first and nothing waited for; where groups end up
 * is counted on the host, which knows where they begin. */
#include <string.h>

#include "cuda/device_rows.h"
#include "cuda/rows_kernels.h"

/* ---- moving items ---- */

typedef struct mover {
    rkv_cuda *cuda;
    rkv_move_rows_task task;
} mover;

static mover mover_of(rkv_cuda *cuda, const rkv_row_list *list, unsigned char *to) {
    return (mover){.cuda = cuda, .task = {.from = list->data, .to = to, .item_bytes = list->item_bytes}};
}

static rkv_status flush(mover *m) {
    if (!m->task.n_runs) return RKV_OK;
    rkv_status status = rkv_cuda_check(rkv_launch_move_rows(&m->task, m->cuda->stream), "moving rows");
    m->task.n_runs = 0;
    return status;
}

/* Items [from, from + n) to `place` and what follows, where those of the call before end. */
static rkv_status add_run(mover *m, size_t place, size_t from, size_t n) {
    rkv_move_rows_task *task = &m->task;
    const rkv_move_run *last = task->n_runs ? &task->run[task->n_runs - 1] : NULL;
    if (last && from - last->from == place - last->place) {
        task->end += (uint32_t)n;
        return RKV_OK;
    }
    rkv_status status = task->n_runs == RKV_MOVE_RUNS ? flush(m) : RKV_OK;
    task->run[task->n_runs++] = (rkv_move_run){(uint32_t)place, (uint32_t)from};
    task->end = (uint32_t)(place + n);
    return status;
}

/* Items index [n], less `base`, from index[first] on to places `first` and what follows of `to`. */
static rkv_status move(rkv_cuda *cuda, const rkv_row_list *list, unsigned char *to, const uint32_t *index,
                       size_t first, size_t n, size_t base) {
    mover m = mover_of(cuda, list, to);
    rkv_status status = RKV_OK;
    for (size_t i = first, run; !status && i < n; i += run) {
        run = rkv_index_run(index + i, n - i);
        status = add_run(&m, i, index[i] - base, run);
    }
    return status ? status : flush(&m);
}

/* ---- records and the tail ---- */

/* Those that stay in memory of their own size; false: there is none, and nothing has changed. */
static bool move_out(rkv_cuda *cuda, rkv_row_list *list, const uint32_t *index, size_t n, size_t base) {
    unsigned char *to = NULL;
    if (n && (rkv_cuda_take(cuda, &to, n, list->item_bytes) || move(cuda, list, to, index, 0, n, base))) {
        rkv_cuda_give(cuda, to);
        return false;
    }
    rkv_cuda_give(cuda, list->data);
    list->data = to;
    list->capacity = n;
    return true;
}

/* Of `count` items leaves index [n], less `base`. What stands before the first that goes is not touched,
 * unless memory is given back. */
static rkv_status pick(rkv_cuda *cuda, rkv_row_list *list, size_t count, const uint32_t *index, size_t n,
                       size_t base) {
    bool much = list->capacity > rkv_row_list_room(list, n);
    if (much && move_out(cuda, list, index, n, base)) return RKV_OK;
    size_t first = n && index[0] == base ? rkv_index_run(index, n) : 0;
    return n == count ? RKV_OK : move(cuda, list, list->data, index, first, n, base);
}

/* ---- groups ---- */

/* The host's first rows of groups [first, n) to the device. */
static rkv_status set_starts(const rkv_device_rows *rows, size_t first, size_t n) {
    rkv_status status = RKV_OK;
    rkv_set_starts_task task = {.groups = rows->groups.data, .group_bytes = rows->groups.item_bytes};
    for (; !status && first < n; first += task.n) {
        task.first = first;
        task.n = (uint32_t)(n - first < RKV_START_GROUPS ? n - first : RKV_START_GROUPS);
        memcpy(task.start, rkv_device_rows_starts(rows) + first, task.n * sizeof *task.start);
        status = rkv_cuda_check(rkv_launch_set_starts(&task, rows->cuda->stream), "moving groups");
    }
    return status;
}

/* Groups that keep a row move up; index [n] are encoded rows. First rows are set after all moves, which take
 * the old ones along. */
static rkv_status keep_groups(rkv_device_rows *rows, const uint32_t *index, size_t n) {
    mover m = mover_of(rows->cuda, &rows->groups, rows->groups.data);
    uint32_t *starts = rkv_device_rows_starts(rows);
    size_t kept = 0, at = 0, same = 0; /* same: groups at the front whose records stay what they are */
    rkv_status status = RKV_OK;
    for (size_t g = 0; !status && g < rows->n_groups; g++) {
        size_t end = g + 1 < rows->n_groups ? starts[g + 1] : rows->n_encoded, first = at;
        at += rkv_index_below(index + at, n - at, end);
        if (at == first) continue;
        if (kept == g && first == starts[g]) same = kept + 1;
        if (kept != g) status = add_run(&m, kept, g, 1);
        starts[kept++] = (uint32_t)first;
    }
    if (!status) status = flush(&m);
    if (!status) status = set_starts(rows, same, kept);
    rows->n_groups = kept;
    rkv_device_list_trim(rows->cuda, &rows->groups, kept);
    rkv_row_list_trim(&rows->starts, kept);
    return status;
}

/* Memory that cannot be made smaller stays; then nothing but a device out of order makes this fail. */
rkv_status rkv_device_rows_keep(rkv_rows *base, const uint32_t *index, size_t n) {
    rkv_device_rows *rows = (rkv_device_rows *)base;
    rkv_cuda *cuda = rkv_cuda_enter(&rows->cuda->base);
    size_t encoded = rkv_index_below(index, n, rows->n_encoded), tail = n - encoded;
    rkv_status status = pick(cuda, &rows->records, rows->n_encoded, index, encoded, 0);
    if (!status) status = pick(cuda, &rows->tail, rows->n_tail, index + encoded, tail, rows->n_encoded);
    if (!status) status = keep_groups(rows, index, encoded);
    if (status) return status;
    rows->n_encoded = encoded;
    rows->n_tail = tail;
    return RKV_OK;
}
