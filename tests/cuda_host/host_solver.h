/* host_solver.h: the cuSOLVER that tests/cuda_host plays, as tests look at it and put it out of order. */
#ifndef RKV_TESTS_HOST_SOLVER_H
#define RKV_TESTS_HOST_SOLVER_H

#include <stddef.h>

/* How often each was called, in matrices, and what is wrong with the results from now on. */
typedef struct host_solver_state {
    size_t batches;                    /* calls of XsyevBatched */
    size_t batched, single, polar, qr; /* matrices by XsyevBatched, Xsyevd, Xgesvdp, Xgesvd */
    int batched_info;                  /* of the first matrix of each batch, if not 0 */
    double batched_factor;             /* 0, or what its eigenvalues are multiplied with */
    double batched_lift;               /* added to them, in units of eps times the largest */
    double polar_shift;                /* added to singular values by Xgesvdp, which says so */
    double polar_factor;               /* 0, or what they are multiplied with in secret */
    int qr_info;                       /* of Xgesvd, if not 0 */
} host_solver_state;

/* All zero: no calls yet, and nothing is wrong. */
host_solver_state *host_solver(void);

#endif
