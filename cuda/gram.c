/* gram.c: singular values as roots of the eigenvalues of Gram matrices, in float64, many at a time. */
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "cuda/rank.h"

/* What cuSOLVER adds to small eigenvalues, in units of eps times the largest, is not measured yet: one unit
 * is fifty times what LAPACK was seen to add. It counts where a spectrum does not show its noise itself: the
 * larger it is, the more of those the SVD makes again. */
#define SOLVER_NOISE 1.0

/* The batched solver takes this many numbers in all of its matrices. */
#define BATCHED_NUMBERS ((size_t)INT32_MAX)

/* Rows of a Gram matrix that one product makes: the products of a triangular matrix leave out what is zero in
 * steps of this. */
#define GRAM_ROWS ((size_t)256)

/* Device memory for some matrices at once. */
typedef struct space {
    double *wide, *gram, *values; /* [n, rows, cols], [n, order, order], [n, order] */
    int *info;                    /* [n] */
    rkv_spectrum *spectra, *host; /* [n], and a copy in host memory */
    rkv_cuda_workspace workspace;
} space;

/* ---- solving ---- */

static cusolverStatus_t ask_workspace(const rkv_cuda_rank *r, size_t n, space *s) {
    int64_t order = (int64_t)r->order;
    rkv_cuda_workspace *w = &s->workspace;
    if (r->order > r->batched_order)
        return cusolverDnXsyevd_bufferSize(
            r->solver, r->params, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER, order, CUDA_R_64F,
            s->gram, order, CUDA_R_64F, s->values, CUDA_R_64F, &w->device_bytes, &w->host_bytes);
    return cusolverDnXsyevBatched_bufferSize(
        r->solver, r->params, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER, order, CUDA_R_64F, s->gram,
        order, CUDA_R_64F, s->values, CUDA_R_64F, &w->device_bytes, &w->host_bytes, (int64_t)n);
}

/* Eigenvalues of the n Gram matrices; one matrix where its order is above the batched solver's. */
static rkv_status eigenvalues(const rkv_cuda_rank *r, size_t n, space *s) {
    int64_t order = (int64_t)r->order;
    rkv_cuda_workspace *w = &s->workspace;
    if (r->cuda->rehearsed) return RKV_OK;
    if (r->order > r->batched_order)
        return rkv_cusolver_check(cusolverDnXsyevd(r->solver, r->params, CUSOLVER_EIG_MODE_NOVECTOR,
                                                   CUBLAS_FILL_MODE_LOWER, order, CUDA_R_64F, s->gram, order,
                                                   CUDA_R_64F, s->values, CUDA_R_64F, w->device,
                                                   w->device_bytes, w->host, w->host_bytes, s->info),
                                  "Xsyevd");
    return rkv_cusolver_check(
        cusolverDnXsyevBatched(r->solver, r->params, CUSOLVER_EIG_MODE_NOVECTOR, CUBLAS_FILL_MODE_LOWER,
                               order, CUDA_R_64F, s->gram, order, CUDA_R_64F, s->values, CUDA_R_64F,
                               w->device, w->device_bytes, w->host, w->host_bytes, s->info, (int64_t)n),
        "XsyevBatched");
}

/* ---- the smaller Gram matrix ---- */

/* The rows [first, first + m) up to the diagonal's block, of each of n Gram matrices.
 *
 * cuBLAS counts columns first, so it sees X = A^T [cols, rows], and G = A^T A = X X^T, or A A^T = X^T X where
 * A is wide. Of a lower triangular A the rows above `first` have zeros where A^T A looks. */
static rkv_status gram_rows(const rkv_cuda_rank *r, size_t n, const space *s, size_t first, size_t m) {
    const rkv_singular_task *task = r->task;
    const double one = 1, zero = 0;
    if (r->cuda->rehearsed) return RKV_OK;
    bool wide = task->cols > task->rows;
    size_t skipped = task->lower_triangular ? first : 0, ld = task->cols;
    size_t length = wide ? task->cols : task->rows - skipped;
    const double *x = s->wide + skipped * ld;
    cublasStatus_t error = cublasDgemmStridedBatched_64(
        r->cuda->blas, wide ? CUBLAS_OP_T : CUBLAS_OP_N, wide ? CUBLAS_OP_N : CUBLAS_OP_T, (int64_t)m,
        (int64_t)(first + m), (int64_t)length, &one, x + (wide ? first * ld : first), (int64_t)ld,
        (long long)(task->rows * ld), x, (int64_t)ld, (long long)(task->rows * ld), &zero, s->gram + first,
        (int64_t)r->order, (long long)(r->order * r->order), (int64_t)n);
    return rkv_cublas_check(error, "a Gram matrix");
}

