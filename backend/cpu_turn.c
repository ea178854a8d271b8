/* cpu_turn.c: rows turned as positions turn them. */
#include <math.h>

#include "backend/cpu.h"
#include "backend/turn_pair.h"

/* Rows worth a thread of their own. */
#define FEW_ROWS ((size_t)64)

/* Row i of a list, all that share its turn. */
static void turn_row(const rkv_turning *task, const rkv_turned_rows *list, size_t i) {
    size_t d = task->head_dim, step = list->n * d;
    int64_t by = list->by ? list->by[i] : (int64_t)i;
    const float *from = list->from + i * d;
    float *to = list->to + i * d;
    for (size_t pair = 0; pair < d / 2; pair++) {
        double angle = (double)(task->back ? -by : by) * task->frequency[pair];
        float cosine = (float)cos(angle), sine = (float)sin(angle);
        for (size_t k = 0; k < list->each; k++)
            rkv_turn_pair(task->pairing, d, pair, cosine, sine, from + k * step, to + k * step);
    }
    for (size_t k = 0; d % 2 && k < list->each; k++) /* in no pair */
        to[k * step + d - 1] = from[k * step + d - 1];
}

rkv_status rkv_cpu_turn(rkv_backend *backend, const rkv_turning *task) {
    (void)backend;
    for (const rkv_turned_rows *list = task->lists; list < task->lists + task->n_lists; list++) {
#pragma omp parallel for schedule(static) if (list->n > FEW_ROWS)
        for (size_t i = 0; i < list->n; i++)
            turn_row(task, list, i);
    }
    return RKV_OK;
}
