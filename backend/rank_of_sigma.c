/* rank_of_sigma.c: from singular values to the effective rank. */
#include <rankkv/analysis.h>

#include "backend/rank_terms.h"

double rkv_effective_rank_of_sigma(const double *sigma, size_t n) {
    double total = 0, entropy = 0;
    for (size_t i = 0; i < n; i++)
        total += rkv_total_term(sigma[i]);
    for (size_t i = 0; i < n; i++)
        entropy += rkv_entropy_term(sigma[i], total);
    return rkv_rank_of_entropy(entropy, total);
}
