/* method_lowrank.c: keys and values of a head as coefficients in a basis of few vectors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/basis.h"
#include "compressors/methods.h"
#include "core/memory.h"

enum { OPTION_RANK, OPTION_ENERGY };

static const rkv_method_option options[] = {
    {"rank", RKV_OPTION_SIZE, 0, 0, 65536, NULL, "vectors of a basis; 0: as many as energy asks for"},
    {"energy", RKV_OPTION_REAL, 0.99, 0, 1, NULL, "share of the squared singular values that stays"},
    {0}};

/* The least r >= 1 with sum_{i<r} sigma_i^2 >= energy sum sigma_i^2, sigma [n] descending. */
static size_t rank_of_energy(const double *sigma, size_t n, double energy) {
    double total = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        total += sigma[i] * sigma[i];
    for (size_t r = 1; r < n; r++) {
        sum += sigma[r - 1] * sigma[r - 1];
        if (sum >= energy * total) return r;
    }
    return n;
}

/* The first right singular vectors of rows, which are the best basis of their number (Eckart and Young 1936).
 * No more of them than rows could span; one where there is nothing to span. */
static rkv_status fit(const rkv_option_values *values, bool is_key, double *gram, size_t n, size_t head_dim,
                      float **basis, size_t *rank) {
    (void)is_key;
    size_t asked = rkv_value_size(values, OPTION_RANK), most = n < head_dim ? n : head_dim, r = 0;
    double *sigma = NULL;
    float *vectors = NULL;
    *basis = NULL;
    rkv_status status = rkv_alloc_raw(&sigma, head_dim, sizeof *sigma);
    if (!status) status = rkv_alloc_raw(&vectors, head_dim * head_dim, sizeof *vectors);
    if (!status) status = rkv_right_singular_vectors(gram, head_dim, sigma, vectors);
    if (!status) {
        r = asked ? asked : rank_of_energy(sigma, head_dim, values->number[OPTION_ENERGY]);
        r = sigma[0] > 0 && r > 1 ? (r < most ? r : most) : 1;
        status = rkv_alloc_raw(basis, r * head_dim, sizeof **basis);
    }
    if (!status) {
        memcpy(*basis, vectors, r * head_dim * sizeof **basis);
        *rank = r;
    }
    free(vectors);
    free(sigma);
    return status;
}

static const struct rkv_method_ops ops = {.fit = fit};

const rkv_method rkv_method_lowrank = {
    .name = "lowrank",
    .kind = RKV_REPRESENTATION,
    .summary = "coefficients in the first right singular vectors of the head's prompt, keys and values apart",
    .formula = "x ~ (x V_r^T) V_r, X = U S V^T of the prompt's entries; r = rank, or the least with "
               "sum_{i<=r} s_i^2 >= energy sum s_i^2",
    .source = "ShadowKV (Sun et al. 2024), EigenAttention (Saxena et al. 2024)",
    .options = options,
    .ops = &ops,
};
