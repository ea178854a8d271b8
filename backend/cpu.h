/* cpu.h: the operations of the CPU backend, one file per family; contracts in backend.h. */
#ifndef RKV_BACKEND_CPU_H
#define RKV_BACKEND_CPU_H

#include "backend/backend.h"

/* cpu_forward.c */
rkv_status rkv_cpu_rms_norm(rkv_backend *backend, const float *x, const float *weight, size_t n_tokens,
                            size_t width, float eps, float *y);
rkv_status rkv_cpu_split_rotate(rkv_backend *backend, const float *qkv, const float *bias,
                                const float *rotation, rkv_rope_pairing pairing,
                                const rkv_attention_shape *shape, float *q, float *k, float *v);
rkv_status rkv_cpu_swiglu(rkv_backend *backend, const float *x, size_t n_tokens, size_t width, float *y);
rkv_status rkv_cpu_fold_logits(rkv_backend *backend, const float *logits, size_t n_tokens, size_t n,
                               size_t first, const int32_t *target, double *maximum, double *sum,
                               double *target_logit);

/* cpu_matrix.c */
rkv_status rkv_cpu_matrix_new(rkv_backend *backend, rkv_weight_form form, size_t n, size_t k,
                              rkv_matrix **out);
rkv_status rkv_cpu_matrix_put(rkv_backend *backend, rkv_matrix *matrix, size_t first, size_t rows,
                              const void *host);
void rkv_cpu_matrix_free(rkv_backend *backend, rkv_matrix *matrix);
rkv_status rkv_cpu_matmul(rkv_backend *backend, const float *x, size_t m, const rkv_matrix *matrix,
                          size_t first, size_t rows, bool accumulate, float *y);

/* cpu_matvec.c */
rkv_status rkv_cpu_matvec(rkv_backend *backend, const float *x, size_t k, const rkv_file_matrix *part,
                          size_t n, bool accumulate, float *y);

/* cpu_attention.c */
rkv_status rkv_cpu_attention(rkv_backend *backend, const float *q, const float *k, const float *v,
                             const rkv_attention_shape *shape, float *attention,
                             const rkv_attention_sums *sums, float *out);

/* cpu_cached.c */
rkv_status rkv_cpu_rows_new(rkv_backend *backend, const rkv_row_format *format, size_t width, rkv_rows **out);
rkv_status rkv_cpu_attend_cached(rkv_backend *backend, const rkv_cached_attention *task);

/* cpu_project.c */
rkv_status rkv_cpu_project(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width);
rkv_status rkv_cpu_expand(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width);

/* cpu_attention_rows.c: p [m, n] = softmax(q k^T / sqrt(D)) of one head's queries q [m, D] over keys k [n,
 * D], of which query i sees those whose position is at most query_position[i] (none: a row of zeros). It may
 * be called from several threads at once. */
rkv_status rkv_cpu_attention_rows(rkv_backend *backend, const float *q, const int32_t *query_position,
                                  size_t m, const float *k, const int32_t *position, size_t n,
                                  size_t head_dim, float *p);

/* cpu_attention_means.c */
rkv_status rkv_cpu_attention_means(rkv_backend *backend, const rkv_attention_means *task);

/* cpu_kept_attention.c */
rkv_status rkv_cpu_kept_attention(rkv_backend *backend, const rkv_kept_attention *task, double *sum);

/* cpu_expected_logits.c */
rkv_status rkv_cpu_expected_logits(rkv_backend *backend, const rkv_expected_logits *task);

/* cpu_query_moments.c */
rkv_status rkv_cpu_query_moments(rkv_backend *backend, const rkv_query_moments *task);

/* cpu_gram.c */
rkv_status rkv_cpu_gram(rkv_backend *backend, const rkv_head_rows *lists, size_t n_lists, size_t width,
                        double *const *gram);

/* cpu_turn.c */
rkv_status rkv_cpu_turn(rkv_backend *backend, const rkv_turning *task);

/* cpu_scores.c */
rkv_status rkv_cpu_row_norms(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                             double *const *norms);
rkv_status rkv_cpu_mean_cosines(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads,
                                size_t width, float *const *cosines);
rkv_status rkv_cpu_gather(rkv_backend *backend, const float *from, size_t width, const uint32_t *index,
                          size_t n, float *to);

/* cpu_singular.c */
rkv_status rkv_cpu_singular_values(rkv_backend *backend, const rkv_singular_task *task);

/* cpu_metrics.c */
rkv_status rkv_cpu_row_metrics(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                               const int32_t *ids, rkv_row_metrics *metrics);
rkv_status rkv_cpu_head_mean(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                             float *mean);

/* cpu_blas.c: what OpenBLAS chose, and its threads. */
const char *rkv_cpu_blas_name(void);
int rkv_cpu_blas_threads(int n); /* returns what it was before */

#endif
