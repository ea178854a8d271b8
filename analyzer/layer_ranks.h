/* layer_ranks.h: the effective ranks and metrics of one layer, put into an analysis. */
#ifndef RKV_ANALYZER_LAYER_RANKS_H
#define RKV_ANALYZER_LAYER_RANKS_H

#include "backend/backend.h"

/* Allocates an analysis of the shape of model and T tokens: metrics [L,H] and [L,G] (the latter only with
 * with_keys_values), layer_rank [L], svd_used [L,H], names. rkv_analysis_free frees. */
rkv_status rkv_analysis_new(rkv_analysis **out, const rkv_model_info *model, size_t n_tokens,
                            bool with_keys_values, const rkv_analyze_options *options);

/* Ranks one layer; sigma [H, T] takes the singular values of its heads, descending. layer's arrays are device
 * memory of backend. RKV_DATA names layer and head of a value that
 * is not finite; RKV_ERROR when sum sigma^2 = ||A||_F^2 fails with both solvers. */
rkv_status rkv_analysis_rank_layer(rkv_analysis *analysis, rkv_backend *backend, const rkv_layer *layer,
                                   double *sigma);

#endif
