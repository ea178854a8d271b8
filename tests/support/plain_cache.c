/* plain_cache.c: the plainest attention that a forward pass can be given. */
#include "support/plain_cache.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

plain_cache plain_cache_new(rkv_model *model, size_t capacity) {
    const rkv_config *c = &model->config;
    size_t floats = c->n_layers * c->n_kv_heads * capacity * c->head_dim;
    plain_cache cache = {.model = model, .capacity = capacity};
    cache.keys = malloc(floats * sizeof(float));
    cache.values = malloc(floats * sizeof(float));
    assert_true(cache.keys && cache.values);
    return cache;
}

void plain_cache_clear(plain_cache *cache) {
    free(cache->keys);
    free(cache->values);
    free(cache->queries);
    *cache = (plain_cache){0};
}

float *plain_cache_row(const plain_cache *cache, const float *rows, size_t layer, size_t head, size_t token) {
    const rkv_config *c = &cache->model->config;
    return (float *)rows + ((layer * c->n_kv_heads + head) * cache->capacity + token) * c->head_dim;
}

static void append(plain_cache *cache, const rkv_projection *p) {
    size_t n = p->shape.n_tokens, d = p->shape.head_dim;
    for (size_t g = 0; g < p->shape.n_kv_heads; g++) {
        memcpy(plain_cache_row(cache, cache->keys, p->layer, g, cache->n), p->k + g * n * d,
               n * d * sizeof(float));
        memcpy(plain_cache_row(cache, cache->values, p->layer, g, cache->n), p->v + g * n * d,
               n * d * sizeof(float));
    }
    if (p->layer > 0) return;
    size_t floats = p->shape.n_heads * n * d;
    free(cache->queries);
    cache->queries = malloc(floats * sizeof(float));
    assert_non_null(cache->queries);
    memcpy(cache->queries, p->q, floats * sizeof(float));
}

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* out [D] of query q [D], which sees `seen` tokens of its head. */
static void attend_query(const plain_cache *cache, size_t layer, size_t group, const float *q, size_t seen,
                         float *out) {
    size_t d = cache->model->config.head_dim;
    double *p = malloc(seen * sizeof *p), largest = -INFINITY, sum = 0;
    assert_non_null(p);
    for (size_t t = 0; t < seen; t++) {
        p[t] = dot(q, plain_cache_row(cache, cache->keys, layer, group, t), d) / sqrt((double)d);
        largest = fmax(largest, p[t]);
    }
    for (size_t t = 0; t < seen; t++)
        sum += p[t] = exp(p[t] - largest);
    for (size_t i = 0; i < d; i++) {
        double total = 0;
        for (size_t t = 0; t < seen; t++)
            total += p[t] * (double)plain_cache_row(cache, cache->values, layer, group, t)[i];
        out[i] = (float)(total / sum);
    }
    free(p);
}

rkv_status plain_cache_attend(void *user, const rkv_projection *p, float *out) {
    plain_cache *cache = user;
    size_t n = p->shape.n_tokens, d = p->shape.head_dim, heads = p->shape.n_heads;
    append(cache, p);
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < n; i++)
            attend_query(cache, p->layer, h * p->shape.n_kv_heads / heads, p->q + (h * n + i) * d,
                         cache->n + i + 1, out + (i * heads + h) * d);
    return RKV_OK;
}

void plain_cache_run(plain_cache *cache, rkv_forward *forward, const int32_t *ids, size_t n, int64_t first,
                     bool unrotated, float *logits) {
    rkv_pass pass = {.ids = ids,
                     .n = n,
                     .first = first,
                     .unrotated = unrotated,
                     .attend = plain_cache_attend,
                     .user = cache,
                     .last_logits = logits};
    assert_true(cache->n + n <= cache->capacity);
    if (rkv_forward_run(forward, &pass, NULL)) fail_msg("%s", rkv_message());
    cache->n += n;
}
