/* svd.c: singular values of one matrix by cuSOLVER's singular value decompositions, in float64. */
#include <math.h>
#include <stdlib.h>

#include "core/fail.h"
#include "cuda/rank.h"

typedef struct space {
    double *a, *sigma; /* [m, n] column-major, m >= n; [n] */
    int *info;
    rkv_spectrum *spectrum;
    rkv_cuda_workspace workspace;
} space;

/* The matrix as cuSOLVER sees it: columns first, and at least as many rows as columns. */
typedef struct shape {
    int64_t m, n;
    int turned;
} shape;

static shape shape_of(const rkv_singular_task *task) {
    bool tall = task->rows > task->cols;
    return (shape){(int64_t)(tall ? task->rows : task->cols), (int64_t)(tall ? task->cols : task->rows),
                   tall};
}

static rkv_status load(const rkv_cuda_rank *r, size_t index, const space *s) {
    rkv_widen_task widen = {rkv_cuda_rank_matrices(r, index, 1), shape_of(r->task).turned, s->a};
    return RKV_CUDA_QUEUE(r->cuda, rkv_launch_widen(&widen, r->cuda->stream),
                          "converting a matrix to float64");
}

/* By the polar decomposition, which is fast. It shifts singular values by *shift where some are close to
 * zero; that is host memory, and there when all of its work is done. */
static rkv_status by_polar(const rkv_cuda_rank *r, space *s, double *shift) {
    shape a = shape_of(r->task);
    rkv_cuda_workspace *w = &s->workspace;
    rkv_status status = rkv_cusolver_check(
        cusolverDnXgesvdp_bufferSize(r->solver, r->params, CUSOLVER_EIG_MODE_NOVECTOR, 1, a.m, a.n,
                                     CUDA_R_64F, s->a, a.m, CUDA_R_64F, s->sigma, CUDA_R_64F, NULL, a.m,
                                     CUDA_R_64F, NULL, a.n, CUDA_R_64F, &w->device_bytes, &w->host_bytes),
        "asking for a workspace");
    if (!status) status = rkv_cuda_workspace_new(r->cuda, w);
    if (!status && !r->cuda->rehearsed)
        status = rkv_cusolver_check(
            cusolverDnXgesvdp(r->solver, r->params, CUSOLVER_EIG_MODE_NOVECTOR, 1, a.m, a.n, CUDA_R_64F, s->a,
                              a.m, CUDA_R_64F, s->sigma, CUDA_R_64F, NULL, a.m, CUDA_R_64F, NULL, a.n,
                              CUDA_R_64F, w->device, w->device_bytes, w->host, w->host_bytes, s->info, shift),
            "Xgesvdp");
    if (!status) status = RKV_CUDA_QUEUE(r->cuda, cudaStreamSynchronize(r->cuda->stream), "Xgesvdp");
    rkv_cuda_workspace_free(r->cuda, w);
    return status;
}

/* By the QR iteration, which is slow and gives small singular values as they are. */
static rkv_status by_qr(const rkv_cuda_rank *r, space *s) {
    shape a = shape_of(r->task);
    rkv_cuda_workspace *w = &s->workspace;
    rkv_status status = rkv_cusolver_check(
        cusolverDnXgesvd_bufferSize(r->solver, r->params, 'N', 'N', a.m, a.n, CUDA_R_64F, s->a, a.m,
                                    CUDA_R_64F, s->sigma, CUDA_R_64F, NULL, a.m, CUDA_R_64F, NULL, a.n,
                                    CUDA_R_64F, &w->device_bytes, &w->host_bytes),
        "asking for a workspace");
    if (!status) status = rkv_cuda_workspace_new(r->cuda, w);
    if (!status && !r->cuda->rehearsed)
        status = rkv_cusolver_check(cusolverDnXgesvd(r->solver, r->params, 'N', 'N', a.m, a.n, CUDA_R_64F,
                                                     s->a, a.m, CUDA_R_64F, s->sigma, CUDA_R_64F, NULL, a.m,
                                                     CUDA_R_64F, NULL, a.n, CUDA_R_64F, w->device,
                                                     w->device_bytes, w->host, w->host_bytes, s->info),
                                    "Xgesvd");
    rkv_cuda_workspace_free(r->cuda, w);
    return status;
}

/* What the solver has left: singular values, each of which may be off by shift, and what they say. */
static rkv_status fetch(const rkv_cuda_rank *r, size_t index, const space *s, double shift,
                        rkv_spectrum *spectrum) {
    double *sigma = r->task->sigma + index * r->order;
    rkv_spectra_task task = {.values = s->sigma,
                             .n = 1,
                             .order = r->order,
                             .shift = shift,
                             .squared_norms = r->norms_there + index,
                             .info = s->info,
                             .spectra = s->spectrum};
    rkv_status status =
        RKV_CUDA_QUEUE(r->cuda, rkv_launch_spectra(&task, r->cuda->stream), "a matrix's spectrum");
    if (!status) status = rkv_cuda_to_host(r->cuda, sigma, s->sigma, r->order * sizeof *sigma);
    return status ? status : rkv_cuda_to_host(r->cuda, spectrum, s->spectrum, sizeof *spectrum);
}

static rkv_status solve(const rkv_cuda_rank *r, size_t index, space *s) {
    double shift = NAN;
    rkv_spectrum spectrum = {0};
    rkv_status status = load(r, index, s);
    if (!status) status = by_polar(r, s, &shift);
    if (!status) status = fetch(r, index, s, shift, &spectrum);
    if (!status && (spectrum.untrusted || !(shift >= 0))) {
        status = load(r, index, s); /* the first solver has destroyed it */
        if (!status) status = by_qr(r, s);
        if (!status) status = fetch(r, index, s, 0, &spectrum);
    }
    if (!status && spectrum.info)
        status = rkv_fail(RKV_ERROR, "matrix %zu: Xgesvd did not converge, info = %d", index, spectrum.info);
    if (!status) rkv_cuda_put_rank(r, index, spectrum.erank);
    return status;
}

rkv_status rkv_cuda_by_svd(const rkv_cuda_rank *r, size_t index) {
    space s = {0};
    rkv_status status = rkv_cuda_take(r->cuda, &s.a, r->task->rows * r->task->cols, sizeof *s.a);
    if (!status) status = rkv_cuda_take(r->cuda, &s.sigma, r->order, sizeof *s.sigma);
    if (!status) status = rkv_cuda_take(r->cuda, &s.info, 1, sizeof *s.info);
    if (!status) status = rkv_cuda_take(r->cuda, &s.spectrum, 1, sizeof *s.spectrum);
    if (!status) status = solve(r, index, &s);
    rkv_cuda_give(r->cuda, s.spectrum);
    rkv_cuda_give(r->cuda, s.info);
    rkv_cuda_give(r->cuda, s.sigma);
    rkv_cuda_give(r->cuda, s.a);
    return status;
}
