/* rank_error.h: how far an effective rank may be off for the way in which its singular values were made. */
#ifndef RKV_BACKEND_RANK_ERROR_H
#define RKV_BACKEND_RANK_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* Largest acceptable estimate: half the promise of 1e-6, the other half being left for everything else. */
#define RKV_RANK_ERROR_LIMIT 5e-7

/* Turns the eigenvalues [n] of a Gram matrix, in any order, into singular values, descending, in place.
 * Returns an estimate of the relative error of the effective rank that comes with squaring the matrix. noise:
 * what the eigenvalue solver is known to add to small eigenvalues, in units of eps times the largest. */
double rkv_sigma_of_gram(double *values, size_t n, double noise);

/* LAPACK's dsyevd with 'L' on attention (rank_error.c has the measurement). */
#define RKV_LAPACK_GRAM_NOISE 0.02

/* Whether the squares of sigma [n] sum to the squared Frobenius norm, which is summed without any solver.
 * Either side carries the rounding of n-term sums and of a backward stable factorisation: at most a small
 * multiple of n eps. */
bool rkv_sigma_identity_holds(const double *sigma, size_t n, double squared_norm);

/* The relative error of the effective rank of sigma [n], descending, when each of them may be off by `shift`
 * in the same direction. */
double rkv_rank_error_of_shift(const double *sigma, size_t n, double shift);

#endif
