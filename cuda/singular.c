/* singular.c: singular values on the device: which solver, and whether to believe it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "cuda/rank.h"

/* A matrix of a larger order fills the device by itself. Not measured yet: builds with another value (-D)
 * compare. */
#ifndef RKV_BATCHED_ORDER
#define RKV_BATCHED_ORDER 8192
#endif

rkv_status rkv_cuda_workspace_new(rkv_cuda *cuda, rkv_cuda_workspace *w) {
    rkv_status status = rkv_cuda_take(cuda, &w->device, w->device_bytes, 1);
    return status ? status : rkv_alloc_raw(&w->host, w->host_bytes, 1);
}

void rkv_cuda_workspace_free(rkv_cuda *cuda, rkv_cuda_workspace *w) {
    rkv_cuda_give(cuda, w->device);
    if (w->host) cudaStreamSynchronize(cuda->stream); /* what is queued may still use it */
    free(w->host);
    w->device = w->host = NULL;
}

rkv_float_matrices rkv_cuda_rank_matrices(const rkv_cuda_rank *r, size_t first, size_t n) {
    const rkv_singular_task *task = r->task;
    return (rkv_float_matrices){task->matrices + first * task->rows * task->cols, n, task->rows, task->cols,
                                task->lower_triangular};
}

void rkv_cuda_put_rank(const rkv_cuda_rank *r, size_t index, double erank) {
    if (r->task->erank) r->task->erank[index] = erank;
}

/* Squares of float32 numbers cannot overflow a float64 sum: it is finite when all of them are. */
static rkv_status sum_squares(rkv_cuda_rank *r) {
    size_t n = r->task->n, rows = r->task->rows;
    double *squares = NULL;
    rkv_status status = rkv_alloc_raw(&r->squared_norms, n, sizeof *r->squared_norms);
    if (!status) status = rkv_cuda_take(r->cuda, &squares, n * rows, sizeof *squares);
    if (!status) status = rkv_cuda_take(r->cuda, &r->norms_there, n, sizeof *r->norms_there);
    rkv_row_squares_task of_rows = {rkv_cuda_rank_matrices(r, 0, n), squares};
    rkv_segment_sums_task of_matrices = {squares, n, rows, r->norms_there};
    if (!status)
        status = RKV_CUDA_QUEUE(r->cuda, rkv_launch_row_squares(&of_rows, r->cuda->stream), "squared norms");
    if (!status)
        status =
            RKV_CUDA_QUEUE(r->cuda, rkv_launch_segment_sums(&of_matrices, r->cuda->stream), "squared norms");
    if (!status)
        status = rkv_cuda_to_host(r->cuda, r->squared_norms, r->norms_there, n * sizeof *r->norms_there);
    for (size_t i = 0; !status && i < n; i++)
        if (!isfinite(r->squared_norms[i]))
            status = rkv_fail(RKV_DATA, "matrix %zu holds a value that is not finite", i);
    rkv_cuda_give(r->cuda, squares);
    return status;
}

static void put_zeros(const rkv_cuda_rank *r, size_t index) {
    double *sigma = r->task->sigma + index * r->order;
    memset(sigma, 0, r->order * sizeof *sigma);
    rkv_cuda_put_rank(r, index, NAN);
}

/* What Gram matrices do not give well enough, and everything where it is asked for, is left to the SVD. */
static rkv_status solve(const rkv_cuda_rank *r) {
    const rkv_singular_task *task = r->task;
    unsigned char *by_svd = NULL;
    rkv_status status = rkv_alloc(&by_svd, task->n, sizeof *by_svd);
    if (!status && task->solver == RKV_SOLVER_SVD)
        memset(by_svd, 1, task->n);
    else if (!status)
        status = rkv_cuda_by_gram(r, by_svd);
    /* Any matrix may come to the SVD. */
    if (!status && r->cuda->rehearsed) status = rkv_cuda_by_svd(r, 0);
    for (size_t i = 0; !status && i < task->n; i++) {
        if (r->squared_norms[i] == 0)
            put_zeros(r, i);
        else if (by_svd[i])
            status = rkv_cuda_by_svd(r, i);
        if (task->svd_used) task->svd_used[i] = by_svd[i];
    }
    free(by_svd);
    return status;
}

/* Sizes that a device counts: rows of all matrices in 31 bits, bytes of one matrix in float64 in 63. */
static rkv_status check_sizes(const rkv_singular_task *task) {
    if (task->rows <= INT32_MAX / task->n && task->cols <= INT32_MAX) return RKV_OK;
    return rkv_fail(RKV_USAGE, "%zu matrices of %zu x %zu are more than a device counts", task->n, task->rows,
                    task->cols);
}

rkv_status rkv_cuda_singular_values(rkv_backend *backend, const rkv_singular_task *task) {
    rkv_cuda_rank r = {.cuda = rkv_cuda_enter(backend),
                       .task = task,
                       .order = task->rows < task->cols ? task->rows : task->cols,
                       .batched_order = RKV_BATCHED_ORDER};
    for (size_t i = 0; !r.order && i < task->n; i++)
        rkv_cuda_put_rank(&r, i, NAN);
    if (!task->n || !r.order) return RKV_OK;
    rkv_status status = check_sizes(task);
    if (!status) status = rkv_cuda_solver(r.cuda, &r.solver);
    if (!status) status = rkv_cusolver_check(cusolverDnCreateParams(&r.params), "starting cuSOLVER");
    if (!status) status = sum_squares(&r);
    if (!status) status = solve(&r);
    if (r.params) cusolverDnDestroyParams(r.params);
    rkv_cuda_give(r.cuda, r.norms_there);
    free(r.squared_norms);
    return status;
}
