/* row_gram.c: Gram matrices of rows, in float64, by cuBLAS: some rows are widened at a time, and the matrices
 * of all lists come to the host in one copy. */
#include <string.h>

#include "cuda/device_scores.h"
#include "cuda/rank_kernels.h"

/* Of rows in float64: a few are always tried. */
#define MOST_BYTES ((size_t)4 << 20)

typedef struct work {
    rkv_cuda *cuda;
    size_t width, rows; /* rows at a time */
    double *wide;       /* [rows, width] */
} work;

static rkv_status take_room(work *w, const rkv_head_rows *lists, size_t n_lists) {
    size_t longest = 1, most = MOST_BYTES / sizeof *w->wide / w->width;
    for (size_t i = 0; i < n_lists; i++)
        if (lists[i].n > longest) longest = lists[i].n;
    w->rows = most < 1 ? 1 : most < longest ? most : longest;
    return rkv_cuda_take(w->cuda, &w->wide, w->rows, w->width * sizeof *w->wide);
}

/* gram [width, width] = x^T x (+ gram, unless x begins its list), x [n, width]. cuBLAS counts columns first:
 * it sees x^T. */
static rkv_status add_rows(const work *w, const float *x, size_t n, bool begins, double *gram) {
    rkv_widen_task widen = {{.x = x, .n = 1, .rows = n, .cols = w->width}, 0, w->wide};
    const double one = 1, before = begins ? 0 : 1;
    int64_t width = (int64_t)w->width;
    if (w->cuda->rehearsed) return RKV_OK;
    rkv_status status =
        rkv_cuda_check(rkv_launch_widen(&widen, w->cuda->stream), "converting rows to float64");
    return status
               ? status
               : rkv_cublas_check(cublasDgemmStridedBatched_64(w->cuda->blas, CUBLAS_OP_N, CUBLAS_OP_T, width,
                                                               width, (int64_t)n, &one, w->wide, width, 0,
                                                               w->wide, width, 0, &before, gram, width, 0, 1),
                                  "a Gram matrix");
}

static rkv_status form(const work *w, const rkv_head_rows *list, double *gram) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < list->n; i += w->rows)
        status = add_rows(w, list->rows + i * w->width, list->n - i < w->rows ? list->n - i : w->rows, i == 0,
                          gram);
    return status;
}

rkv_status rkv_cuda_gram(rkv_backend *backend, const rkv_head_rows *lists, size_t n_lists, size_t width,
                         double *const *gram) {
    work w = {.cuda = rkv_cuda_enter(backend), .width = width};
    size_t square = width * width;
    rkv_device_results results = {0};
    rkv_status status = rkv_device_results_new(w.cuda, n_lists * square, sizeof **gram, &results);
    double *there = results.device;
    if (!status) status = take_room(&w, lists, n_lists);
    for (size_t i = 0; !status && i < n_lists; i++)
        status = form(&w, &lists[i], there + i * square);
    if (!status) status = rkv_device_results_fetch(w.cuda, &results);
    const double *here = results.host;
    for (size_t i = 0; !status && i < n_lists; i++)
        if (lists[i].n)
            memcpy(gram[i], here + i * square, square * sizeof *here);
        else
            memset(gram[i], 0, square * sizeof *here);
    rkv_cuda_give(w.cuda, w.wide);
    rkv_device_results_free(w.cuda, &results);
    return status;
}
