/* cached.h: attention over cached keys and values: the tasks of its kernels, and the functions that queue
 * them. Pointers are device memory; letters as in backend/backend.h.
 *
 *     entries of a head     | chunk 0 | chunk 1 | ... |             RKV_ATTEND_CHUNK each
 *     rows of its queries   | query 0's H/G heads | query 1's | ...
 *
 * A block of the first kernel has one chunk and some rows: it decodes the chunk's keys and values once for
 * all of them and leaves each row's part of the softmax. The second puts a row's parts together, in the order
 * of the chunks: so a row's result depends on its own head's entries alone. The third makes what each entry
 * received. */
#ifndef RKV_CUDA_CACHED_H
#define RKV_CUDA_CACHED_H

#include <cuda_runtime_api.h>
#include <stddef.h>

#include "core/everywhere.h"
#include "cuda/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RKV_ATTEND_CHUNK  64
#define RKV_ATTEND_HEADS  16  /* of a launch: a kernel's task has 4 KB at most */
#define RKV_ATTEND_WIDEST 256 /* numbers of a head vector, or of a row */

/* Rows of queries that share a block: fewer where they are wide. */
#define RKV_ATTEND_ROWS       16
#define RKV_ATTEND_ROWS_WIDE  8
#define RKV_ATTEND_WIDE_ABOVE 128

/* What a chunk leaves of a row: the maximum of its logits, the sum of exp(logit - maximum), and the mixture
 * of values [width of the values' rows] with those weights. */
enum { RKV_PART_MAXIMUM, RKV_PART_SUM, RKV_PART_MIXTURE };

/* One KV head; rows are those of the queries at hand. */
typedef struct rkv_attend_head {
    rkv_rows_view keys, values;
    const float *key_basis, *value_basis; /* [width of the rows, D] or NULL */
    float *parts;                         /* [rows, chunks, RKV_PART_MIXTURE + width of the values] */
    float *logits;                        /* [rows, n]; NULL: nobody wants sums */
    float *totals;                        /* [rows, 2]: maximum and sum over all chunks; NULL with logits */
    float *sums;                          /* [H/G, n]; NULL with logits */
} rkv_attend_head;

typedef struct rkv_attend_task {
    const float *q, *rotation; /* [H, m, D]; NULL or [longest n, D/2, 2] */
    float *out;                /* [m, H D] */
    size_t n_tokens, n_heads, head_dim;
    unsigned each;         /* H/G */
    size_t first, queries; /* of the m: those at hand */
    size_t first_kv_head, n_kv_heads;
    unsigned rows;  /* that share a block */
    int adjacent;   /* pairs of the rotation are (0,1),(2,3)..; else (0,D/2),(1,D/2+1).. */
    size_t longest; /* n of any of the heads */
    float scale;    /* of the logits */
    rkv_attend_head heads[RKV_ATTEND_HEADS];
} rkv_attend_task;

RKV_EVERYWHERE size_t rkv_attend_chunks(size_t entries) {
    return (entries + RKV_ATTEND_CHUNK - 1) / RKV_ATTEND_CHUNK;
}

/* The query of a row stands at this place of the head's list: it sees the entries up to there. */
RKV_EVERYWHERE size_t rkv_attend_place(const rkv_attend_task *t, const rkv_attend_head *h, unsigned row) {
    return h->keys.n - t->n_tokens + t->first + row / t->each;
}

/* A row's query among the [H, m]. */
RKV_EVERYWHERE size_t rkv_attend_query(const rkv_attend_task *t, size_t kv_head, unsigned row) {
    return ((t->first_kv_head + kv_head) * t->each + row % t->each) * t->n_tokens + t->first + row / t->each;
}

/* What the chunk leaves of the row. */
RKV_EVERYWHERE float *rkv_attend_part(const rkv_attend_head *h, unsigned row, size_t chunk) {
    return h->parts +
           (row * rkv_attend_chunks(h->keys.n) + chunk) * (RKV_PART_MIXTURE + h->values.layout.width);
}

/* All of them take the same task, in this order. sums is increased, but by the first queries, which set it.
 */
cudaError_t rkv_launch_attend_chunks(const rkv_attend_task *task, cudaStream_t stream);
cudaError_t rkv_launch_attend_merge(const rkv_attend_task *task, cudaStream_t stream);
cudaError_t rkv_launch_attend_sums(const rkv_attend_task *task, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
