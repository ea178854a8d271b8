/* layer_ranks.h: the effective ranks and metrics of one layer, put into an analysis. */
#ifndef RKV_ANALYZER_LAYER_RANKS_H
#define RKV_ANALYZER_LAYER_RANKS_H

#include "backend/backend.h"

/* Allocates an analysis of the shape of model and T tokens: metrics [L,H] and [L,G] (the latter only with
 * with_keys_values), layer_rank [L], svd_used [L,H], names. rkv_analysis_free frees. */
rkv_status rkv_analysis_new(rkv_analysis **out, const rkv_model_info *model, size_t n_tokens,
                            bool with_keys_values, const rkv_analyze_options *options);

/* Ranks n layers, `first` and those after it, whose arrays lie one behind the other in device memory of
 * backend; sigma [n, H, T] takes the singular values of their heads, descending. RKV_DATA names layer and
 * head of a value that is not finite; RKV_ERROR when sum sigma^2 = ||A||_F^2 fails with both solvers. */
rkv_status rkv_analysis_rank_layers(rkv_analysis *analysis, rkv_backend *backend, const rkv_layer *first,
                                    size_t n, double *sigma);

#endif