static rkv_status form_gram(const rkv_cuda_rank *r, size_t first, size_t n, const space *s) {
    rkv_widen_task widen = {rkv_cuda_rank_matrices(r, first, n), 0, s->wide};
    rkv_status status =
        RKV_CUDA_QUEUE(r->cuda, rkv_launch_widen(&widen, r->cuda->stream), "converting matrices to float64");
    for (size_t i = 0; !status && i < r->order; i += GRAM_ROWS)
        status = gram_rows(r, n, s, i, r->order - i < GRAM_ROWS ? r->order - i : GRAM_ROWS);
    return status;
}

/* ---- batches ---- */

static void space_free(const rkv_cuda_rank *r, space *s) {
    rkv_cuda_workspace_free(r->cuda, &s->workspace);
    rkv_cuda_give(r->cuda, s->spectra);
    rkv_cuda_give(r->cuda, s->info);
    rkv_cuda_give(r->cuda, s->values);
    rkv_cuda_give(r->cuda, s->gram);
    rkv_cuda_give(r->cuda, s->wide);
    free(s->host);
    *s = (space){0};
}

static rkv_status space_new(const rkv_cuda_rank *r, size_t n, space *s) {
    rkv_cuda *cuda = r->cuda;
    rkv_status status = rkv_cuda_take(cuda, &s->wide, n * r->task->rows * r->task->cols, sizeof *s->wide);
    if (!status) status = rkv_cuda_take(cuda, &s->gram, n * r->order * r->order, sizeof *s->gram);
    if (!status) status = rkv_cuda_take(cuda, &s->values, n * r->order, sizeof *s->values);
    if (!status) status = rkv_cuda_take(cuda, &s->info, n, sizeof *s->info);
    if (!status) status = rkv_cuda_take(cuda, &s->spectra, n, sizeof *s->spectra);
    if (!status) status = rkv_alloc_raw(&s->host, n, sizeof *s->host);
    if (!status) status = rkv_cusolver_check(ask_workspace(r, n, s), "asking for a workspace");
    if (!status) status = rkv_cuda_workspace_new(cuda, &s->workspace);
    if (!status && n > 1 && rkv_cuda_is_overdrawn(cuda)) status = RKV_NO_MEMORY;
    if (status) space_free(r, s);
    return status;
}

/* How many matrices at once the solver takes, and free memory may hold with a workspace as large as they. */
static size_t most_at_once(const rkv_cuda_rank *r) {
    size_t square = r->order * r->order, numbers = r->task->rows * r->task->cols + 2 * square;
    size_t fitting = rkv_cuda_memory_available(&r->cuda->base) / 10 * 9 / sizeof(double) / numbers;
    size_t n = r->order > r->batched_order ? 1 : BATCHED_NUMBERS / square;
    if (n > fitting) n = fitting ? fitting : 1;
    return n > r->task->n ? r->task->n : n;
}

static rkv_status solve(const rkv_cuda_rank *r, size_t first, size_t n, space *s, unsigned char *untrusted) {
    double *sigma = r->task->sigma + first * r->order;
    rkv_spectra_task spectra = {.values = s->values,
                                .n = n,
                                .order = r->order,
                                .of_gram = 1,
                                .noise = SOLVER_NOISE,
                                .squared_norms = r->norms_there + first,
                                .info = s->info,
                                .spectra = s->spectra};
    rkv_status status = form_gram(r, first, n, s);
    if (!status) status = eigenvalues(r, n, s);
    if (!status) status = RKV_CUDA_QUEUE(r->cuda, rkv_launch_spectra(&spectra, r->cuda->stream), "spectra");
    if (!status) status = rkv_cuda_to_host(r->cuda, sigma, s->values, n * r->order * sizeof *sigma);
    if (!status) status = rkv_cuda_to_host(r->cuda, s->host, s->spectra, n * sizeof *s->host);
    for (size_t i = 0; !status && i < n; i++) {
        untrusted[first + i] = s->host[i].untrusted != 0;
        rkv_cuda_put_rank(r, first + i, s->host[i].erank);
    }
    return status;
}

/* Where memory for a batch is lacking after all, half of it is tried. */
rkv_status rkv_cuda_by_gram(const rkv_cuda_rank *r, unsigned char *untrusted) {
    size_t most = most_at_once(r);
    rkv_status status = RKV_OK;
    for (size_t first = 0; !status && first < r->task->n;) {
        size_t n = r->task->n - first < most ? r->task->n - first : most;
        space s = {0};
        status = space_new(r, n, &s);
        if (status == RKV_NO_MEMORY && n > 1) {
            most = n / 2;
            status = RKV_OK;
            continue;
        }
        if (!status) status = solve(r, first, n, &s, untrusted);
        space_free(r, &s);
        first += n;
    }
    return status;
}
