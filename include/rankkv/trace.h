/* trace.h: trace.h5, the attention of a whole prompt in HDF5 (layout: docs/FORMATS.md).
 *
 * A trace written by any tool in this layout is a valid input: RankKV then works for models that it does not
 * run. */
#ifndef RANKKV_TRACE_H
#define RANKKV_TRACE_H

#include <rankkv/analysis.h>
#include <rankkv/budget.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rkv_trace_dtype { RKV_FLOAT16, RKV_FLOAT32 } rkv_trace_dtype;

/* ---- writing ---- */

typedef struct rkv_trace_writer rkv_trace_writer;

/* Bytes of attention that a trace takes before compression (the lower triangle in whole 256 x 256 chunks). */
RKV_API uint64_t rkv_trace_estimate_bytes(const rkv_model_info *model, size_t n_tokens,
                                          rkv_trace_dtype dtype);

/* Creates path's temporary neighbour. tokens [T] and token_text [T] (UTF-8, may be NULL) are copied into the
 * file. RKV_CANNOT_CREATE: not writable, or the free space is below the estimate (both numbers are named). */
RKV_API rkv_status rkv_trace_create(rkv_trace_writer **out, const char *path, const rkv_model_info *model,
                                    const int32_t *tokens, char *const *token_text, size_t n_tokens,
                                    rkv_trace_dtype dtype);

/* Compresses and writes one layer's attention, layer 0 first; has the form of an rkv_layer_fn (user is the
 * rkv_trace_writer). */
RKV_API rkv_status rkv_trace_write_layer(void *writer, const rkv_layer *layer);

/* Adds effective_rank, metrics, layer_rank and budgets (either may be NULL), syncs and renames into place.
 * The writer is freed whatever the result; on failure nothing is left behind. */
RKV_API rkv_status rkv_trace_finish(rkv_trace_writer *writer, const rkv_analysis *analysis,
                                    const rkv_budget *budget);
/* Gives up: removes the temporary file. NULL is fine. */
RKV_API void rkv_trace_abandon(rkv_trace_writer *writer);

/* ---- reading ---- */

typedef struct rkv_trace rkv_trace;

/* Opens a trace read-only and checks its layout, in a short-lived child process: the HDF5 library crashes on
 * some damaged files. RKV_NO_INPUT; RKV_DATA names file, dataset, value and limit; RKV_UNAVAILABLE when no
 * process can be started. */
RKV_API rkv_status rkv_trace_open(rkv_trace **out, const char *path);
RKV_API void rkv_trace_close(rkv_trace *trace);

/* Borrowed: model (head_dim and n_ff may be 0), T, tokens [T] and their text [T] (either may be NULL). */
RKV_API const rkv_model_info *rkv_trace_model(const rkv_trace *trace);
RKV_API size_t rkv_trace_n_tokens(const rkv_trace *trace);
RKV_API const int32_t *rkv_trace_tokens(const rkv_trace *trace);
RKV_API char *const *rkv_trace_token_text(const rkv_trace *trace);
RKV_API rkv_trace_dtype rkv_trace_get_dtype(const rkv_trace *trace);

/* Reads the attention of head `head` of layer `layer` into attention [T, T] (the caller's), as float32.
 * Threads may read the same trace at once. RKV_DATA: damaged; RKV_IO. */
RKV_API rkv_status rkv_trace_read_head(const rkv_trace *trace, size_t layer, size_t head, float *attention);

/* effective_rank [L, H] when the file has it: copied to erank (the caller's) and true; else false. */
RKV_API bool rkv_trace_read_erank(const rkv_trace *trace, double *erank);

/* Analyses a trace's stored attention as rkv_analyze does a prompt's; keys and values are unknown, so erank_k
 * and erank_v are not measured. RKV_DATA: a row that does not sum to 1 within 2^-7 (bfloat16's rounding), a
 * value out of 0..1. */
RKV_API rkv_status rkv_analyze_trace(rkv_analysis **out, const rkv_trace *trace,
                                     const rkv_analyze_options *options);

#ifdef __cplusplus
}
#endif
#endif
