/* plain_cache.h: the plainest attention that a forward pass can be given: every key and value kept in one
 * array, attention by loops in float64. */
#ifndef RKV_TESTS_PLAIN_CACHE_H
#define RKV_TESTS_PLAIN_CACHE_H

#include "model/forward.h"

typedef struct plain_cache {
    rkv_model *model;
    size_t capacity;      /* tokens that fit */
    size_t n;             /* tokens of the passes that are over */
    float *keys, *values; /* [L, G, capacity, D] */
    float *queries;       /* [H, n, D] of the last pass's first layer; NULL until then */
} plain_cache;

plain_cache plain_cache_new(rkv_model *model, size_t capacity);
void plain_cache_clear(plain_cache *cache);

/* Runs ids [n] behind what the cache holds, at positions from `first` on; logits [V] of the last token. Fails
 * the test when the pass fails. */
void plain_cache_run(plain_cache *cache, rkv_forward *forward, const int32_t *ids, size_t n, int64_t first,
                     bool unrotated, float *logits);

/* An rkv_attend_fn whose user is the cache. */
rkv_status plain_cache_attend(void *user, const rkv_projection *projection, float *out);

/* Key or value `token` of a head: [D]. */
float *plain_cache_row(const plain_cache *cache, const float *rows, size_t layer, size_t head, size_t token);

#endif
