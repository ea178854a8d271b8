/* observation.c: new queries in host memory, for methods that look at numbers. */
#include "compressors/observation.h"

#include <stdlib.h>

#include "core/memory.h"

/* index [H, count]: the newest of each head's m queries. */
static rkv_status list_newest(size_t n_heads, size_t m, size_t count, uint32_t **index) {
    rkv_status status = rkv_alloc_raw(index, n_heads * count, sizeof **index);
    for (size_t i = 0; !status && i < n_heads * count; i++)
        (*index)[i] = (uint32_t)(i / count * m + m - count + i % count);
    return status;
}

/* host [H, count, D], brought together on the device first. */
static rkv_status download_newest(const rkv_observation *from, const rkv_attention_shape *shape, size_t count,
                                  float *host) {
    rkv_backend *b = from->backend;
    size_t n = shape->n_heads * count, d = shape->head_dim;
    uint32_t *index = NULL;
    float *together = NULL;
    rkv_status status = list_newest(shape->n_heads, from->m, count, &index);
    if (!status) status = b->ops->alloc(b, &together, n * d);
    if (!status) status = b->ops->gather(b, from->q, d, index, n, together);
    if (!status) status = b->ops->download(b, host, together, n * d);
    b->ops->release(b, together);
    free(index);
    return status;
}

rkv_status rkv_newest_queries_take(rkv_newest_queries *out, const rkv_observation *new_queries,
                                   const rkv_attention_shape *shape, size_t count) {
    rkv_backend *b = new_queries->backend;
    size_t m = new_queries->m, n = shape->n_heads * count * shape->head_dim;
    if (b->host_memory) {
        *out = (rkv_newest_queries){new_queries->q + (m - count) * shape->head_dim, m, NULL};
        return RKV_OK;
    }
    *out = (rkv_newest_queries){.stride = count};
    rkv_status status = rkv_alloc_raw(&out->copy, n, sizeof *out->copy);
    out->q = out->copy;
    if (status) return status;
    if (count == m) return b->ops->download(b, out->copy, new_queries->q, n);
    return download_newest(new_queries, shape, count, out->copy);
}

void rkv_newest_queries_clear(rkv_newest_queries *newest) {
    free(newest->copy);
    *newest = (rkv_newest_queries){0};
}
