/* query_moments.c: running mean and covariance of a layer's queries before their rotation. What is new is
 * measured where it lies; here it is merged with what was there before, by Chan, Golub and LeVeque (1979):
 * for counts a and b, means x and y, squares = squares_a + squares_b + d d^T,  d = (y - x) sqrt(a b / (a +
 * b)). */
#include "compressors/query_moments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compressors/observation.h"
#include "core/memory.h"
#include "core/simd.h"

/* State: count, then means [H, D] and squares [H, D, D], the former from a whole cache line on. */
#define HEADER ((size_t)16)

size_t rkv_moments_size(const rkv_attention_shape *shape, bool covariance) {
    return HEADER + shape->n_heads * shape->head_dim * (covariance ? 1 + shape->head_dim : 1);
}

const float *rkv_moments_mean(const float *state, const rkv_attention_shape *shape, size_t head) {
    return state + HEADER + head * shape->head_dim;
}

const float *rkv_moments_squares(const float *state, const rkv_attention_shape *shape, size_t head) {
    return state + HEADER + (shape->n_heads + head * shape->head_dim) * shape->head_dim;
}

/* Moments of n queries per head. */
typedef struct moments {
    double n;
    float *mean;    /* [H, D] */
    float *squares; /* [H, D, D]; NULL: zeros, or not wanted */
} moments;

static moments of_state(float *state, const rkv_attention_shape *shape, bool covariance) {
    return (moments){state[0], (float *)rkv_moments_mean(state, shape, 0),
                     covariance ? (float *)rkv_moments_squares(state, shape, 0) : NULL};
}

/* ---- what is new ---- */

/* The newest n > 0 of some queries. */
typedef struct news {
    const rkv_observation *queries;
    const rkv_attention_shape *shape;
    const rkv_rope *rope;
    size_t n;
} news;

static rkv_status measure(const news *new, moments *out) {
    const rkv_observation *o = new->queries;
    const rkv_query_moments task = {.n_heads = new->shape->n_heads,
                                    .head_dim = new->shape->head_dim,
                                    .q = o->q,
                                    .m = o->m,
                                    .skip = o->m - new->n,
                                    .frequency = o->rotated ? new->rope->frequency : NULL,
                                    .first = o->first,
                                    .pairing = new->rope->pairing,
                                    .mean = out->mean,
                                    .squares = out->squares};
    return o->backend->ops->query_moments(o->backend, &task);
}

/* One query is its own mean. */
static rkv_status take_one(const news *new, moments *out) {
    size_t d = new->shape->head_dim;
    const rkv_observation *o = new->queries;
    rkv_newest_queries newest;
    rkv_status status = rkv_newest_queries_take(&newest, o, new->shape, 1);
    for (size_t h = 0; !status && h < new->shape->n_heads; h++) {
        memcpy(out->mean + h * d, newest.q + h * newest.stride * d, d * sizeof *out->mean);
        if (o->rotated) rkv_rope_turn(new->rope, 1 - o->first - (int64_t)o->m, out->mean + h * d);
    }
    rkv_newest_queries_clear(&newest);
    return status;
}

/* ---- merging ---- */

/* mean [D] and squares [D, D], or NULL, of a queries become those of a and b; more's squares may be NULL:
 * zeros. The mean of more becomes d. */
RKV_CLONES static void merge_head(double a, double b, size_t d, float *mean, float *squares, float *more,
                                  const float *more_squares) {
    float share = (float)(b / (a + b)), weight = (float)sqrt(a * b / (a + b));
    for (size_t i = 0; i < d; i++) {
        more[i] -= mean[i];
        mean[i] += more[i] * share;
        more[i] *= weight;
    }
    for (size_t i = 0; squares && i < d; i++)
        for (size_t j = 0; j < d; j++)
            squares[i * d + j] += more[i] * more[j];
    for (size_t i = 0; squares && more_squares && i < d * d; i++)
        squares[i] += more_squares[i];
}

static void merge(const moments *to, const moments *more, const rkv_attention_shape *shape) {
    size_t d = shape->head_dim;
#pragma omp parallel for schedule(static)
    for (size_t h = 0; h < shape->n_heads; h++)
        merge_head(to->n, more->n, d, to->mean + h * d, to->squares ? to->squares + h * d * d : NULL,
                   more->mean + h * d, more->squares ? more->squares + h * d * d : NULL);
}

/* The first queries go straight to where they are kept. */
static rkv_status take_in(const news *new, moments *known) {
    size_t rows = new->shape->n_heads, d = new->shape->head_dim;
    bool with_squares = known->squares && new->n > 1;
    moments more = {.n = (double)new->n};
    if (known->n == 0) return measure(new, known);
    rkv_status status = rkv_alloc_raw(&more.mean, rows * (with_squares ? 1 + d : 1), d * sizeof *more.mean);
    if (status) return status;
    if (with_squares) more.squares = more.mean + rows * d;
    status = new->n > 1 ? measure(new, &more) : take_one(new, &more);
    if (!status) merge(known, &more, new->shape);
    free(more.mean);
    return status;
}

rkv_status rkv_moments_observe(float *state, bool covariance, size_t n_sink,
                               const rkv_observation *new_queries, const rkv_attention_shape *shape,
                               const rkv_rope *rope) {
    size_t skip = new_queries->first < (int64_t)n_sink ? (size_t)((int64_t)n_sink - new_queries->first) : 0;
    if (skip >= new_queries->m) return RKV_OK;
    news new = {new_queries, shape, rope, new_queries->m - skip};
    moments known = of_state(state, shape, covariance);
    rkv_status status = take_in(&new, &known);
    if (!status) state[0] += (float)new.n;
    return status;
}
