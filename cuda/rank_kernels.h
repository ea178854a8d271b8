/* rank_kernels.h: the tasks of the kernels of effective rank and metrics, and the functions that queue them.
 * Pointers are device memory; letters as in backend/backend.h. The number of rows of all matrices is at most
 * INT32_MAX. */
#ifndef RKV_CUDA_RANK_KERNELS_H
#define RKV_CUDA_RANK_KERNELS_H

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n > 0 matrices [rows, cols], rows, cols > 0; of `lower` ones nothing above the diagonal is read: it counts
 * as 0. */
typedef struct rkv_float_matrices {
    const float *x;
    size_t n, rows, cols;
    int lower;
} rkv_float_matrices;

/* out [n, rows, cols], or [n, cols, rows] when turned: the same numbers in float64. */
typedef struct rkv_widen_task {
    rkv_float_matrices from;
    int turned;
    double *out;
} rkv_widen_task;
cudaError_t rkv_launch_widen(const rkv_widen_task *task, cudaStream_t stream);

/* squares [n, rows]: the sum of squares of each row. */
typedef struct rkv_row_squares_task {
    rkv_float_matrices of;
    double *squares;
} rkv_row_squares_task;
cudaError_t rkv_launch_row_squares(const rkv_row_squares_task *task, cudaStream_t stream);

/* sums [segments] of x [segments, length]; segments > 0. */
typedef struct rkv_segment_sums_task {
    const double *x;
    size_t segments, length;
    double *sums;
} rkv_segment_sums_task;
cudaError_t rkv_launch_segment_sums(const rkv_segment_sums_task *task, cudaStream_t stream);

/* What a spectrum says of its matrix. */
typedef struct rkv_spectrum {
    double erank;   /* as rkv_effective_rank_of_sigma has it */
    double error;   /* an estimate of its relative error */
    double squares; /* the sum of the squares of the singular values */
    int info;       /* of the solver */
    int untrusted;  /* not 0: it did not converge, error is too large, squares are not the squared norm, a
                       value is no number, or the order is not as promised */
} rkv_spectrum;

/* spectra [n] of values [n, order], singular values in descending order; n, order > 0. */
typedef struct rkv_spectra_task {
    /* of_gram: eigenvalues of Gram matrices, ascending, which become singular values, descending. noise: what
     * their solver is known to add to small ones, in units of eps times the largest. Else singular values,
     * each of which may be off by shift >= 0, in the same direction; a NaN is not trusted. */
    double *values;
    size_t n, order;
    int of_gram;
    double noise, shift;
    const double *squared_norms; /* [n]: ||A||_F^2, summed without any solver */
    const int *info;             /* [n] */
    rkv_spectrum *spectra;
} rkv_spectra_task;
cudaError_t rkv_launch_spectra(const rkv_spectra_task *task, cudaStream_t stream);

/* What is summed over rows, in the order of rkv_row_metrics. */
enum {
    RKV_ROW_ENTROPY,
    RKV_ROW_KEYS_95,
    RKV_ROW_SINK,
    RKV_ROW_LOCAL,
    RKV_ROW_LONG,
    RKV_ROW_FOLLOWERS, /* the attention on followers of earlier occurrences of the query's token */
    RKV_ROW_REPEATS,   /* 1 when there are earlier ones */
    RKV_ROW_SQUARES,
    RKV_ROW_OUTSIDE, /* elements that are not within [0, 1] */
    RKV_ROW_FIELDS
};

/* values [RKV_ROW_FIELDS, H, T] of the rows of attention [H, T, T]; ids [T] or NULL. */
typedef struct rkv_row_metrics_task {
    const float *attention;
    const int32_t *ids;
    size_t n_heads, n_tokens;
    double *values;
} rkv_row_metrics_task;
cudaError_t rkv_launch_row_metrics(const rkv_row_metrics_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
