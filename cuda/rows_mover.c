/* rows_mover.c: items of several lists in device memory that move together. */
#include "cuda/rows_mover.h"

#include <assert.h>

static_assert(sizeof(rkv_move_rows_task) <= 4096, "a kernel's task has 4 KB at most");

void rkv_rows_mover_begin(rkv_rows_mover *m, const void *from, void *to, size_t item_bytes) {
    m->at_hand = (rkv_move_list){.from = from, .to = to, .item_bytes = item_bytes};
    m->open = false;
}

static rkv_move_list *list_of_task(rkv_rows_mover *m) {
    rkv_move_rows_task *task = &m->task;
    if (!m->open) {
        task->list[task->n_lists] = m->at_hand;
        task->list[task->n_lists++].first_run = task->n_runs;
    }
    m->open = true;
    return &task->list[task->n_lists - 1];
}

/* Whether items continue the last run. */
static bool follow(const rkv_rows_mover *m, size_t place, size_t from, size_t less) {
    if (!m->open) return false;
    const rkv_move_run *last = &m->task.run[m->task.n_runs - 1];
    return from - last->from == place - last->place && less == last->less;
}

rkv_status rkv_rows_mover_add(rkv_rows_mover *m, size_t place, size_t from, size_t n, size_t less) {
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

rkv_status rkv_rows_mover_add_index(rkv_rows_mover *m, const uint32_t *index, size_t first, size_t n,
                                    size_t base) {
    rkv_status status = RKV_OK;
    for (size_t i = first, run; !status && i < n; i += run) {
        run = rkv_index_run(index + i, n - i);
        status = rkv_rows_mover_add(m, i, index[i] - base, run, 0);
    }
    return status;
}

/* What was added to is a list of the task: there is room for as many as those. */
rkv_status rkv_rows_mover_end(rkv_rows_mover *m, rkv_status status, rkv_row_list *list, size_t capacity) {
    unsigned char *to = m->at_hand.to;
    if (to == list->data) return status;
    assert(status || m->open);
    if (status) {
        rkv_cuda_give(m->cuda, to);
        return status;
    }
    m->moved[m->n_moved].list = list;
    m->moved[m->n_moved].to = to;
    m->moved[m->n_moved++].capacity = capacity;
    return RKV_OK;
}

rkv_status rkv_rows_mover_flush(rkv_rows_mover *m) {
    rkv_status status = RKV_OK;
    if (m->task.n_lists)
        status = RKV_CUDA_QUEUE(m->cuda, rkv_launch_move_rows(&m->task, m->cuda->stream), "moving rows");
    for (size_t i = 0; i < m->n_moved; i++) {
        rkv_row_list *list = m->moved[i].list;
        rkv_cuda_give(m->cuda, status ? m->moved[i].to : list->data);
        if (status) continue;
        list->data = m->moved[i].to;
        list->capacity = m->moved[i].capacity;
    }
    m->task.n_lists = m->task.n_runs = 0;
    m->n_moved = 0;
    m->open = false;
    return status;
}

rkv_status rkv_rows_mover_reserve(rkv_rows_mover *m, rkv_row_list *list, size_t count, size_t needed) {
    unsigned char *to = NULL;
    if (!count || needed <= list->capacity)
        return rkv_device_list_reserve(m->cuda, list, count, needed); /* there is nothing to move */
    size_t room = rkv_row_list_room(list, count), capacity = room > needed ? room : needed;
    rkv_status status = rkv_cuda_take_rows(m->cuda, &to, capacity, list->item_bytes);
    if (status) return status;
    rkv_rows_mover_begin(m, list->data, to, list->item_bytes);
    return rkv_rows_mover_end(m, rkv_rows_mover_add(m, 0, 0, count, 0), list, capacity);
}
