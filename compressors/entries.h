/* entries.h: one KV head's cache: keys and values as stored, positions, and the attention each entry
 * received. Keys and values lie where attention reads them and methods score them, in the memory of the
 * model's device; the rest in that of the host.
 *
 *      keys   [n, r]  --.  rows.h: f32, f16, bf16, int8, int4; r = D, or the rank of a basis [r, D]
 *      values [n, r'] --'
 *      positions [n]       ascending
 *      sums [H/G, n]       when a method needs them
 */
#ifndef RKV_COMPRESSORS_ENTRIES_H
#define RKV_COMPRESSORS_ENTRIES_H

#include "compressors/store.h"
#include "model/rope.h"

typedef struct rkv_entries {
    size_t n, head_dim, group; /* entries, D, H/G */
    rkv_store keys, values;
    int32_t *positions; /* [capacity] */
    float *sums;        /* [group, n] in room for group x capacity; NULL: not kept */
    size_t capacity;
} rkv_entries;

/* How a head's keys and values are to be stored, and where; the bases are NULL or [rank, D], and are copied.
 */
typedef struct rkv_entries_format {
    rkv_backend *backend; /* outlives the entries; NULL: host memory */
    rkv_row_format keys, values;
    const float *key_basis, *value_basis;
    size_t key_rank, value_rank;
} rkv_entries_format;

/* An empty list. rkv_entries_clear frees, also after a failure. */
rkv_status rkv_entries_init(rkv_entries *e, const rkv_entries_format *format, size_t head_dim, size_t group,
                            bool keep_sums);
void rkv_entries_clear(rkv_entries *e);
/* Copies of all heads of a layer, which those outlive: they share their bases. rkv_entries_clear frees them,
 * also after a failure. */
rkv_status rkv_entries_copy_all(rkv_entries *out, const rkv_entries *heads, size_t n_heads);

/* What is added to a head, with keys and values [n, D] in the rows' memory. */
typedef struct rkv_new_entries {
    size_t n;
    const float *keys, *values;
    const int32_t *positions; /* [n], above those there */
    const float *sums;        /* [group, n], or NULL: 0 */
} rkv_new_entries;

/* To each head of a layer its own. */
rkv_status rkv_entries_append_each_there(rkv_entries *heads, const rkv_new_entries *more, size_t n_heads);

/* To each as many, at the same positions: keys and values [n_heads, m, D]; sums are 0. */
rkv_status rkv_entries_append_all_there(rkv_entries *heads, size_t n_heads, const float *keys,
                                        const float *values, const int32_t *positions, size_t m);

/* Keeps the entries index [n], ascending, and gives the memory of the others back. It fails where a device is
 * out of order: the entries can then only be cleared. */
rkv_status rkv_entries_keep(rkv_entries *e, const uint32_t *index, size_t n);
/* The same of all heads of a layer: the entries index[g] [n[g]] of heads[g]. */
rkv_status rkv_entries_keep_all(rkv_entries *heads, size_t n_heads, const uint32_t *const *index,
                                const size_t *n);

/* Frees the sums: no method wants them any more. */
void rkv_entries_drop_sums(rkv_entries *e);

/* Entries as float32 in host memory: keys and values [n, D], either may be NULL. */
rkv_status rkv_entries_read(const rkv_entries *e, float *keys, float *values);

/* The same into the memory that the rows lie in. */
rkv_status rkv_entries_read_there(const rkv_entries *e, float *keys, float *values);
/* The same of all heads of a layer: keys[g] and values[g] [heads[g].n, D]. */
rkv_status rkv_entries_read_all_there(const rkv_entries *heads, size_t n_heads, float *const *keys,
                                      float *const *values);

/* What the allocators hold, the host's and the device's: of keys and values with their bases, and of
 * everything. */
size_t rkv_entries_kv_bytes(const rkv_entries *e);
size_t rkv_entries_bytes(const rkv_entries *e);
/* Of it, what methods score with. */
size_t rkv_entries_state_bytes(const rkv_entries *e);

#endif
