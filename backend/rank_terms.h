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
    double least; /* those are moved by so much; a smaller sigma counts as this */
    double bias;  /* the part of least that goes in one direction; the rest of it has random signs */
} rkv_rank_noise;

/* ---- the noise of eigenvalues ----
 * Rounding moves the eigenvalues of a Gram matrix by noise e of some standard deviation s, and the estimate
 * is what is to be expected of the rank, and two standard deviations of it. delta stands for 2 s.
 *
 * Well above the noise sigma moves by e / (2 sigma), to either side. Of an eigenvalue that is 0 the root
 * becomes sqrt(max(0, e)), whose expectation is
 *     E[sqrt(e); e > 0] = 2^(1/4) Gamma(3/4) / (2 sqrt(pi)) sqrt(s) = 0.411 sqrt(s) of a Gaussian e,
 *                         Gamma(3/4) Gamma(3/2) / (pi Gamma(9/4)) sqrt(2 s) = 0.432 sqrt(s) of a semicircle,
 * which is how the noise of many equal eigenvalues lies: as the spectrum of a random symmetric matrix. By
 * Jensen's inequality it is at most sqrt(s) / 2 of any symmetric noise. The standard deviation about it, of
 * E[e; e > 0] less its square, is 0.480 and 0.488 sqrt(s). An eigenvalue x > 0 adds at most its own root, and
 * its expectation is within that of 0: between 0.411 and -0.100 sqrt(s), Gaussian.
 *
 * In least = sqrt(2 s) that is a bias of 0.29 to 0.31 and two standard deviations of 0.68 to 0.69: of one
 * value, least; of n, not n least, but about 0.3 n and 0.7 sqrt(n) of it. As their sum is 1, no estimate is
 * above the bound in which every value is off by all of least. */
#define RKV_GRAM_BIAS 0.3

/* What a computed spectrum shows of its noise, in which there is no true negative eigenvalue. Counts are
 * whole numbers. */
typedef struct rkv_noise_seen {
    double depth;    /* the most negative eigenvalue's size */
    double negative; /* how many are negative */
    double near;     /* how many are not above RKV_NEAR_NOISE depth */
} rkv_noise_seen;
#define RKV_NEAR_NOISE 4

RKV_EVERYWHERE bool rkv_is_near_noise(double sigma, double depth) {
    return sigma * sigma <= RKV_NEAR_NOISE * depth;
}

/* delta, of which depth is a sample: a semicircle ends at 2 s; of eight Gaussian values below 0 the lowest
 * lies at 1.8 s, and above -s in 5 of 100 cases, so with fewer, what the solver is known to add counts as
 * well: `noise` eps lambda_1.
 *
 * Noise that is not symmetric shows less of itself below 0 than it adds above. Of m eigenvalues that are 0,
 * half become negative; true ones near them are positive. Symmetric noise shows less than a third by chance
 * in 3 of 100 cases at m = 24 and 4 of 1000 at m = 64; noise whose mean is s, 16 of 100 of which are
 * negative, a third or more in 3 of 100 and 2 of 10000. */
#define RKV_NEGATIVES_ENOUGH 8
#define RKV_LEARNED_NOISE    0.02 /* at least, of which as much is not seen below 0 in a graded matrix */

RKV_EVERYWHERE double rkv_gram_delta(const rkv_noise_seen *seen, double largest_sigma, double noise) {
    bool enough = seen->negative >= RKV_NEGATIVES_ENOUGH && 3 * seen->negative >= seen->near;
    double known = enough ? fmin(noise, RKV_LEARNED_NOISE) : noise;
    return fmax(seen->depth, known * DBL_EPSILON * largest_sigma * largest_sigma);
}

RKV_EVERYWHERE void rkv_add_move(const rkv_rank_noise *noise, double sigma, double *squares, double *biased) {
    double p = fmax(sigma, noise->least) / noise->total;
    double weight = fabs(log(p) + noise->entropy) / noise->total;
    bool above = sigma * sigma > noise->delta;
    double spread = weight * (above ? noise->delta / (2 * sigma) : (1 - noise->bias) * noise->least);
    *squares += spread * spread;
    if (!above) *biased += weight * noise->bias * noise->least;
}

#endif
