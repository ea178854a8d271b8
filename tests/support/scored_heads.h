/* scored_heads.h: a layer's heads in a backend's memory with everything that the operations which selections
 * score entries with take and give, and those operations as a table. */
#ifndef RKV_TESTS_SCORED_HEADS_H
#define RKV_TESTS_SCORED_HEADS_H

#include "backend/backend.h"

typedef struct scored_heads {
    rkv_backend *backend;
    size_t n_kv_heads, each, width, m; /* each: query heads of a KV head */
    rkv_head_rows *heads;              /* [G], each in memory of its own */
    float **rows;                      /* [G] -> [n, width] the same in host memory */
    int32_t **positions;               /* [G] -> [n] ascending, with gaps */
    float *q, *device_q;               /* [H, m, width] */
    int32_t *query_position;           /* [m] ascending, the first below all keys' */
    float *mean, *squares;             /* [H, width]; [H, width, width] symmetric, NULL: zeros */
    float *gathered;                   /* [n of head 0, width] device memory */
    uint32_t *index;                   /* [n_index] of head 0's rows */
    size_t n_index;
    uint8_t *kept; /* [n of head 0] */
    size_t window;

    /* What operations give. */
    double **norms;  /* [G] -> [n] */
    float **cosines; /* [G] -> [n] */
    double **gram;   /* [G] -> [width, width] */
    float **results; /* [H] -> [n] */
    double sum;      /* of head 0 */
    rkv_query_moments moments;
} scored_heads;

/* Lengths and the number of queries; head g has length[g % n_lengths] rows. Rows are uniform in [-1, 1) but
 * for zero rows here and there, queries in [-30, 30), so that some rows of attention are nearly one-hot. */
typedef struct scored_shape {
    size_t n_kv_heads, each, width, m;
    const size_t *length;
    size_t n_lengths;
} scored_shape;

scored_heads scored_heads_new(rkv_backend *backend, const scored_shape *shape);
void scored_heads_free(scored_heads *s);

/* Number i of head g's row j becomes x, here and on the device. */
void scored_heads_set(scored_heads *s, size_t g, size_t j, size_t i, float x);

/* What is asked of head 0, with queries and keys in device memory. */
rkv_kept_attention scored_heads_kept(const scored_heads *s);

/* The operations; b is the heads' backend, or a rehearsal of it. */
typedef struct scored_operation {
    const char *name;
    rkv_status (*run)(rkv_backend *b, scored_heads *s);
} scored_operation;
extern const scored_operation scored_operations[];
extern const size_t n_scored_operations;

/* Runs the one of this name on the heads' backend: RKV_OK, or the test fails. */
void scored_heads_run(scored_heads *s, const char *name);

#endif
