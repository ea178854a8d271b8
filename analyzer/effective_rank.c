/* effective_rank.c: the effective rank of one matrix in host memory. */
#include <math.h>
#include <stdlib.h>

#include "backend/backend.h"
#include "core/fail.h"
#include "core/memory.h"

rkv_status rkv_effective_rank(const float *a, size_t rows, size_t cols, rkv_solver solver, double *erank,
                              double *sigma) {
    size_t n = rows < cols ? rows : cols;
    rkv_backend *backend = NULL;
    double *values = NULL, rank = NAN;
    if (n == 0) return rkv_fail(RKV_USAGE, "a matrix of %zu x %zu has no effective rank", rows, cols);
    rkv_status status = rkv_backend_open(&backend, "cpu");
    if (!status) status = rkv_alloc(&values, n, sizeof *values);
    rkv_singular_task task = {
        .matrices = a, .n = 1, .rows = rows, .cols = cols, .solver = solver, .sigma = values, .erank = &rank};
    if (!status) status = backend->ops->singular_values(backend, &task);
    if (!status && isnan(rank))
        status = rkv_fail(RKV_DATA, "a matrix of %zu x %zu zeros has no effective rank", rows, cols);
    for (size_t i = 0; !status && sigma && i < n; i++)
        sigma[i] = values[i];
    if (!status) *erank = rank;
    free(values);
    rkv_backend_close(backend);
    return status;
}
