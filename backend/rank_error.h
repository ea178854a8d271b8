/* rank_error.h: how far an effective rank may be off for the way in which its singular values were made. */
#ifndef RKV_BACKEND_RANK_ERROR_H
#define RKV_BACKEND_RANK_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* Turns the eigenvalues [n] of a Gram matrix, in any order, into singular values, descending, in place.
 * Returns an estimate of the relative error of the effective rank that comes with squaring the matrix; NaN,
 * and no order, where one of them is NaN. noise: what the eigenvalue solver is known to add to small
 * eigenvalues, in units of eps times the largest; for spectra that do not show it themselves (rank_terms.h).
 */
double rkv_sigma_of_gram(double *values, size_t n, double noise);

/* LAPACK's dsyevd with 'L' on attention (rank_error.c has the measurement). */
#define RKV_LAPACK_GRAM_NOISE 0.02

/* Whether the squares of sigma [n] sum to the squared Frobenius norm (rank_terms.h). */
bool rkv_sigma_identity_holds(const double *sigma, size_t n, double squared_norm);

#endif
