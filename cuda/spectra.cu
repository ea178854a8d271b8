/* spectra.cu: what spectra say of their matrices, and whether to believe them: one block per matrix. The sums
 * of backend/rank_of_sigma.c and backend/rank_error.c, by the same terms. */
#include <math.h>

#include "backend/rank_terms.h"
#include "cuda/rank_kernels.h"
#include "cuda/reduce.h"

/* Eigenvalues x [n], ascending, become singular values, descending: a thread turns pairs of its own round.
 * Returns what they show of their noise. */
RKV_DEVICE rkv_noise_seen take_roots(double *x, size_t n) {
    rkv_noise_seen seen = {0, 0, 0};
    for (size_t i = threadIdx.x; i < (n + 1) / 2; i += blockDim.x) {
        double low = x[i], high = x[n - 1 - i];
        seen.depth = fmax(seen.depth, fmax(-low, -high));
        seen.negative += (low < 0) + (high < 0 && n - 1 - i != i);
        x[i] = rkv_root_of_eigenvalue(high);
        x[n - 1 - i] = rkv_root_of_eigenvalue(low);
    }
    seen.depth = rkv_block_max_double(seen.depth); /* and all of x is there */
    seen.negative = rkv_block_sum_double(seen.negative);
    for (size_t i = threadIdx.x; i < n; i += blockDim.x)
        seen.near += rkv_is_near_noise(x[i], seen.depth);
    seen.near = rkv_block_sum_double(seen.near);
    return seen;
}

/* How many of x [n] are not at most as large as the one before. */
RKV_DEVICE double count_misplaced(const double *x, size_t n) {
    double count = 0;
    for (size_t i = threadIdx.x + 1; i < n; i += blockDim.x)
        count += !(x[i] <= x[i - 1]);
    return rkv_block_sum_double(count);
}

RKV_DEVICE double entropy_of(const double *sigma, size_t n, double total) {
    double entropy = 0;
    for (size_t i = threadIdx.x; i < n; i += blockDim.x)
        entropy += rkv_entropy_term(sigma[i], total);
    return rkv_block_sum_double(entropy);
}

/* Nothing moves where there is no noise, or nothing but zeros. */
RKV_DEVICE double error_of(const double *sigma, size_t n, const rkv_rank_noise *noise) {
    double squares = 0, biased = 0;
    for (size_t i = threadIdx.x; i < n; i += blockDim.x)
        rkv_add_move(noise, sigma[i], &squares, &biased);
    squares = rkv_block_sum_double(squares);
    biased = rkv_block_sum_double(biased);
    return noise->least == 0 || sigma[0] == 0 ? 0 : sqrt(squares) + biased;
}

RKV_KERNEL(spectra, rkv_spectra_task) {
    double *sigma = t.values + blockIdx.x * t.order, total = 0, squares = 0;
    rkv_rank_noise noise = {0, 0, INFINITY, t.shift, 1};
    rkv_noise_seen seen = {0, 0, 0};
    if (t.of_gram) seen = take_roots(sigma, t.order);
    for (size_t i = threadIdx.x; i < t.order; i += blockDim.x) {
        total += rkv_total_term(sigma[i]);
        squares += sigma[i] * sigma[i];
    }
    squares = rkv_block_sum_double(squares);
    noise.total = rkv_block_sum_double(total);
    noise.entropy = entropy_of(sigma, t.order, noise.total);
    if (t.of_gram) {
        noise.delta = rkv_gram_delta(&seen, sigma[0], t.noise);
        noise.least = sqrt(noise.delta);
        noise.bias = RKV_GRAM_BIAS;
    }
    double error = error_of(sigma, t.order, &noise), misplaced = count_misplaced(sigma, t.order);
    if (threadIdx.x) return;
    rkv_spectrum *out = &t.spectra[blockIdx.x];
    out->erank = rkv_rank_of_entropy(noise.entropy, noise.total);
    out->error = error;
    out->squares = squares;
    out->info = t.info[blockIdx.x];
    out->untrusted = out->info != 0 || misplaced > 0 || !(noise.total >= 0) ||
                     !(error <= RKV_RANK_ERROR_LIMIT) ||
                     !rkv_squares_add_up(squares, t.order, t.squared_norms[blockIdx.x]);
}

cudaError_t rkv_launch_spectra(const rkv_spectra_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(spectra, *task, (unsigned)task->n, RKV_REDUCE_THREADS, stream);
}
