/* device_scores.c: heads in batches, and results on their way to the host. */
#include "cuda/device_scores.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

rkv_head_batch rkv_head_batch_of(const rkv_head_rows *heads, size_t n_heads, size_t first) {
    rkv_head_batch batch = {.n_heads = n_heads - first < RKV_BATCH_HEADS ? n_heads - first : RKV_BATCH_HEADS};
    for (size_t i = 0; i < batch.n_heads; i++) {
        size_t n = heads[first + i].n;
        batch.head[i] = (rkv_batch_head){heads[first + i].rows, n, batch.rows};
        batch.rows += n;
        batch.longest = n > batch.longest ? n : batch.longest;
    }
    return batch;
}

size_t rkv_head_rows_total(const rkv_head_rows *heads, size_t n_heads) {
    size_t total = 0;
    for (size_t i = 0; i < n_heads; i++)
        total += heads[i].n;
    return total;
}

rkv_status rkv_device_results_new(rkv_cuda *cuda, size_t count, size_t size, rkv_device_results *out) {
    *out = (rkv_device_results){.bytes = count * size};
    rkv_status status = rkv_alloc_raw(&out->host, count, size);
    return status ? status : rkv_cuda_take(cuda, &out->device, count, size);
}

rkv_status rkv_device_results_fetch(rkv_cuda *cuda, const rkv_device_results *results) {
    return rkv_cuda_to_host(cuda, results->host, results->device, results->bytes);
}

void rkv_query_heads_spread(const float *from, const rkv_head_rows *keys, size_t n_heads, size_t n_kv_heads,
                            float *const *to) {
    for (size_t h = 0; h < n_heads; h++) {
        size_t n = keys[h * n_kv_heads / n_heads].n;
        memcpy(to[h], from, n * sizeof *from);
        from += n;
    }
}

void rkv_device_results_free(rkv_cuda *cuda, rkv_device_results *results) {
    rkv_cuda_give(cuda, results->device);
    free(results->host);
    *results = (rkv_device_results){0};
}
