/* cosines.c: cosines between rows and the mean of their directions on the device. */
#include <assert.h>
#include <string.h>

#include "cuda/device_scores.h"
#include "cuda/scores.h"

static_assert(sizeof(rkv_cosines_task) <= 4096, "a kernel's task has 4 KB at most");

static rkv_status launch(rkv_cuda *cuda, const rkv_cosines_task *t) {
    rkv_status status =
        RKV_CUDA_QUEUE(cuda, rkv_launch_direction_sums(t, cuda->stream), "directions of rows");
    if (!status)
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_mean_directions(t, cuda->stream), "directions of rows");
    if (!status) status = RKV_CUDA_QUEUE(cuda, rkv_launch_mean_cosines(t, cuda->stream), "cosines");
    return status;
}

/* Heads from the task's on, with memory of their own. */
static rkv_status compare(rkv_cuda *cuda, rkv_cosines_task *t) {
    size_t chunks = rkv_direction_chunk(&t->heads, t->heads.n_heads);
    rkv_status status = rkv_cuda_take(cuda, &t->sums, chunks, t->width * sizeof *t->sums);
    if (!status) status = rkv_cuda_take(cuda, &t->mean, t->heads.n_heads, (t->width + 1) * sizeof *t->mean);
    if (!status) status = launch(cuda, t);
    rkv_cuda_give(cuda, t->mean);
    rkv_cuda_give(cuda, t->sums);
    return status;
}

static rkv_status compare_all(rkv_cuda *cuda, const rkv_head_rows *heads, size_t n_heads, size_t width,
                              const double *norms, float *cosines) {
    rkv_status status = RKV_OK;
    for (size_t first = 0; !status && first < n_heads; first += RKV_BATCH_HEADS) {
        rkv_cosines_task task = {.heads = rkv_head_batch_of(heads, n_heads, first),
                                 .width = width,
                                 .norms = norms,
                                 .cosines = cosines};
        norms += task.heads.rows;
        cosines += task.heads.rows;
        if (task.heads.rows) status = compare(cuda, &task);
    }
    return status;
}

rkv_status rkv_cuda_mean_cosines(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads,
                                 size_t width, float *const *cosines) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    size_t total = rkv_head_rows_total(heads, n_heads);
    rkv_device_results results = {0};
    double *norms = NULL;
    if (!total) return RKV_OK;
    rkv_status status = rkv_device_results_new(cuda, total, sizeof **cosines, &results);
    if (!status) status = rkv_cuda_take(cuda, &norms, total, sizeof *norms);
    if (!status) status = rkv_cuda_queue_norms(cuda, heads, n_heads, width, norms);
    if (!status) status = compare_all(cuda, heads, n_heads, width, norms, results.device);
    if (!status) status = rkv_device_results_fetch(cuda, &results);
    const float *from = results.host;
    for (size_t h = 0; !status && h < n_heads; from += heads[h++].n)
        memcpy(cosines[h], from, heads[h].n * sizeof *from);
    rkv_cuda_give(cuda, norms);
    rkv_device_results_free(cuda, &results);
    return status;
}
