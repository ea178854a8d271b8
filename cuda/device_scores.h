/* device_scores.h: what the operations that selections score entries with share on the host's side: some
 * heads at a time, and results that come to the host in one copy. */
#ifndef RKV_CUDA_DEVICE_SCORES_H
#define RKV_CUDA_DEVICE_SCORES_H

#include "cuda/device.h"
#include "cuda/head_batch.h"

/* The heads [first, n_heads), or as many of them as a launch takes. */
rkv_head_batch rkv_head_batch_of(const rkv_head_rows *heads, size_t n_heads, size_t first);

/* Rows of all heads. */
size_t rkv_head_rows_total(const rkv_head_rows *heads, size_t n_heads);

/* Results in device memory, and room for their copy. */
typedef struct rkv_device_results {
    void *device, *host;
    size_t bytes;
} rkv_device_results;

/* count results of `size` bytes; free takes what new left on failure, and zeros. */
rkv_status rkv_device_results_new(rkv_cuda *cuda, size_t count, size_t size, rkv_device_results *out);
rkv_status rkv_device_results_fetch(rkv_cuda *cuda, const rkv_device_results *results);
/* Numbers of each query head, one head after the other: to [n_heads] -> [n of its KV head's keys]. */
void rkv_query_heads_spread(const float *from, const rkv_head_rows *keys, size_t n_heads, size_t n_kv_heads,
                            float *const *to);
void rkv_device_results_free(rkv_cuda *cuda, rkv_device_results *results);

#endif
