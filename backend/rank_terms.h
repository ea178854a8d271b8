/* rank_terms.h: what each singular value adds to the sums of an effective rank and of its error, for the
 * host's loops (rank_of_sigma.c, rank_error.c) and a device's kernel (cuda/spectra.cu) alike. */
#ifndef RKV_BACKEND_RANK_TERMS_H
#define RKV_BACKEND_RANK_TERMS_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/everywhere.h"

/* ---- singular values ---- */

/* Of an eigenvalue of a Gram matrix: negative ones are noise, a NaN stays one. */
RKV_EVERYWHERE double rkv_root_of_eigenvalue(double x) {
    return x <= 0 ? 0 : sqrt(x);
}

/* Whether what the squares of n singular values sum to is the squared Frobenius norm, which is summed without
 * any solver. Either side carries the rounding of n-term sums and of a backward stable factorisation: at most
 * a small multiple of n eps. */
RKV_EVERYWHERE bool rkv_squares_add_up(double squares, size_t n, double squared_norm) {
    return fabs(squares - squared_norm) <= 100 * (double)n * DBL_EPSILON * squared_norm;
}

/* ---- the effective rank ----
 * Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality": p_i = sigma_i / S, S
 * the sum of sigma; H = -sum p_i ln p_i over p_i > 0; exp(H). */

/* Of S. One that is negative or NaN makes the sum NaN. */
RKV_EVERYWHERE double rkv_total_term(double sigma) {
    return sigma >= 0 ? sigma : NAN;
}

/* Of H. */
RKV_EVERYWHERE double rkv_entropy_term(double sigma, double total) {
    double p = sigma / total;
    return p > 0 ? -p * log(p) : 0;
}

/* NaN: all singular values are zero, or one of them is negative or not finite. */
RKV_EVERYWHERE double rkv_rank_of_entropy(double entropy, double total) {
    return total > 0 && total <= DBL_MAX ? exp(entropy) : NAN;
}

/* ---- its error ----
 * H, whose derivative by sigma_i is -(ln p_i + H) / S, moves by d_i |ln p_i + H| / S when sigma_i moves by
 * d_i; a change of H is a relative change of exp(H). */

/* Largest acceptable estimate: half the promise of 1e-6, the other half being left for everything else. */
#define RKV_RANK_ERROR_LIMIT 5e-7

/* What moves the singular values whose sum is `total`. */
typedef struct rkv_rank_noise {
    double total, entropy;
    double delta; /* squares above it are moved by so much, by random signs; the others are in the noise */
    double least; /* those are moved by so much, all in one direction; a smaller sigma counts as this */
} rkv_rank_noise;

/* What a computed spectrum shows of rounding in a Gram matrix: true eigenvalues are never negative, so the
 * most negative one is noise; and it is at least `noise` eps lambda_1. */
RKV_EVERYWHERE double rkv_gram_delta(double most_negative, double largest_sigma, double noise) {
    return fmax(-most_negative, noise * DBL_EPSILON * largest_sigma * largest_sigma);
}

/* Rounding moves each eigenvalue of the Gram matrix by some delta; a singular value so moves by
 * d_i = min(sqrt(delta), delta / (2 sigma_i)). Above the noise (sigma_i^2 > delta) the signs are random and
 * the moves add up as squares; below it sqrt(max(0, lambda)) has a bias and they add up plainly. */
RKV_EVERYWHERE void rkv_add_move(const rkv_rank_noise *noise, double sigma, double *squares, double *biased) {
    double p = fmax(sigma, noise->least) / noise->total;
    double weight = fabs(log(p) + noise->entropy) / noise->total;
    if (sigma * sigma > noise->delta) {
        double moved = weight * noise->delta / (2 * sigma);
        *squares += moved * moved;
    } else {
        *biased += weight * noise->least;
    }
}

#endif
