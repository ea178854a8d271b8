/* rank.h: what the parts of singular_values share: singular.c decides, gram.c and svd.c solve. */
#ifndef RKV_CUDA_RANK_H
#define RKV_CUDA_RANK_H

#include "cuda/device.h"
#include "cuda/rank_kernels.h"

/* One call of singular_values. */
typedef struct rkv_cuda_rank {
    rkv_cuda *cuda;
    const rkv_singular_task *task;
    size_t order;         /* min(rows, cols): how many singular values a matrix has */
    size_t batched_order; /* above it, eigenvalues are made one matrix at a time */
    cusolverDnHandle_t solver;
    cusolverDnParams_t params;
    double *squared_norms; /* [n] host: ||A||_F^2, summed without any solver */
    double *norms_there;   /* [n] device: the same */
} rkv_cuda_rank;

/* cuSOLVER's two workspaces. */
typedef struct rkv_cuda_workspace {
    void *device, *host;
    size_t device_bytes, host_bytes;
} rkv_cuda_workspace;

/* Memory for the sizes that it holds; free takes one that is empty. */
rkv_status rkv_cuda_workspace_new(rkv_cuda *cuda, rkv_cuda_workspace *workspace);
void rkv_cuda_workspace_free(rkv_cuda *cuda, rkv_cuda_workspace *workspace);

/* The matrices [first, first + n) of the task. */
rkv_float_matrices rkv_cuda_rank_matrices(const rkv_cuda_rank *rank, size_t first, size_t n);

/* Where the effective rank of a matrix is wanted. */
void rkv_cuda_put_rank(const rkv_cuda_rank *rank, size_t index, double erank);

/* Both write singular values and effective ranks.
 * gram.c: all of the task's matrices; untrusted [n] is set where the values are not to be used. */
rkv_status rkv_cuda_by_gram(const rkv_cuda_rank *rank, unsigned char *untrusted);

/* svd.c: one of them. */
rkv_status rkv_cuda_by_svd(const rkv_cuda_rank *rank, size_t index);

#endif
