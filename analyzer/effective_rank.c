/* effective_rank.c: from singular values to the effective rank. */
#include <math.h>
#include <stdlib.h>

#include "backend/backend.h"
#include "core/fail.h"
#include "core/memory.h"

/* Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality": p_i = sigma_i / sum
 * sigma, exp(-sum p_i ln p_i) over p_i > 0. */
double rkv_effective_rank_of_sigma(const double *sigma, size_t n) {
    double total = 0, entropy = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(sigma[i] >= 0)) return NAN;
        total += sigma[i];
    }
    if (!(total > 0) || isinf(total)) return NAN;
    for (size_t i = 0; i < n; i++) {
        double p = sigma[i] / total;
        if (p > 0) entropy -= p * log(p);
    }
    return exp(entropy);
}

rkv_status rkv_effective_rank(const float *a, size_t rows, size_t cols, rkv_solver solver, double *erank,
                              double *sigma) {
    size_t n = rows < cols ? rows : cols;
    rkv_backend *backend = NULL;
    double *values = NULL;
    if (n == 0) return rkv_fail(RKV_USAGE, "a matrix of %zu x %zu has no effective rank", rows, cols);
    rkv_status status = rkv_backend_open(&backend, "cpu");
    if (!status) status = rkv_alloc(&values, n, sizeof *values);
    rkv_singular_task task = {
        .matrices = a, .n = 1, .rows = rows, .cols = cols, .solver = solver, .sigma = values};
    if (!status) status = backend->ops->singular_values(backend, &task);
    double rank = status ? NAN : rkv_effective_rank_of_sigma(values, n);
    if (!status && isnan(rank))
        status = rkv_fail(RKV_DATA, "a matrix of %zu x %zu zeros has no effective rank", rows, cols);
    for (size_t i = 0; !status && sigma && i < n; i++)
        sigma[i] = values[i];
    if (!status) *erank = rank;
    free(values);
    rkv_backend_close(backend);
    return status;
}
