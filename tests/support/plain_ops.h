/* plain_ops.h: the operations of a backend as plain loops in float64: the specification that every backend is
 * held to. Arguments as in backend/backend.h. */
#ifndef RKV_TESTS_PLAIN_OPS_H
#define RKV_TESTS_PLAIN_OPS_H

#include "backend/backend.h"

void plain_rms_norm(const float *x, const float *weight, size_t n_tokens, size_t width, float eps, double *y);
void plain_matmul(const float *x, const float *w, size_t m, size_t n, size_t k, const float *add, double *y);
/* to as before, with what `project` (back: `expand`) puts there. Pointers are host memory. */
void plain_basis(const rkv_basis_rows *list, size_t width, bool back, double *to);
void plain_split_rotate(const float *qkv, const float *bias, const float *rotation, rkv_rope_pairing pairing,
                        const rkv_attention_shape *shape, double *q, double *k, double *v);
void plain_attention(const float *q, const float *k, const float *v, const rkv_attention_shape *shape,
                     double *attention, double *out);
/* out [m, H D]; sums[g] [H/G, n] is set to the attention received, for every head (not increased). */
void plain_attend_cached(const rkv_cached_attention *task, double *out, double *const *sums);
void plain_attention_rows(const float *q, const int32_t *query_position, size_t m, const float *k,
                          const int32_t *position, size_t n, size_t head_dim, double *p);
/* plain_scores.c: of one head */
double plain_row_norm(const float *row, size_t width);
/* gram [width, width] = rows^T rows; size: the same of absolute values. */
void plain_gram(const float *rows, size_t n, size_t width, double *gram, double *size);
/* cosine [n] of rows [n, width] to the mean of their directions; those whose norm is not above 0 have none.
 */
void plain_mean_cosines(const float *rows, size_t n, size_t width, double *cosine);
/* logit [n]; size [n]: the same of absolute values. squares [D, D] or NULL. */
void plain_expected_logits(const float *mean, const float *squares, const float *k, size_t n, size_t head_dim,
                           double *logit, double *size);
/* mean [n] over the queries of plain_attention_rows. */
void plain_attention_mean(const float *q, const int32_t *query_position, size_t m, const float *k,
                          const int32_t *position, size_t n, size_t head_dim, double *mean);

/* As the operation; pointers are host memory. */
double plain_kept_attention(const rkv_kept_attention *task);

/* to [each, n, D] of one list; its rows are host memory. */
void plain_turn_rows(const rkv_turning *task, const rkv_turned_rows *list, double *to);

/* mean [D] and squares [D, D] of one head's queries [skip, m), as the task has them. */
void plain_query_moments(const rkv_query_moments *task, size_t head, double *mean, double *squares);

void plain_swiglu(const float *x, size_t n_tokens, size_t width, double *y);
void plain_row_metrics(const float *attention, size_t n_tokens, const int32_t *ids, rkv_row_metrics *metrics);

/* Singular values of a [rows, cols], descending, by one-sided Jacobi rotations (Hestenes 1958): slow, and
 * exact to rounding even where values differ by many orders of magnitude. */
void plain_singular_values(const float *a, size_t rows, size_t cols, double *sigma);

/* The effective rank of sigma [n], and the relative error of the same sums in float64, in any order. With
 * u = 2^-53: the sum of sigma is off by n u of itself, which moves the entropy H by n u (1 + H); each p ln p
 * has a few roundings, and their sum n more: n u H; exp turns it all into a relative error. H <= ln n. */
double plain_effective_rank(const double *sigma, size_t n);
double plain_effective_rank_tolerance(size_t n);

#endif
