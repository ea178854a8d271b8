/* cpu_cached.h: one KV head's entries as the products of attention see them, whatever form they are kept in.
 *
 * An entry's key is its row times the basis, turned by its place where the task says so. What is not turned
 * need not be made: q . (row basis) = (basis q) . row, so queries are projected instead of keys; and the
 * values' basis is applied once, to their mixture. */
#ifndef RKV_BACKEND_CPU_CACHED_H
#define RKV_BACKEND_CPU_CACHED_H

#include "backend/backend.h"
#include "backend/cpu_gemm.h"

/* Entries that are decoded together: their float32 stays in the first-level cache. */
#define RKV_CACHED_TILE ((size_t)64)

typedef struct rkv_cached_view {
    const rkv_cached_attention *task;
    const rkv_cached_head *head;
    size_t n;
    size_t key_width, value_width;   /* of the vectors below */
    size_t key_stride, value_stride; /* the same in whole lanes; zeros between */
    bool expand;                     /* keys go through their basis */
    const rkv_tile *tile;
    float *panels; /* [rank, whole(D)] the keys' basis where expand; NULL elsewhere */
} rkv_cached_view;

/* lanes: what rows are padded to. */
rkv_status rkv_cached_view_open(rkv_cached_view *entries, const rkv_cached_attention *task, size_t head,
                                size_t lanes);
void rkv_cached_view_close(rkv_cached_view *entries);

/* Keys of entries [first, first + n), n <= RKV_CACHED_TILE, as rows *ld apart: where they lie, or in room
 * [2, RKV_CACHED_TILE, widest stride]. */
const float *rkv_cached_view_keys(const rkv_cached_view *entries, size_t first, size_t n, float *room,
                                  size_t *ld);
const float *rkv_cached_view_values(const rkv_cached_view *entries, size_t first, size_t n, float *room,
                                    size_t *ld);

/* How many keys, from the first on, can be multiplied as the codes that they are stored as; values all can
 * that are stored so. */
size_t rkv_cached_view_n_coded_keys(const rkv_cached_view *entries);

/* The query q [D] that stands at `place`, to be multiplied with those keys: to [key_stride]. */
void rkv_cached_view_query(const rkv_cached_view *entries, const float *q, size_t place, float *to);
/* From a mixture of those values [value_width] to an output [D]. */
void rkv_cached_view_output(const rkv_cached_view *entries, const float *mixture, float *to);

/* The widest stride of any of the heads. */
size_t rkv_cached_view_widest(const rkv_cached_view *entries, size_t n_heads);

/* cpu_cached_one.c, cpu_cached_many.c: the task for one new token, and for several. */
rkv_status rkv_attend_cached_one(const rkv_cached_attention *task);
rkv_status rkv_attend_cached_many(const rkv_cached_attention *task);

#endif
