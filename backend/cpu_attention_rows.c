/* cpu_attention_rows.c: the attention of some queries over one head's keys, by position; one thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/cpu_gemm.h"
#include "backend/cpu_stream.h"
#include "backend/simd_math.h"
#include "core/memory.h"
#include "core/simd.h"

/* Keys that lie in panels at a time: a whole number of panels, about the second-level cache's half. */
#define CHUNK ((size_t)1024)

/* Up to so many queries read the keys as they lie, so many at a time that they stay in the first-level cache:
 * packing would cost more than it saves. */
#define FEW_QUERIES ((size_t)96)
#define FEW_KEYS    ((size_t)64)

/* p [n] = softmax(scale row [n]) over the keys that the query may see; 0 elsewhere, and everywhere when it
 * sees none. p is row; what lies there for keys out of sight is not looked at. */
RKV_CLONES static void softmax_visible(const int32_t *position, int32_t query, size_t n, float scale,
                                       float *p) {
    float largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        p[i] = position[i] <= query ? p[i] : -INFINITY;
#pragma omp simd reduction(max : largest)
    for (size_t i = 0; i < n; i++)
        largest = p[i] > largest ? p[i] : largest;
    float shift = largest > -INFINITY ? largest : 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += p[i] = rkv_exp((p[i] - shift) * scale);
    float inverse = sum > 0 ? 1.0f / sum : sum; /* a NaN goes on */
    for (size_t i = 0; i < n; i++)
        p[i] *= inverse;
}

static void score_few(const rkv_stream *stream, const float *q, size_t m, const float *k, size_t n, size_t d,
                      float *p) {
    for (size_t j = 0; j < n; j += FEW_KEYS)
        stream->dots(q, d, m, k + j * d, d, n - j < FEW_KEYS ? n - j : FEW_KEYS, d, p + j, n);
}

static int32_t least_of(const int32_t *x, size_t n) {
    int32_t least = x[0];
    for (size_t i = 1; i < n; i++)
        least = x[i] < least ? x[i] : least;
    return least;
}

/* Scores by way of panels, keys by keys: queries before the first that sees a key of the chunk are left out,
 * which halves the work of a whole prompt's queries. */
static rkv_status score_packed(const float *q, const int32_t *query_position, size_t m, const float *k,
                               const int32_t *position, size_t n, size_t d, float *p) {
    const rkv_tile *tile = rkv_tile_best();
    float *panels = NULL;
    size_t most = rkv_whole_panels(tile, n < CHUNK ? n : CHUNK);
    rkv_status status = rkv_alloc(&panels, most, d * sizeof *panels);
    if (status) return status;
    for (size_t j = 0; j < n; j += CHUNK) {
        size_t count = n - j < CHUNK ? n - j : CHUNK, first = 0;
        int32_t least = least_of(position + j, count);
        while (first < m && query_position[first] < least)
            first++;
        rkv_pack_transposed(tile, k + j * d, count, d, panels, 0);
        if (first < m)
            rkv_gemm(tile, q + first * d, d, m - first, (rkv_panels){panels, d * tile->panel, tile->panel},
                     count, d, p + first * n + j, n, false);
    }
    free(panels);
    return RKV_OK;
}

rkv_status rkv_cpu_attention_rows(rkv_backend *backend, const float *q, const int32_t *query_position,
                                  size_t m, const float *k, const int32_t *position, size_t n,
                                  size_t head_dim, float *p) {
    (void)backend;
    const rkv_stream *stream = rkv_stream_best();
    rkv_status status = RKV_OK;
    if (m <= FEW_QUERIES && head_dim % stream->lanes == 0)
        score_few(stream, q, m, k, n, head_dim, p);
    else
        status = score_packed(q, query_position, m, k, position, n, head_dim, p);
    for (size_t i = 0; !status && i < m; i++)
        softmax_visible(position, query_position[i], n, 1.0f / sqrtf((float)head_dim), p + i * n);
    return status;
}
