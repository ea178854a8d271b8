/* metrics.c: the metrics of attention rows on the device. */
#include <math.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "cuda/device.h"
#include "cuda/rank_kernels.h"

typedef struct space {
    int32_t *ids;   /* [T] or NULL */
    double *values; /* [RKV_ROW_FIELDS, H, T] */
    double *sums;   /* [RKV_ROW_FIELDS, H] */
    double *host;   /* the same in host memory */
} space;

static rkv_status space_new(rkv_cuda *cuda, size_t n_heads, size_t n_tokens, const int32_t *ids, space *s) {
    size_t n_sums = RKV_ROW_FIELDS * n_heads;
    rkv_status status = rkv_cuda_take(cuda, &s->values, n_sums * n_tokens, sizeof *s->values);
    if (!status) status = rkv_cuda_take(cuda, &s->sums, n_sums, sizeof *s->sums);
    if (!status) status = rkv_alloc_raw(&s->host, n_sums, sizeof *s->host);
    if (!status && ids) status = rkv_cuda_take(cuda, &s->ids, n_tokens, sizeof *s->ids);
    if (!status && ids) status = rkv_cuda_to_device(cuda, s->ids, ids, n_tokens * sizeof *ids);
    return status;
}

static void space_clear(rkv_cuda *cuda, space *s) {
    rkv_cuda_give(cuda, s->ids);
    rkv_cuda_give(cuda, s->values);
    rkv_cuda_give(cuda, s->sums);
    free(s->host);
}

/* Sums over rows become means; ind1's are over the queries whose token occurred before. */
static void finish(const double *sums, size_t n_heads, size_t h, size_t n_tokens, bool has_ids,
                   rkv_row_metrics *m) {
    double rows = (double)n_tokens, sum[RKV_ROW_FIELDS];
    for (size_t f = 0; f < RKV_ROW_FIELDS; f++)
        sum[f] = sums[f * n_heads + h];
    double repeats = sum[RKV_ROW_REPEATS];
    *m = (rkv_row_metrics){.row_perplexity = exp(sum[RKV_ROW_ENTROPY] / rows),
                           .keys_95 = sum[RKV_ROW_KEYS_95] / rows,
                           .sink_4 = sum[RKV_ROW_SINK] / rows,
                           .local_32 = sum[RKV_ROW_LOCAL] / rows,
                           .long_256 = sum[RKV_ROW_LONG] / rows,
                           .ind1 = !has_ids      ? NAN
                                   : repeats > 0 ? sum[RKV_ROW_FOLLOWERS] / repeats
                                                 : 0,
                           .squared_norm = sum[RKV_ROW_SQUARES],
                           .finite = sum[RKV_ROW_OUTSIDE] == 0};
}

rkv_status rkv_cuda_row_metrics(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                                const int32_t *ids, rkv_row_metrics *metrics) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    space s = {0};
    if (!n_heads) return RKV_OK;
    if (n_tokens > INT32_MAX / n_heads)
        return rkv_fail(RKV_USAGE, "%zu heads of %zu tokens have more rows than a device counts", n_heads,
                        n_tokens);
    rkv_status status = space_new(cuda, n_heads, n_tokens, ids, &s);
    rkv_row_metrics_task rows = {attention, s.ids, n_heads, n_tokens, s.values};
    rkv_segment_sums_task sums = {s.values, RKV_ROW_FIELDS * n_heads, n_tokens, s.sums};
    if (!status && n_tokens)
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_row_metrics(&rows, cuda->stream), "row metrics");
    if (!status)
        status = RKV_CUDA_QUEUE(cuda, rkv_launch_segment_sums(&sums, cuda->stream), "sums of row metrics");
    if (!status) status = rkv_cuda_to_host(cuda, s.host, s.sums, sums.segments * sizeof *s.host);
    for (size_t h = 0; !status && h < n_heads; h++)
        finish(s.host, n_heads, h, n_tokens, ids != NULL, &metrics[h]);
    space_clear(cuda, &s);
    return status;
}
