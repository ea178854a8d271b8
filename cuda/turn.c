/* turn.c: rows turned as positions turn them: all lists of a layer in a launch, and in a copy by how much. */
#include "cuda/turn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "cuda/device.h"

static_assert(sizeof(rkv_turn_task) <= 4096, "a kernel's task has 4 KB at most");

static size_t count_given(const rkv_turning *task) {
    size_t n = 0;
    for (size_t i = 0; i < task->n_lists; i++)
        if (task->lists[i].by) n += task->lists[i].n;
    return n;
}

/* *out [total] = by how much, of all lists that say it, one after the other; NULL where none does. */
static rkv_status take_given(rkv_cuda *cuda, const rkv_turning *task, int32_t **out) {
    size_t total = count_given(task), at = 0;
    int32_t *host = NULL;
    if (!total) return RKV_OK;
    rkv_status status = rkv_alloc_raw(&host, total, sizeof *host);
    for (size_t i = 0; !status && i < task->n_lists; i++)
        if (task->lists[i].by) {
            memcpy(host + at, task->lists[i].by, task->lists[i].n * sizeof *host);
            at += task->lists[i].n;
        }
    if (!status) status = rkv_cuda_take(cuda, out, total, sizeof **out);
    if (!status) status = rkv_cuda_to_device(cuda, *out, host, total * sizeof *host);
    free(host);
    return status;
}

/* The lists of a task that is otherwise filled in, all their pairs. */
static rkv_status turn_pairs(rkv_cuda *cuda, const rkv_turning *task, rkv_turn_task *t) {
    size_t pairs = task->head_dim / 2, all = pairs + task->head_dim % 2;
    rkv_status status = RKV_OK;
    for (size_t first = 0; !status && t->longest && first < all; first += t->pairs) {
        size_t with_angle = pairs - first < RKV_TURN_PAIRS ? pairs - first : RKV_TURN_PAIRS;
        t->first = first;
        t->pairs = all - first < RKV_TURN_PAIRS ? all - first : RKV_TURN_PAIRS;
        memcpy(t->frequency, task->frequency + first, with_angle * sizeof *t->frequency);
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_turn(t, cuda->stream), "turning rows");
    }
    return status;
}

rkv_status rkv_cuda_turn(rkv_backend *backend, const rkv_turning *task) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    int32_t *given = NULL;
    rkv_status status = take_given(cuda, task, &given);
    const int32_t *next = given;
    for (size_t first = 0; !status && first < task->n_lists; first += RKV_TURN_LISTS) {
        rkv_turn_task t = {
            .head_dim = task->head_dim, .adjacent = task->pairing == RKV_ROPE_ADJACENT, .back = task->back};
        for (size_t i = first; i < task->n_lists && t.n_lists < RKV_TURN_LISTS; i++) {
            rkv_turned_rows *list = &t.list[t.n_lists++];
            *list = task->lists[i];
            if (list->by) list->by = next, next += list->n;
            if (list->n > t.longest) t.longest = list->n;
        }
        status = turn_pairs(cuda, task, &t);
    }
    rkv_cuda_give(cuda, given);
    return status;
}
