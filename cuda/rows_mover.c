/* rows_mover.c: items of several lists in device memory that move together. */
#include "cuda/rows_mover.h"

#include <assert.h>

static_assert(sizeof(rkv_move_rows_task) <= 4096, "a kernel's task has 4 KB at most");

void rkv_rows_mover_begin_copy(rkv_rows_mover *m, const rkv_row_list *from, rkv_row_list *list,
                               rkv_row_list after) {
    m->at_hand = (rkv_moved_list){from, list, after};
    m->bytes = from->item_bytes;
    m->open = false;
}

void rkv_rows_mover_begin(rkv_rows_mover *m, rkv_row_list *list, rkv_row_list after) {
    rkv_rows_mover_begin_copy(m, list, list, after);
}

void rkv_rows_mover_begin_numbers(rkv_rows_mover *m, rkv_row_list *list) {
    rkv_rows_mover_begin(m, list, *list);
    m->bytes = sizeof(uint32_t);
}

static rkv_move_list *list_of_task(rkv_rows_mover *m) {
    rkv_move_rows_task *task = &m->task;
    const rkv_moved_list *l = &m->at_hand;
    if (!m->open)
        task->list[task->n_lists++] = (rkv_move_list){.from = l->from->data,
                                                      .to = l->after.data,
                                                      .item_bytes = l->from->item_bytes,
                                                      .bytes = m->bytes,
                                                      .first_run = task->n_runs};
    m->open = true;
    return &task->list[task->n_lists - 1];
}

/* Whether items continue the last run. */
static bool follow(const rkv_rows_mover *m, size_t place, size_t from, size_t less) {
    if (!m->open) return false;
    const rkv_move_run *last = &m->task.run[m->task.n_runs - 1];
    return from - last->from == place - last->place && less == last->less;
}

/* Items that lie side by side, from the place `from` on. */
static rkv_status add_run(rkv_rows_mover *m, size_t place, size_t from, size_t n, size_t less) {
    rkv_move_rows_task *task = &m->task;
    rkv_status status = RKV_OK;
    bool follows = follow(m, place, from, less);
    if (!follows && (task->n_runs == RKV_MOVE_RUNS || (!m->open && task->n_lists == RKV_MOVE_LISTS)))
        status = rkv_rows_mover_flush(m);
    if (status) return status;
    rkv_move_list *list = list_of_task(m);
    if (!follows) {
        task->run[task->n_runs++] = (rkv_move_run){(uint32_t)place, (uint32_t)from, (uint32_t)less};
        list->n_runs++;
    }
    list->end = (uint32_t)(place + n);
    return RKV_OK;
}

rkv_status rkv_rows_mover_add(rkv_rows_mover *m, size_t place, size_t item, size_t n, size_t less) {
    const rkv_row_list *from = m->at_hand.from;
    rkv_status status = RKV_OK;
    for (size_t i = 0, run; !status && i < n; i += run) {
        run = rkv_row_list_run(from, item + i, n - i);
        status = add_run(m, place + i, rkv_row_list_place(from, item + i), run, less);
    }
    return status;
}

rkv_status rkv_rows_mover_add_index(rkv_rows_mover *m, const uint32_t *index, size_t from, size_t to,
                                    size_t base) {
    rkv_status status = RKV_OK;
    for (size_t i = from, run; !status && i < to; i += run) {
        run = rkv_index_run(index + i, to - i);
        status = rkv_rows_mover_add(m, i, index[i] - base, run, 0);
    }
    return status;
}

static void become(rkv_rows_mover *m, const rkv_moved_list *l, bool moved) {
    unsigned char *old = moved ? l->list->data : l->after.data;
    if (l->list->data != l->after.data) rkv_cuda_give(m->cuda, old);
    if (moved) *l->list = l->after;
}

/* What was added to is a list of the task: there is room for as many as those. */
rkv_status rkv_rows_mover_end(rkv_rows_mover *m, rkv_status status) {
    if (status || !m->open)
        become(m, &m->at_hand, !status);
    else
        m->moved[m->n_moved++] = m->at_hand;
    return status;
}

rkv_status rkv_rows_mover_flush(rkv_rows_mover *m) {
    rkv_status status = RKV_OK;
    if (m->task.n_lists)
        status = RKV_CUDA_QUEUE(m->cuda, rkv_launch_move_rows(&m->task, m->cuda->stream), "moving rows");
    for (size_t i = 0; i < m->n_moved; i++)
        become(m, &m->moved[i], !status);
    m->task.n_lists = m->task.n_runs = 0;
    m->n_moved = 0;
    m->open = false;
    return status;
}

rkv_status rkv_rows_mover_reserve(rkv_rows_mover *m, rkv_row_list *list, size_t count, size_t needed) {
    bool grows = needed > list->capacity;
    rkv_row_list after = *list;
    rkv_status status = RKV_OK;
    if (!count) return rkv_device_list_reserve(m->cuda, list, needed); /* there is nothing to move */
    if (rkv_row_list_has_room(list, needed)) return RKV_OK;
    after.gap = 0;
    if (grows) after.capacity = rkv_row_list_grown(list, count, needed);
    if (grows) status = rkv_cuda_take_rows(m->cuda, &after.data, after.capacity, list->item_bytes);
    if (status) return status;
    size_t first = grows ? 0 : list->gap_at;
    rkv_rows_mover_begin(m, list, after);
    return rkv_rows_mover_end(m, rkv_rows_mover_add(m, first, first, count - first, 0));
}
