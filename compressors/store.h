/* store.h: keys or values of one head: rows of D numbers, stored as they are or as their coordinates on an
 * orthonormal basis. They lie in the memory of a backend, where attention reads them, or in the host's. */
#ifndef RKV_COMPRESSORS_STORE_H
#define RKV_COMPRESSORS_STORE_H

#include "backend/backend.h"

typedef struct rkv_store {
    rkv_backend *backend; /* in whose memory rows lie; NULL: the host's */
    rkv_rows *rows;
    float *basis;       /* [rank, D] in host memory; NULL: none */
    float *there_basis; /* the same in the rows' memory; where that is the host's, that one */
    bool shares_basis;  /* with the store that it is a copy of */
    size_t rank, width; /* of the rows: D without a basis; D */
} rkv_store;

/* basis NULL or [rank, D], which is copied. rkv_store_clear frees, also after a failure. */
rkv_status rkv_store_init(rkv_store *s, rkv_backend *backend, const rkv_row_format *format, size_t width,
                          const float *basis, size_t rank);
void rkv_store_clear(rkv_store *s);

/* All n rows as float32 [n, D] to the host's memory. */
rkv_status rkv_store_read(const rkv_store *s, size_t n, float *x);

/* What is done with several stores of one memory at once, all of one D. */
#define RKV_STORES_AT_ONCE 32

/* Copies, which those that they are copies of outlive: they share their bases. On failure there are none. */
rkv_status rkv_stores_copy(rkv_store *const *out, const rkv_store *const *stores, size_t n_stores);

/* m[i] rows of x[i], which lies there, to stores[i]. */
rkv_status rkv_stores_append_there(rkv_store *const *stores, const float *const *x, const size_t *m,
                                   size_t n_stores);

/* All rows of stores[i] as float32 to x[i] [.., D], which lies there. */
rkv_status rkv_stores_read_there(const rkv_store *const *stores, float *const *x, size_t n_stores);

/* What the allocators hold, bases of its own included. */
size_t rkv_store_bytes(const rkv_store *s);

#endif
