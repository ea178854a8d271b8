/* norms.c: norms of rows on the device, all heads of a layer in one launch. */
#include <string.h>

#include "cuda/device_scores.h"
#include "cuda/scores.h"

rkv_status rkv_cuda_queue_norms(rkv_cuda *cuda, const rkv_head_rows *heads, size_t n_heads, size_t width,
                                double *norms) {
    rkv_status status = RKV_OK;
    for (size_t first = 0; !status && first < n_heads; first += RKV_BATCH_HEADS) {
        rkv_row_norms_task task = {rkv_head_batch_of(heads, n_heads, first), width, norms};
        norms += task.heads.rows;
        if (task.heads.longest)
            status = RKV_CUDA_QUEUE(cuda, rkv_launch_row_norms(&task, cuda->stream), "norms of rows");
    }
    return status;
}

rkv_status rkv_cuda_row_norms(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                              double *const *norms) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    size_t total = rkv_head_rows_total(heads, n_heads);
    rkv_device_results results = {0};
    if (!total) return RKV_OK;
    rkv_status status = rkv_device_results_new(cuda, total, sizeof **norms, &results);
    if (!status) status = rkv_cuda_queue_norms(cuda, heads, n_heads, width, results.device);
    if (!status) status = rkv_device_results_fetch(cuda, &results);
    const double *from = results.host;
    for (size_t h = 0; !status && h < n_heads; from += heads[h++].n)
        memcpy(norms[h], from, heads[h].n * sizeof *from);
    rkv_device_results_free(cuda, &results);
    return status;
}
